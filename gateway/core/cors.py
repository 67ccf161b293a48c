"""Cross-origin requests of pages (Fetch standard, section 3.2): who may call, and what a browser is told of it.

The gateway refuses no request for its origin: a browser keeps the answer from a page that is not told it may read it.
Origins are compared as browsers write them, byte for byte; wildcards stand for whole labels.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.core.headers import join
from gateway.core.request import Header, Request
from gateway.spec import edge

RESPONSE_FIELDS: Final = tuple(
    f"access-control-{name}"
    for name in (
        "allow-origin", "allow-credentials", "allow-methods", "allow-headers", "expose-headers", "max-age",
        "allow-private-network",
    )
)  # fmt: skip
"""What answers say of CORS; where a route has rules of its own, the upstream's are dropped."""
_SIMPLE_METHODS: Final = ("GET", "HEAD", "POST")
_ANY_METHOD: Final = (*_SIMPLE_METHODS, "PUT", "PATCH", "DELETE")
_METHOD: Final = re.compile(r"[A-Z]{1,20}").fullmatch
_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(:[0-9]{1,5})?").fullmatch
_ANY: Final = "*"


class Cors:
    """The rules of one route, compiled."""

    __slots__ = ("_any", "_exact", "_headers", "_methods", "_permissions", "_readable", "_wildcards")

    def __init__(self, rules: edge.Cors, methods: Iterable[tuple[str, ...]]) -> None:
        """`methods` are those of the route's matches; an empty tuple is every method."""
        self._any = _ANY in rules.origins
        self._exact = frozenset(origin for origin in rules.origins if "*" not in origin)
        self._wildcards = frozenset(origin.replace("*.", "", 1) for origin in rules.origins if "*." in origin)
        self._methods = frozenset((*_SIMPLE_METHODS, *_beyond_simple(rules, methods)))
        self._headers = frozenset(name.lower() for name in rules.headers)
        self._readable = join(_readable(rules))
        self._permissions = join(_permissions(sorted(self._methods), rules))

    def allows(self, origin: str | None) -> bool:
        """Say whether pages of this origin may call. `null` is the origin of no site in particular."""
        if origin is None:
            return False
        if self._any or origin in self._exact:
            return True
        return bool(self._wildcards) and self._is_below(origin)

    def lines(self, origin: str | None) -> bytes:
        """Give the header lines of every answer to a request of this origin (None: it names none)."""
        if self._any:
            return b"access-control-allow-origin: *\r\n" + self._readable
        if origin is None or not self.allows(origin):
            return b"vary: Origin\r\n"
        return b"access-control-allow-origin: %b\r\n%bvary: Origin\r\n" % (origin.encode(), self._readable)

    def permissions(self, origin: str | None) -> bytes:
        """Give the header lines that the answer to a preflight has beyond those of every answer."""
        return self._permissions if self.allows(origin) else b""

    def grants(self, origin: str | None, method: str, headers: str) -> bool:
        """Say whether a browser will go on after its preflight: `headers` is its Access-Control-Request-Headers."""
        if not self.allows(origin) or method not in self._methods:
            return False
        named = {name.strip().lower() for name in headers.split(",")} - {""}
        return _ANY in self._headers or named <= self._headers

    def _is_below(self, origin: str) -> bool:
        found = _ORIGIN(origin)
        if not found:
            return False
        scheme, name, port = found[1], found[2], found[3] or ""
        _, dot, parent = name.partition(".")
        while dot:
            if f"{scheme}://{parent}{port}" in self._wildcards:
                return True
            _, dot, parent = parent.partition(".")
        return False


def asked_method(request: Request) -> str | None:
    """Give the method that a preflight (Fetch standard, section 4.9) asks for; None for any other OPTIONS request."""
    method = request.header("access-control-request-method")
    return method if method and _METHOD(method) and request.header("origin") is not None else None


def _beyond_simple(rules: edge.Cors, methods: Iterable[tuple[str, ...]]) -> Iterable[str]:
    if rules.methods:
        return rules.methods
    return {method for each in methods for method in each or _ANY_METHOD}


def _readable(rules: edge.Cors) -> Iterator[Header]:
    if rules.credentials:
        yield b"access-control-allow-credentials", b"true"
    if rules.expose:
        yield b"access-control-expose-headers", ", ".join(rules.expose).encode()


def _permissions(methods: list[str], rules: edge.Cors) -> Iterator[Header]:
    yield b"access-control-allow-methods", ", ".join(methods).encode()
    if rules.headers:
        yield b"access-control-allow-headers", ", ".join(rules.headers).encode()
    yield b"access-control-max-age", b"%d" % int(rules.max_age_seconds)
