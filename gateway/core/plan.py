"""A route, compiled: everything about a request that does not depend on the request."""

from typing import Final

from msgspec import Struct

from gateway.core.acl import compile_list
from gateway.core.cors import RESPONSE_FIELDS, Cors
from gateway.core.headers import HeaderChanges
from gateway.core.identity import Gate
from gateway.core.limit import rules
from gateway.core.protection import PRESET, TELLTALE
from gateway.core.request import Header
from gateway.core.rewrite import Rewrite
from gateway.core.split import Split
from gateway.spec.model import Spec
from gateway.spec.route import Answer, Route
from gateway.spec.upstream import Upstream

_ANY_SIZE: Final = 1 << 62


class StaticAnswer(Struct, frozen=True):
    """A fixed answer, ready to send; framing and connection headers are the codec's."""

    status: int
    headers: list[Header]
    body: bytes
    maintenance: bool


class Plan:
    """One compiled route: either `answer` is set, or `upstream` and `split` are."""

    __slots__ = (
        "acl",
        "answer",
        "answer_bytes",
        "body_bytes",
        "gate",
        "cors",
        "has_edges",
        "limits",
        "name",
        "request_headers",
        "response_headers",
        "rewrite",
        "route",
        "split",
        "total_timeout_seconds",
        "upgrades",
        "upstream",
        "upstream_name",
    )

    def __init__(self, name: str, spec: Spec) -> None:
        route = spec.routes[name]
        self.name = name
        self.route: Route = route
        self.upstream_name = route.to
        self.upstream: Upstream | None = None if route.to is None else spec.upstreams[route.to]
        self.split = None if self.upstream is None else Split(route.split, self.upstream.versions)
        self.gate = None if route.identity is None else Gate(route.identity, spec)
        """What callers must show; None: nothing."""
        self.limits = rules(spec, name)
        self.rewrite = Rewrite(route.rewrite)
        self.request_headers = HeaderChanges(route.headers.request)
        self.response_headers = _response_headers(route)
        self.upgrades = frozenset(token.encode() for token in route.upgrades) - {b"h2c"}
        self.body_bytes = spec.bounds.body_bytes if route.body_bytes is None else route.body_bytes
        """The largest request body accepted."""
        self.answer_bytes = _ANY_SIZE if route.answer_bytes is None else route.answer_bytes
        """The largest answer passed on."""
        self.acl = compile_list(route.addresses)
        self.cors = None if route.cors is None else Cors(route.cors, [match.methods for match in route.match])
        self.has_edges = self.acl is not None or self.cors is not None
        self.total_timeout_seconds = route.timeout_seconds or (
            None if self.upstream is None else self.upstream.timeouts.total_seconds
        )
        """None only where nothing is called."""
        self.answer = None if route.answer is None else _render(route.answer)


def _response_headers(route: Route) -> HeaderChanges:
    dropped = (*(RESPONSE_FIELDS if route.cors else ()), *(TELLTALE if route.security_headers else ()))
    return HeaderChanges(route.headers.response, dropped=dropped, defaults=PRESET if route.security_headers else ())


def _render(answer: Answer) -> StaticAnswer:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    if answer.body and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"text/plain; charset=utf-8"))
    return StaticAnswer(answer.status, headers, answer.body.encode(), answer.maintenance)
