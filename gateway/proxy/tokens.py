"""Whether a token is good: from memory for those seen before, else by its claims and then its signature, within a budget.

Tokens nobody has seen cost time that whoever sends them chooses, so that time is bounded twice: in number for each client
address, and as a share of the worker's time. Beyond it unknown tokens are refused unread, and known ones pass as ever.
"""

from __future__ import annotations

import math
import secrets
import time
from functools import partial
from hashlib import blake2b
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, Final

from exporters.catalog.gateway import KEY_MISSES, TOKENS
from gateway.core.address import address_key
from gateway.core.failure import Failure, Refused
from gateway.core.recent import Recent
from gateway.core.token import BadToken, Flaw, expiry, judge, read
from gateway.proxy.issuers import Binding, Issuers, Trusted
from gateway.proxy.turns import Turns
from gateway.spec.consumer import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.keyset import KeySets
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.worker import Worker
    from gateway.spec.model import Spec

_MOST_TOKENS: Final = 10_000
_MOST_TOKEN_BYTES: Final = 4_000_000
"""Of one generation's tokens, as they were sent; their claims take about three times that."""
_MOST_ADDRESSES: Final = 10_000
_BAD_SECONDS: Final = 10.0
"""How long a refusal is remembered: who repeats a bad token learns nothing new, and costs nothing more."""
_SAVED_SECONDS: Final = 0.1
"""Of the time for verifying that was not used, what is kept for a burst: with 20 %, 20 ms of work."""
_OWED_SECONDS: Final = 1.0
"""The greatest debt with which a token that waited for its key is verified: a flood that waits with it leaves no more."""
_FORGED_COSTS: Final = 4
"""How often the time for a signature that was wrong is owed: it has a request and an answer besides, and more will come."""
_FORGED_SECONDS: Final = 0.0003
"""What is owed beyond that time at most, about what such a request costs: a token made dear must not shut others out."""
_KEY_WAIT_SECONDS: Final = 1.0
_KEY_ASK_SECONDS: Final = 10.0
_MOST_WAITING: Final = 256
"""For a key, and again for their turn; a turn is a verification's time and that of what came meanwhile."""
_LOOK_SECONDS: Final = 1.0
_NOBODY: Final = "-"
_LASTING: Final = frozenset(Flaw) - {Flaw.UNKNOWN_KEY, Flaw.NOT_YET}
"""Flaws the same token will still have in a moment."""
_CACHED, _GOOD, _MANY, _LONG = "cached", "good", "throttled_client", "throttled_time"
_LATER: Final = ((b"retry-after", b"1"),)


class Verified:
    """A token found good. The same object is given for the same token as long as that is remembered."""

    __slots__ = ("_binding", "_spec", "_until", "claims", "issuer", "made", "recalled")

    def __init__(self, trusted: Trusted, binding: Binding, claims: dict[str, Any], *, spec: int, recalled: int) -> None:
        self.issuer = trusted.name
        """Its name in the spec."""
        self.claims = claims
        self.made: Any = None
        """What identity made of it, kept with it; forgotten when the spec changes."""
        self.recalled = recalled
        """Where it is counted when it comes again."""
        self._spec = spec
        self._binding = binding
        self._until = expiry(claims) + trusted.issuer.leeway_seconds

    def holds(self, spec: int, now: float) -> bool:
        """Say whether it is good under the spec of this number at this time (Unix)."""
        if now >= self._until or not self._binding.alive:
            return False
        if self._spec != spec:
            self._spec = spec
            self.made = None
        return True


class _Asked:
    """A token in question."""

    __slots__ = ("digest", "due", "exchange", "news", "then", "token", "trusted")

    def __init__(
        self, exchange: Exchange, token: bytes, digest: bytes, then: Callable[[Verified | Refused], None]
    ) -> None:
        self.exchange = exchange
        self.token = token
        self.digest = digest
        self.then = then
        self.trusted: Trusted | None = None
        """Whose it says it is."""
        self.due = 0.0
        """Until when its key is waited for, in loop seconds; 0 before that."""
        self.news = 0

    def is_ready(self, now: float) -> bool:
        """Say whether waiting has come to an end: there is another set of keys, or no time left."""
        assert self.trusted is not None
        return now >= self.due or self.trusted.asked != self.news


class Tokens:
    """The tokens of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._values = worker.values
        self._issuers = Issuers()
        self._seed = secrets.token_bytes(32)
        self._good: Recent[bytes, Verified] = Recent(_MOST_TOKENS, _MOST_TOKEN_BYTES)
        self._bad: Recent[bytes, tuple[float, int]] = Recent(_MOST_TOKENS, _MOST_TOKENS)
        self._clients: Recent[str, float] = Recent(_MOST_ADDRESSES, _MOST_ADDRESSES)
        self._identity = Identity()
        self._gap_seconds = 0.0
        self._free_at = 0.0
        """When the time taken for verifying is paid off, as perf_counter."""
        self._spec = 0
        self._counts: dict[tuple[str, str], int] = {}
        self._misses: dict[str, int] = {}
        self._look_at = 0.0
        self._waiting: list[_Asked] = []
        """Those whose keys are on their way."""
        self._turns = Turns(worker.outbox)

    def configure(self, spec: Spec) -> None:
        """Trust these issuers from now on. What was verified by rules and keys that stay is good for as long as before."""
        self._spec += 1
        self._identity = spec.identity
        self._gap_seconds = 1 / math.ceil(spec.identity.verifications_per_second / self._worker.workers)
        self._free_at = 0.0
        self._clients = Recent(_MOST_ADDRESSES, _MOST_ADDRESSES)
        self._issuers.configure(spec.issuers)
        self._forget_bad()
        tally = self._worker.slot.tally
        for name in (*spec.issuers, _NOBODY):
            for result in (_CACHED, _GOOD, *Flaw, _MANY, _LONG):
                self._counts[name, result] = tally.index(TOKENS, (name, result))
            self._misses[name] = tally.index(KEY_MISSES, (name,))

    def follow(self, published: KeySets) -> None:
        """Take up the keys control has published, and judge what waited for them."""
        self._issuers.follow(published)
        self._forget_bad()
        self._wake()

    def tick(self, now: float) -> None:
        """Notice what needs no event: secrets that changed, waits that are over. `now` is in loop seconds."""
        if self._waiting:
            self._wake()
        self._turns.tick()
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            if self._issuers.look():
                self._forget_bad()

    def verify(self, exchange: Exchange, token: bytes, then: Callable[[Verified | Refused], None]) -> None:
        """Judge a token and call `then` with the verdict: at once if it is known or may not be judged, else in its turn.

        If it is later, `exchange.wait()` has been called before this returns, and it is `then` that resumes it; `then`
        is not called for a client that has left. A refusal is UNAUTHENTICATED, without a challenge, or
        TOO_MANY_TOKENS, with Retry-After.
        """
        digest = self._digest(token)
        verdict = self._remembered(digest) or self._throttled(exchange)
        if verdict:
            then(verdict)
            return
        exchange.wait()
        self._put_off(_Asked(exchange, token, digest, then))

    def knows(self, token: bytes) -> bool:
        """Say whether a token has been found good before."""
        return self._good.get(self._digest(token)) is not None

    def _digest(self, token: bytes) -> bytes:
        return blake2b(token, digest_size=16, key=self._seed).digest()

    # ---- what is not read

    def _remembered(self, digest: bytes) -> Verified | Refused | None:
        known = self._good.get(digest)
        if known is None:
            return self._refused_before(digest)
        if known.holds(self._spec, time.time()):
            self._values[known.recalled] += 1
            return known
        self._good.forget(digest)
        return None

    def _refused_before(self, digest: bytes) -> Refused | None:
        known = self._bad.get(digest)
        if known is None:
            return None
        until, count = known
        if self._worker.clock() >= until:
            self._bad.forget(digest)
            return None
        self._values[count] += 1
        return Refused(Failure.UNAUTHENTICATED)

    def _throttled(self, exchange: Exchange) -> Refused | None:
        """Refuse a token that its sender, or all senders together, may not have verified now."""
        now = perf_counter()
        if self._turns.waiting >= _MOST_WAITING or self._owes(now):
            return self._too_many(_LONG)
        assert exchange.origin is not None
        client = address_key(exchange.origin.client)
        due = max(self._clients.get(client) or 0.0, now) + self._gap_seconds
        if due - now > 1.0:
            return self._too_many(_MANY)
        self._clients.put(client, due, 1)
        return None

    def _owes(self, now: float, most: float = _SAVED_SECONDS) -> bool:
        return self._free_at - now > most

    def _too_many(self, why: str) -> Refused:
        self._values[self._counts[_NOBODY, why]] += 1
        return Refused(Failure.TOO_MANY_TOKENS, _LATER)

    # ---- what is read

    def _put_off(self, asked: _Asked) -> None:
        self._turns.put(asked.exchange, partial(self._judge, asked), partial(self._give_up, asked))

    def _give_up(self, asked: _Asked) -> None:
        asked.then(self._too_many(_LONG))

    def _judge(self, asked: _Asked) -> None:
        """Judge one that was put off: it may be known by now, and what is owed by now is more."""
        verdict = self._remembered(asked.digest)
        most = _OWED_SECONDS if asked.due else _SAVED_SECONDS
        if verdict is None and self._owes(perf_counter(), most):
            verdict = self._too_many(_LONG)
        if verdict:
            asked.then(verdict)
        else:
            self._examine(asked)

    def _examine(self, asked: _Asked) -> None:
        """Judge a token by what it says and by its signature, and pay for the time that takes."""
        begun, forged = thread_time(), False
        verdict: Verified | Refused | None
        try:
            verdict = self._verified(asked)
        except BadToken as bad:
            verdict = self._refuse(asked, bad.flaw)
            forged = bad.flaw is Flaw.SIGNATURE
        spent = thread_time() - begun
        if forged:
            spent += min((_FORGED_COSTS - 1) * spent, _FORGED_SECONDS)
        self._free_at = max(self._free_at, perf_counter()) + spent / max(self._identity.verify_ratio, 1e-6)
        if verdict is not None:
            asked.then(verdict)

    def _verified(self, asked: _Asked) -> Verified | None:
        """Verify a token; None if its key is waited for. Raises BadToken."""
        unverified = read(asked.token, self._issuers.algorithms)
        asked.trusted = trusted = self._issuers.issuer(unverified.claims.get("iss"))
        if trusted is None:
            raise BadToken(Flaw.ISSUER)
        judge(unverified, trusted.issuer, time.time())
        binding = trusted.binding(unverified.key_id, unverified.algorithm)
        if binding is None:
            if self._waits(asked, trusted):
                return None
            raise BadToken(Flaw.UNKNOWN_KEY)
        if not binding.verify(unverified.signed, unverified.signature):
            raise BadToken(Flaw.SIGNATURE)
        counts, name = self._counts, trusted.name
        self._values[counts[name, _GOOD]] += 1
        verified = Verified(trusted, binding, unverified.claims, spec=self._spec, recalled=counts[name, _CACHED])
        self._good.put(asked.digest, verified, len(asked.token))
        return verified

    def _refuse(self, asked: _Asked, flaw: Flaw) -> Refused:
        count = self._counts[asked.trusted.name if asked.trusted else _NOBODY, flaw]
        self._values[count] += 1
        if flaw in _LASTING:
            self._bad.put(asked.digest, (self._worker.clock() + _BAD_SECONDS, count), 1)
        return Refused(Failure.UNAUTHENTICATED)

    def _forget_bad(self) -> None:
        self._bad = Recent(_MOST_TOKENS, _MOST_TOKENS)

    # ---- keys on their way

    def _waits(self, asked: _Asked, trusted: Trusted) -> bool:
        """Let a token wait for its key, which control is asked for now and then; False if that is no use."""
        if asked.due or trusted.issuer.url is None:
            return False
        now = self._worker.clock()
        if now - trusted.asked_at >= _KEY_ASK_SECONDS:
            trusted.asked_at = now
            self._values[self._misses[trusted.name]] += 1
        asked.due = trusted.asked_at + _KEY_WAIT_SECONDS
        asked.news = trusted.asked
        if now >= asked.due or len(self._waiting) >= _MOST_WAITING:
            return False
        self._waiting.append(asked)
        asked.exchange.wait()
        return True

    def _wake(self) -> None:
        now = self._worker.clock()
        ready = [asked for asked in self._waiting if asked.is_ready(now)]
        if ready:
            self._waiting = [asked for asked in self._waiting if not asked.is_ready(now)]
            for asked in ready:
                self._put_off(asked)
