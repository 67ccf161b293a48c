"""Whether a token is good: from memory for those seen before, else by its claims and then its signature, within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.failure import Refused
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.worker import Worker
    from gateway.spec.model import Spec


class Verified:
    """A token found good. The same object is given for the same token as long as that is remembered."""

    __slots__ = ("claims", "issuer", "made")

    def __init__(self, issuer: str, claims: dict[str, Any]) -> None:
        self.issuer = issuer
        """Its name in the spec."""
        self.claims = claims
        self.made: Any = None
        """What identity made of it, kept with it; forgotten when the spec or the issuer's keys change."""


class Tokens:
    """The tokens of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def configure(self, spec: Spec) -> None:
        """Trust these issuers from now on."""

    def verify(self, exchange: Exchange, token: bytes, then: Callable[[Verified | Refused], None]) -> None:
        """Judge a token and call `then` with the verdict: at once, or later if keys are being fetched for it.

        If it is later, `exchange.wait()` has been called before this returns, and it is `then` that resumes it. A
        refusal is UNAUTHENTICATED, without a challenge, or TOO_MANY_TOKENS, with Retry-After.
        """
