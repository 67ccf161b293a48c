"""The store of a fleet: Redis, spoken to by one connection. A batch is one round trip, whatever its size.

Every key ends by itself (PEXPIRE), so that memory is bounded by who called lately. All keys of a fleet share one hash
tag: a script may touch them together on a Redis Cluster too. Passwords are read when a connection is opened and go
nowhere else.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    NoScriptError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.spec.limit import Store
from gateway.store.secrets import SecretError, Secrets
from gateway.store.shared import (
    BUCKET_KEPT_SECONDS,
    SESSION_SECONDS,
    Answer,
    Batch,
    StoreError,
    StoreFault,
)

DEFAULT_PORT = 6379
ITEMS_PER_SCRIPT = 500
"""Redis does nothing else while a script runs: two milliseconds for this many."""
MOST_SCRIPTS = 1000
"""Pieces of one batch."""

_SCRIPT = """
-- KEYS: the session, then buckets, then counters. ARGV[1], in msgpack: {number, session kept, bucket kept (ms),
-- {{cost, age, ceiling} (us) of each bucket}, {{amount, kept (ms)} of each counter}}. Answers in msgpack.
local number, session_kept, bucket_kept, charges, uses = unpack(cmsgpack.unpack(ARGV[1]))
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local fresh = number > tonumber(redis.call('GET', KEYS[1]) or '0')
if fresh then redis.call('SET', KEYS[1], number, 'PX', session_kept) end
local owed, used = {}, {}
for i, charge in ipairs(charges) do
  local key = KEYS[1 + i]
  local tat = tonumber(redis.call('GET', key) or '0')
  if fresh then
    tat = math.min(math.max(tat, now - charge[2]) + charge[1], now + charge[3])
    local kept = math.max(0, math.ceil((tat - now) / 1000)) + bucket_kept
    redis.call('SET', key, string.format('%.0f', tat), 'PX', string.format('%.0f', kept))
  end
  owed[i] = tat - now
end
for i, use in ipairs(uses) do
  local key = KEYS[1 + #charges + i]
  if fresh then
    used[i] = redis.call('INCRBY', key, use[1])
    redis.call('PEXPIRE', key, use[2])
  else
    used[i] = tonumber(redis.call('GET', key) or '0')
  end
end
return cmsgpack.pack({owed, used})
"""
_SHA = hashlib.sha1(_SCRIPT.encode()).hexdigest()  # noqa: S324 - what EVALSHA names a script by
_Answer = tuple[list[float], list[int]]
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Answer)


class RedisStore:
    """One connection, opened when it is needed and again after every failure."""

    def __init__(self, spec: Store, secrets: Secrets) -> None:
        self._tag = f"{{{spec.prefix}}}"
        self._timeout = spec.timeout_seconds
        self._client = Redis(
            **_place(spec),
            credential_provider=_Credentials(spec, secrets) if spec.password else None,
            protocol=2,
            socket_timeout=spec.timeout_seconds,
            socket_connect_timeout=spec.timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )

    async def exchange(self, batch: Batch) -> Answer:
        """Tell and learn in one round trip. Raises StoreError."""
        scripts = list(_scripts(batch))
        try:
            async with asyncio.timeout(self._timeout):
                answers = await self._run(scripts)
        except (RedisError, OSError, SecretError) as fault:
            await self._client.connection_pool.disconnect()
            raise StoreError(_fault(fault), str(fault) or f"no answer within {self._timeout} s") from None
        owed = tuple(micro / 1e6 for answer in answers for micro in answer[0])
        return Answer(owed, tuple(count for answer in answers for count in answer[1]))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def _run(self, scripts: Sequence[Batch]) -> list[_Answer]:
        try:
            return await self._pipelined(scripts)
        except NoScriptError:  # the server is new, or was told to forget; what ran already will not count again
            await self._client.script_load(_SCRIPT)
            return await self._pipelined(scripts)

    async def _pipelined(self, scripts: Sequence[Batch]) -> list[_Answer]:
        pipeline = self._client.pipeline(transaction=False)
        for script in scripts:
            keys = self._keys(script)
            pipeline.evalsha(_SHA, len(keys), *keys, _encoded(script))
        answers: list[bytes | Exception] = await pipeline.execute(raise_on_error=False)
        return [_decoded(answer) for answer in answers]

    def _keys(self, batch: Batch) -> list[str]:
        return [
            f"{self._tag}session:{batch.session}",
            *(f"{self._tag}rate:{charge.bucket}" for charge in batch.charges),
            *(f"{self._tag}quota:{use.counter}" for use in batch.uses),
        ]


class _Credentials(CredentialProvider):
    """Asked by the client whenever it opens a connection: a password that was rotated is found then."""

    def __init__(self, spec: Store, secrets: Secrets) -> None:
        self._spec = spec
        self._secrets = secrets

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        assert self._spec.password, "without one nobody is asked"
        password = self._secrets.get(self._spec.password)
        return (self._spec.user, password) if self._spec.user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


def _place(spec: Store) -> dict[str, Any]:
    """Say where the server is, in the client's words."""
    url = urlsplit(spec.url)
    if url.scheme == "redis+unix":
        return {"unix_socket_path": unquote(url.path)}
    place = {"host": url.hostname, "port": url.port or DEFAULT_PORT, "db": int(url.path.strip("/") or 0)}
    return place | ({"ssl": True, "ssl_ca_certs": spec.ca} if url.scheme == "rediss" else {})


def _scripts(batch: Batch) -> Iterator[Batch]:
    """Cut a batch into pieces, each with a number of its own: of a batch that was told in part, the rest is told again."""
    number = batch.number * MOST_SCRIPTS
    charges = [batch.charges[at : at + ITEMS_PER_SCRIPT] for at in range(0, len(batch.charges), ITEMS_PER_SCRIPT)]
    uses = [batch.uses[at : at + ITEMS_PER_SCRIPT] for at in range(0, len(batch.uses), ITEMS_PER_SCRIPT)]
    pieces = [(some, ()) for some in charges] + [((), some) for some in uses]
    assert len(pieces) <= MOST_SCRIPTS, "who makes batches bounds them"
    for offset, (some_charges, some_uses) in enumerate(pieces):
        yield Batch(batch.session, number + offset, some_charges, some_uses)


def _encoded(batch: Batch) -> bytes:
    charges = [
        (_micro(charge.cost_seconds), _micro(charge.age_seconds), _micro(charge.ceiling_seconds))
        for charge in batch.charges
    ]
    uses = [(use.amount, _milli(use.lasts_seconds)) for use in batch.uses]
    return _ENCODER.encode((batch.number, _milli(SESSION_SECONDS), _milli(BUCKET_KEPT_SECONDS), charges, uses))


def _decoded(answer: bytes | Exception) -> _Answer:
    if isinstance(answer, Exception):
        raise answer
    values: _Answer = _DECODER.decode(answer)
    return values


def _micro(seconds: float) -> int:
    return round(seconds * 1e6)


def _milli(seconds: float) -> int:
    return ceil(seconds * 1e3)


def _fault(fault: Exception) -> StoreFault:
    if isinstance(
        fault.__cause__, AuthenticationError | SecretError
    ):  # the client wraps what went wrong while it connected
        return StoreFault.DENIED
    match fault:
        case AuthenticationError() | AuthorizationError() | NoPermissionError() | SecretError():
            return StoreFault.DENIED
        case ResponseError() if "unauthenticated" in str(fault):  # what a long command without a password is told
            return StoreFault.DENIED
        case ResponseError() | BusyLoadingError():
            return StoreFault.REFUSED
        case TimeoutError() | RedisTimeoutError():
            return StoreFault.TIMEOUT
    return StoreFault.UNREACHABLE
