"""Verifies passwords of HTTP Basic on a thread, for a hash takes tens of milliseconds, and remembers those that were good.

What is remembered costs microseconds and waits for nobody, so a flood of bad passwords only delays who logs in.
"""

from __future__ import annotations

import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from argon2.exceptions import VerificationError
from argon2.low_level import Type, verify_secret

from exporters.catalog.gateway import PASSWORD_HASHES
from gateway.core.address import address_key
from gateway.core.failure import Failure, Refused
from gateway.core.identity import read_basic
from gateway.core.recent import Recent

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

    from gateway.core.consumers import User
    from gateway.proxy.exchange import Exchange
    from gateway.proxy.worker import Worker
    from gateway.spec.consumer import Identity

_REMEMBERED: Final = 4096
_REMEMBERED_SECONDS: Final = 300.0
"""Good credentials kept in mind at most, and for how long: a user taken out of the spec is forgotten at once, whatever this says."""
_MOST_UNDER_WAY: Final = 16
_MOST_UNDER_WAY_BY_ADDRESS: Final = 4
"""Verifications waiting or running, of all clients and of one: the last of them waits for less than a second."""
_NICE: Final = 5
"""How far the hashing thread stands back behind event loops for the CPU."""


class _Memory(NamedTuple):
    """A credential that was good, without the password."""

    name: bytes
    argon2: str
    until_seconds: float


class _Verification(NamedTuple):
    """A hash that is waiting or being computed, and who waits for it."""

    address: str
    waiting: list[tuple[User | None, Callable[[User | None], None]]]


class Passwords:
    """The passwords of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._users: dict[bytes, User] = {}
        self._hashes: list[str] = []
        self._per_second = 0
        self._second = 0
        self._spent: dict[str, int] = {}
        """Verifications of this second, by client address."""
        self._memories: Recent[bytes, _Memory] = Recent(_REMEMBERED // 2, _REMEMBERED)
        self._under_way: dict[tuple[bytes, str], _Verification] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._pepper = os.urandom(32)
        self._hashed = worker.slot.tally.index(PASSWORD_HASHES, ())

    def configure(self, identity: Identity, users: dict[bytes, User]) -> None:
        """Know these users from now on."""
        self._users = users
        self._hashes = [user.argon2 for user in users.values()]
        self._per_second = math.ceil(identity.verifications_per_second / self._worker.workers)

    def remembered(self, credential: bytes) -> User | None:
        """Give the user of a credential found good a moment ago, if that still is the user's password."""
        memory = self._memories.get(self._digest(credential))
        if memory is None or memory.until_seconds < self._worker.clock():
            return None
        user = self._users.get(memory.name)
        return user if user is not None and user.argon2 == memory.argon2 else None

    def verify(self, exchange: Exchange, credential: bytes, then: Callable[[User | None], None]) -> None:
        """Let an exchange wait, and call `then` with its user, or None if the credential is not good.

        An unknown user costs what a known one does: the password is hashed as somebody else's, in vain.

        Raises:
            Refused: UNAUTHENTICATED, it is no credential; TOO_MANY_TOKENS, there are too many unknown ones.

        """
        pair = read_basic(credential)
        if pair is None or not self._hashes:
            raise Refused(Failure.UNAUTHENTICATED)
        name, password = pair
        user = self._users.get(name)
        argon2 = user.argon2 if user else self._hashes[hash(name) % len(self._hashes)]
        key = self._digest(credential), argon2
        verification = self._under_way.get(key)
        if verification is None:
            verification = self._begin(exchange, key, name, password)
        exchange.wait()
        verification.waiting.append((user, then))

    def _begin(self, exchange: Exchange, key: tuple[bytes, str], name: bytes, password: bytes) -> _Verification:
        origin = exchange.origin
        address = address_key(origin.client) if origin else ""
        self._spend(address)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "passwords", _stand_back)
        verification = self._under_way[key] = _Verification(address, [])
        computed = self._worker.loop.run_in_executor(self._pool, _matches, key[1], password)
        computed.add_done_callback(partial(self._conclude, key, name))
        self._worker.values[self._hashed] += 1
        return verification

    def _spend(self, address: str) -> None:
        """Take one verification from what a client address may have verified."""
        second = int(self._worker.clock())
        if second != self._second:
            self._second = second
            self._spent.clear()
        spent = self._spent.get(address, 0)
        mine = sum(each.address == address for each in self._under_way.values())
        too_many = mine >= _MOST_UNDER_WAY_BY_ADDRESS or len(self._under_way) >= _MOST_UNDER_WAY
        if too_many or spent >= self._per_second:
            raise Refused(Failure.TOO_MANY_TOKENS, ((b"retry-after", b"1"),))
        self._spent[address] = spent + 1

    def _conclude(self, key: tuple[bytes, str], name: bytes, computed: Future[bool]) -> None:
        digest, argon2 = key
        verification = self._under_way.pop(key)
        good = computed.result()
        if good and any(user for user, _ in verification.waiting):
            self._memories.put(digest, _Memory(name, argon2, self._worker.clock() + _REMEMBERED_SECONDS), 1)
        for user, then in verification.waiting:
            then(user if good else None)

    def _digest(self, credential: bytes) -> bytes:
        return blake2b(credential, digest_size=32, key=self._pepper).digest()


def _matches(argon2: str, password: bytes) -> bool:
    try:
        return verify_secret(argon2.encode(), password, Type.ID)
    except VerificationError:
        return False


def _stand_back() -> None:
    """Let event loops have the CPU first; on Linux a thread has a priority of its own."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
