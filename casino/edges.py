"""What a request meets at the edges of the gateway, in words: address lists, CORS rules, headers that protect browsers."""

from gateway.core.acl import compile_list
from gateway.core.headers import join
from gateway.core.plan import Plan
from gateway.core.request import Request
from gateway.spec.model import Spec


class Edges:
    """The edges of one route, for one request."""

    def __init__(self, spec: Spec, plan: Plan | None, request: Request) -> None:
        """`plan` is None for a request that no route takes."""
        everywhere = compile_list(spec.addresses)
        is_stranger = everywhere is not None and not everywhere.allows(request.client)
        self.plan = None if is_stranger else plan
        """The route that is asked for; None too for clients who never get so far."""
        self._origin = request.header("origin")
        lists = {"the list of all routes": everywhere, "the route's list": self.plan.acl if self.plan else None}
        verdicts = {name: each.allows(request.client) for name, each in lists.items() if each is not None}
        self.lets_in = all(verdicts.values())
        named = [name for name, verdict in verdicts.items() if verdict is self.lets_in]
        verb = "let in by" if self.lets_in else "kept out by"
        self.client = f"{request.client}, {verb} {' and '.join(named)}" if verdicts else None
        """Who it is and what the lists say; None where there are none."""

    @property
    def returns(self) -> tuple[str, ...]:
        """The header lines that the route's answers get."""
        if self.plan is None:
            return ()
        cors = self.plan.cors
        lines = (cors.lines(self._origin) if cors else b"") + join(self.plan.response_headers.defaults)
        return tuple(lines.decode().splitlines())

    @property
    def preflight(self) -> tuple[str, ...]:
        """The header lines of the answer to a preflight."""
        assert self.plan is not None
        cors = self.plan.cors
        assert cors is not None
        return tuple((cors.lines(self._origin) + cors.permissions(self._origin)).decode().splitlines())
