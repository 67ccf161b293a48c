"""`casino key`: makes API keys and the hashes of passwords. What is secret is printed once, or never, and kept nowhere."""

import re
import secrets
import sys
from getpass import getpass
from hashlib import sha256

import msgspec
from argon2 import PasswordHasher
from argon2.low_level import Type
from msgspec.inspect import StrType, type_info

from casino.exits import UNUSABLE, refuse
from gateway.spec.dump import inline
from gateway.spec.types import scalar
from gateway.spec.units import Name

PREFIX = "casino_"
"""Begins every key, so that scanners for leaked secrets know one when they see it."""
KEY_BYTES = 32
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
"""OWASP's Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane."""


NAME = scalar(type_info(Name))
assert isinstance(NAME.type, StrType)
NAME_PATTERN = NAME.type.pattern or ""


def new(consumer: str, *, as_json: bool) -> int:
    """Print a new key, and the line of the spec that knows it; refuse a name that no spec takes."""
    if not re.fullmatch(NAME_PATTERN, consumer):
        return refuse([f"casino key new: no consumer can be called {consumer!r}: it must be {NAME.expected}"])
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    digest = sha256(key.encode()).hexdigest()
    if as_json:
        print(msgspec.json.encode({"consumer": consumer, "key": key, "sha256": digest}).decode())
        return 0
    print(f"{key}\n")
    print(f"This is the only time the key is shown: hand it to {consumer}, and keep the line below in the spec.\n")
    print(f"consumers:\n  {inline(consumer, NAME.type)}: {{keys: [{{sha256: {digest}}}]}}")
    return 0


def password(*, as_json: bool) -> int:
    """Read a password from a terminal, or else one line from stdin, and print its hash."""
    text = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not text:
        print("casino key password: no password was given", file=sys.stderr)
        return UNUSABLE
    if sys.stdin.isatty() and getpass("Again: ") != text:
        print("casino key password: these are two different passwords", file=sys.stderr)
        return UNUSABLE
    argon2 = HASHER.hash(text)
    print(msgspec.json.encode({"argon2": argon2}).decode() if as_json else argon2)
    return 0
