"""Stands between route and limits: finds out who calls, and turns away who may not. One serves a worker.

The first means of the route's `by` that a request shows decides, whatever else it shows. Every refusal of a credential
that is not good looks the same; only the metric says why.
"""

from __future__ import annotations

from functools import partial
from math import inf
from time import time
from typing import TYPE_CHECKING, Final

from exporters.catalog.gateway import IDENTITY
from gateway.core.consumers import Directory
from gateway.core.failure import Failure, Refused
from gateway.core.identity import BASIC, BEARER, TWICE
from gateway.core.recent import remember
from gateway.proxy.passwords import Passwords

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.caller import Caller
    from gateway.core.consumers import User
    from gateway.core.identity import Gate
    from gateway.proxy.client import ClientConnection
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.head import RequestHead
    from gateway.proxy.tokens import Verified
    from gateway.proxy.worker import Worker
    from gateway.spec.model import Spec

_REMEMBERED: Final = 1024
"""Certificates whose holders are kept in mind."""
_RESULTS: Final = ("good", "bad", "forbidden")
_MORE_RESULTS: Final = {"key": ("expired",), "jwt": ("throttled",), "basic": ("throttled",)}
_NO_MEANS: Final = "-"


class Gatekeeper:
    """Knows the consumers of the snapshot that is served."""

    __slots__ = ("_certificates", "_counts", "_directory", "_passwords", "_tokens", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._tokens = worker.tokens
        self._passwords = Passwords(worker)
        self._certificates: dict[tuple[str, ...], Caller] = {}
        self._counts: dict[tuple[str, str, str], int] = {}
        self._directory: Directory

    def configure(self, spec: Spec) -> None:
        """Know these consumers from now on; a request that waits is judged by those known when it came."""
        self._directory = Directory(spec)
        self._certificates.clear()
        self._passwords.configure(spec.identity, self._directory.users)
        for name, route in spec.routes.items():
            if route.identity:
                for means in route.identity.by:
                    for result in (*_RESULTS, *_MORE_RESULTS.get(means, ())):
                        self._index(name, means, result)
                self._index(name, _NO_MEANS, "anonymous" if route.identity.optional else "missing")

    def judge(self, exchange: Exchange, gate: Gate) -> bool:
        """Set who calls; False if that is found out later, and the exchange waits.

        Raises:
            Refused: who calls is unknown, may not, or tries too often.

        """
        head, certificate = exchange.head, exchange.client.certificate
        for means in gate.by:
            if means == "key" and head.key is not None:
                return self._judge_key(exchange, gate, head.key)
            if means == "jwt" and head.scheme in {BEARER, TWICE}:
                return self._judge_token(exchange, gate, head.credential)
            if means == "basic" and head.scheme in {BASIC, TWICE}:
                return self._judge_password(exchange, gate, head.credential)
            if means == "certificate" and certificate:
                return self._let_in(exchange, gate, self._holder(certificate))
        self._count(exchange, _NO_MEANS, "anonymous" if gate.optional else "missing")
        if not gate.optional:
            raise Refused(Failure.UNAUTHENTICATED, gate.challenges)
        return True

    def knows(self, client: ClientConnection, head: RequestHead, gate: Gate) -> bool:
        """Say whether a credential that `judge` would look at has been found good before: a guess, and cheap."""
        for means in gate.by:
            if means == "key" and head.key is not None:
                return head.key in self._directory.keys
            if means == "jwt" and head.scheme == BEARER:
                return self._tokens.knows(head.credential)
            if means == "basic" and head.scheme == BASIC:
                return self._passwords.remembered(head.credential) is not None
            if means == "certificate" and client.certificate:
                return True
        return False

    def _judge_key(self, exchange: Exchange, gate: Gate, digest: bytes) -> bool:
        # How long the look-up takes may tell something of digests, and nothing of keys: nobody can choose what a key's digest is near.
        key = self._directory.keys.get(digest)
        if key is None:
            raise self._unknown(exchange, gate, "key")
        if key.expires_unix != inf and key.expires_unix <= time():
            raise self._unknown(exchange, gate, "key", "expired")
        return self._let_in(exchange, gate, key.caller)

    def _holder(self, certificate: tuple[str, ...]) -> Caller:
        caller = self._certificates.get(certificate)
        if caller is None:
            caller = self._directory.of_certificate(certificate)
            remember(self._certificates, certificate, caller, _REMEMBERED)
        return caller

    # ---- tokens

    def _judge_token(self, exchange: Exchange, gate: Gate, token: bytes) -> bool:
        self._tokens.verify(exchange, token, partial(self._token_judged, exchange, gate, self._directory))
        if exchange.waiting:
            return False
        if exchange.caller is None:
            raise self._unknown(exchange, gate, "jwt")
        return True

    def _token_judged(self, exchange: Exchange, gate: Gate, directory: Directory, verdict: Verified | Refused) -> None:
        if exchange.waiting:
            _go_on(exchange, partial(self._take_token, exchange, gate, directory, verdict))
        else:
            self._take_token(exchange, gate, directory, verdict)

    def _take_token(self, exchange: Exchange, gate: Gate, directory: Directory, verdict: Verified | Refused) -> bool:
        if isinstance(verdict, Refused):
            raise self._refusal(exchange, gate, "jwt", verdict)
        callers: dict[Gate, Caller] | None = verdict.made
        if callers is None:
            callers = verdict.made = {}
        caller = callers.get(gate)
        if caller is None:
            if not gate.believes(verdict.issuer):
                raise self._unknown(exchange, gate, "jwt")
            caller = callers[gate] = self._introduce(exchange, gate, directory, verdict)
        return self._let_in(exchange, gate, caller)

    def _introduce(self, exchange: Exchange, gate: Gate, directory: Directory, token: Verified) -> Caller:
        """Make a caller of a good token, once for each route it is shown to."""
        try:
            exchange.caller = caller = gate.holder(directory, token.issuer, token.claims)
            gate.check_claims(token.claims)
        except Refused:
            self._count(exchange, "jwt", "forbidden")
            raise
        return caller

    # ---- passwords

    def _judge_password(self, exchange: Exchange, gate: Gate, credential: bytes) -> bool:
        user = self._passwords.remembered(credential)
        if user is not None:
            return self._let_in(exchange, gate, user.caller)
        try:
            self._passwords.verify(exchange, credential, partial(self._password_judged, exchange, gate))
        except Refused as refused:
            raise self._refusal(exchange, gate, "basic", refused) from None
        return False

    def _password_judged(self, exchange: Exchange, gate: Gate, user: User | None) -> None:
        _go_on(exchange, partial(self._take_user, exchange, gate, user))

    def _take_user(self, exchange: Exchange, gate: Gate, user: User | None) -> bool:
        if user is None:
            raise self._unknown(exchange, gate, "basic")
        return self._let_in(exchange, gate, user.caller)

    # ---- verdicts

    def _let_in(self, exchange: Exchange, gate: Gate, caller: Caller) -> bool:
        exchange.caller = caller
        if not gate.lets_in(caller.consumer):
            self._count(exchange, caller.means, "forbidden")
            raise Refused(Failure.FORBIDDEN)
        self._count(exchange, caller.means, "good")
        return True

    def _unknown(self, exchange: Exchange, gate: Gate, means: str, result: str = "bad") -> Refused:
        self._count(exchange, means, result)
        return Refused(Failure.UNAUTHENTICATED, gate.challenged(means))

    def _refusal(self, exchange: Exchange, gate: Gate, means: str, refused: Refused) -> Refused:
        """Take over a refusal of those who verify: they know no route and no challenge."""
        if refused.failure is Failure.UNAUTHENTICATED:
            return self._unknown(exchange, gate, means)
        self._count(exchange, means, "throttled")
        return refused

    def _count(self, exchange: Exchange, means: str, result: str) -> None:
        key = exchange.lane.name, means, result
        index = self._counts.get(key)
        self._worker.values[self._index(*key) if index is None else index] += 1

    def _index(self, route: str, means: str, result: str) -> int:
        index = self._counts[route, means, result] = self._worker.slot.tally.index(IDENTITY, (route, means, result))
        return index


def _go_on(exchange: Exchange, step: Callable[[], bool]) -> None:
    """Judge what was waited for, and go on with the exchange."""
    exchange.client.go_on(partial(_conclude, exchange, step))


def _conclude(exchange: Exchange, step: Callable[[], bool]) -> None:
    try:
        step()
    except Refused as refused:
        exchange.resume(refused)
    else:
        exchange.resume()
