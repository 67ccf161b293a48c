"""Consumers that tests know, and what they show."""

from base64 import b64encode
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.low_level import Type

from exporters.catalog.gateway import IDENTITY

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, type=Type.ID)
"""Milliseconds instead of tens of them: what is counted is that a hash is computed, not how long it takes."""
SLOW = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1, type=Type.ID)
"""A tenth of a second on an idle core: time to do something meanwhile."""
SLOWER = PasswordHasher(time_cost=10, memory_cost=32 * 1024, parallelism=1, type=Type.ID)
"""A third of a second: time to notice that it is computed, and then to do something meanwhile."""
KEY, OTHER_KEY, OLD_KEY, STRANGER_KEY = "casino_shop", "casino_other", "casino_old", "casino_unknown"


def hash_of(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def basic(user: bytes, password: bytes) -> bytes:
    """The header line that shows them."""
    return b"Authorization: Basic " + b64encode(user + b":" + password)


def key(value: str = KEY, name: bytes = b"X-API-Key") -> bytes:
    """The header line that shows an API key."""
    return name + b": " + value.encode()


def ask(*lines: bytes, target: bytes = b"/keyed", method: bytes = b"GET") -> bytes:
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: a", *lines, b"", b""])


def results(gateway, **labels: str) -> dict[str, int]:
    """How requests to guarded routes ended so far, by result."""
    totals = gateway.totals().counters
    found: dict[str, int] = {}
    for (name, pairs), value in totals.items():
        these = dict(pairs)
        if name == IDENTITY.name and value and labels.items() <= these.items():
            found[these["result"]] = found.get(these["result"], 0) + value
    return found
