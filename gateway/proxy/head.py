"""What a request head says to the gateway itself, apart from what it says to the service behind.

Headers the gateway acts on or sets are special (gateway.core.headers.SPECIAL): read here, never passed on as they came.
"""

import re
from typing import Final

import httptools

from gateway.core.failure import Failure
from gateway.core.headers import FORWARDING, HEARSAY, without_named
from gateway.core.request import Header

_OTHER_VERSION: Final = re.compile(rb"[^\r\n]* HTTP/(?!1\.[01]\r)\d+\.\d+\r\n")
_UNKNOWN_METHOD: Final = re.compile(rb"[!#-'*+.0-9A-Z^-z|~-]{1,32} [!-~]+ HTTP/1\.[01]\r\n")
_VERSIONS: Final = frozenset((b" HTTP/1.1", b" HTTP/1.0"))
_LINE_ENDS: Final = b"\r\n"
_METHODS_REFUSED: Final = frozenset((b"CONNECT", b"TRACE"))
_CLAIMS: Final = frozenset(name.encode() for name in (*FORWARDING, *HEARSAY))


class Head:
    """One request head, read."""

    __slots__ = (
        "claims", "connection", "expect", "headers", "host", "http11", "keep_alive", "length", "method",
        "request_id", "target", "traceparent", "upgrade",
    )  # fmt: skip

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.http11 = True
        self.keep_alive = False
        self.host = b""
        self.headers: list[Header] = []
        self.length = 0
        """Body bytes, 0 for none, `CHUNKED`."""
        self.upgrade = b""
        self.expect = False
        self.connection = b""
        self.claims: list[Header] = []
        """What proxies say of the client: believed from trusted peers alone."""
        self.request_id = b""
        self.traceparent = b""


def read_head(
    parser: httptools.HttpRequestParser, raw: bytes, target: bytes, headers: list[Header], special: list[Header]
) -> Head | Failure:
    """Turn what the parser saw into a `Head`, or say why the request is refused."""
    head = Head()
    method = parser.get_method()
    if raw[0] in _LINE_ENDS:
        raw = raw.lstrip(b"\r\n")
    # llhttp also speaks RTSP, ICE and HTTP/2.0 of a kind, and takes several spaces for one.
    line = raw.find(b"\r\n")
    version = raw[line - 9 : line]
    if line != len(method) + len(target) + 10 or version not in _VERSIONS:
        return Failure.HTTP_VERSION if _OTHER_VERSION.match(raw) else Failure.BAD_REQUEST
    if method in _METHODS_REFUSED:
        return Failure.NOT_IMPLEMENTED
    head.http11 = http11 = version == b" HTTP/1.1"
    head.method = method
    head.target = target
    head.keep_alive = parser.should_keep_alive()
    head.headers = headers
    hosts = 0
    for name, value in special:
        if name == b"host":
            hosts += 1
            head.host = value
        elif failure := _note(head, name, value):
            return failure
    if hosts != 1 and (http11 or hosts):
        return Failure.BAD_HOST
    if head.connection:
        head.headers = without_named(headers, head.connection)
    return head


def _note(head: Head, name: bytes, value: bytes) -> Failure | None:
    if name == b"connection":
        head.connection = head.connection + b"," + value if head.connection else value
    elif name == b"upgrade":
        head.upgrade = value.lower() if not head.upgrade else b"?"
    elif name == b"expect":
        if value.lower() != b"100-continue":
            return Failure.EXPECTATION
        head.expect = head.http11
    elif name == b"traceparent":
        head.traceparent = value if not head.traceparent else b"?"
    elif name == b"x-request-id":
        head.request_id = value if not head.request_id else b"?"
    elif name in _CLAIMS:
        head.claims.append((name, value))
    return None


def protocol_failure(raw: bytes) -> Failure:
    """Name what is wrong with a head the parser refused."""
    line = raw.lstrip(b"\r\n")
    if _OTHER_VERSION.match(line):
        return Failure.HTTP_VERSION
    if _UNKNOWN_METHOD.match(line) and line.split(b" ", 1)[0] not in _KNOWN_METHODS:
        return Failure.NOT_IMPLEMENTED
    return Failure.BAD_REQUEST


_KNOWN_METHODS: Final = frozenset(
    (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", *_METHODS_REFUSED)
)
