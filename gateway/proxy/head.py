"""What a request head says to the gateway itself, apart from what it says to the service behind.

Headers the gateway acts on or sets are special (gateway.core.headers.SPECIAL): read here, never passed on as they came.
"""

import re
from hashlib import sha256
from typing import Final

import httptools

from gateway.core.failure import Failure, Refused
from gateway.core.headers import SPECIAL, folded, join, without_named
from gateway.core.identity import TWICE, Gate
from gateway.core.recent import remember
from gateway.core.record import referrer, text
from gateway.core.request import Header
from gateway.core.trace import continues
from gateway.proxy.framing import HEAD_END, FramingError, bare_line_feed, body_length, persists
from gateway.spec.reserved import CLAIMS

_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 1024
"""Bounds of the memo: heads, and bytes of one."""
_OTHER_VERSION: Final = re.compile(rb"[^\r\n]* HTTP/(?!1\.[01]\r)\d+\.\d+\r\n")
_UNKNOWN_METHOD: Final = re.compile(rb"[!#-'*+.0-9A-Z^-z|~-]{1,32} [!-~]+ HTTP/1\.[01]\r\n")
_VERSIONS: Final = frozenset((b" HTTP/1.1", b" HTTP/1.0"))
_METHODS_REFUSED: Final = frozenset((b"CONNECT", b"TRACE"))
_BLANKS: Final = b" \t"
_CLAIMS: Final = frozenset(name.encode() for name in CLAIMS)


class RequestHead:
    """One request head, read. Never changed: equal bytes share it."""

    __slots__ = (
        "agent", "claims", "connection", "count", "credential", "expect", "headers", "host", "http11", "keep_alive", "key", "length",
        "lines", "method", "referrer", "remembered", "request_id", "scheme", "screened", "screened_by", "screened_lines", "target", "traceparent",
        "upgrade", "verb",
    )  # fmt: skip

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.http11 = True
        self.keep_alive = False
        self.host = b""
        self.headers: list[Header] = []
        """What passes through, names in lower case."""
        self.lines = b""
        """The same as bytes of a head."""
        self.length = 0
        """Body bytes, 0 for none, `CHUNKED`."""
        self.count = 0
        """Header lines, those too that go no further."""
        self.upgrade = b""
        self.expect = False
        self.connection = b""
        self.claims: list[Header] = []
        """What proxies say of the client: believed from trusted peers alone."""
        self.request_id = b""
        self.traceparent = b""
        self.key: bytes | None = None
        """The SHA-256 of the API key; empty if there are two."""
        self.scheme: bytes | None = None
        self.credential = b""
        """Scheme, in lower case, and credential of Authorization (RFC 9110 section 11.4)."""
        self.screened_by: Gate | None = None
        """The route's demand that `screened` and its lines are for: `headers` without the credentials it takes."""
        self.screened: list[Header] = []
        self.screened_lines = b""
        self.verb = "-"
        """The method, as text."""
        self.agent = self.referrer = ""
        """As the access log has them."""
        self.remembered = False
        """Whether equal bytes are given this very head again, so that more may be remembered of it."""


NO_HEAD: Final = RequestHead()
"""Stands for a head that could not be read."""


class RequestReader:
    """Reads request heads, each given whole. One serves a worker: llhttp keeps nothing from one head to the next.

    Clients that call often send the same bytes again and again, so what they mean is remembered, within bounds.
    """

    __slots__ = ("_headers", "_key_header", "_memo", "_never", "_special", "_target")

    def __init__(self) -> None:
        self._memo: dict[bytes, RequestHead] = {}
        self._target = b""
        self._headers: list[Header] = []
        self._special: list[Header] = []
        self._key_header = b""
        self._never = SPECIAL
        """Names, folded, of what never passes as it came."""

    def configure(self, key_header: str, told: frozenset[str]) -> None:
        """Find API keys in this header, and let none of the headers pass (folded) that tell services who calls."""
        self._key_header = key_header.lower().encode()
        self._never = SPECIAL.union([name.encode() for name in told])
        self._memo.clear()

    def read(self, raw: bytes) -> RequestHead | None:
        """Read a head that ends in an empty line; None if it is nothing but empty lines (RFC 9112 section 2.2).

        Raises:
            Refused: it is invalid, ambiguous, or asks for what is not offered.

        """
        head = self._memo.get(raw)
        if head is None:
            head = self._parse(raw)
            if head is not None and len(raw) <= _LONGEST_REMEMBERED:
                head.remembered = True
                remember(self._memo, raw, head, _REMEMBERED)
        return head

    def on_url(self, target: bytes) -> None:
        self._target = target

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if folded(name) in self._never:
            self._special.append((name, value))
        else:
            self._headers.append((name, value))

    def _parse(self, raw: bytes) -> RequestHead | None:
        if raw == HEAD_END:
            return None
        self._target = b""
        self._headers = []
        self._special = []
        parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            pass  # whether it is granted is decided later; what follows is HTTP until then
        except httptools.HttpParserError:
            raise Refused(_protocol_failure(raw)) from None
        return self._interpret(parser, raw)

    def _interpret(self, parser: httptools.HttpRequestParser, raw: bytes) -> RequestHead:
        head = RequestHead()
        head.method = method = parser.get_method()
        head.target = self._target
        head.http11 = _is_http11(raw, method, self._target)
        if method in _METHODS_REFUSED:
            raise Refused(Failure.NOT_IMPLEMENTED)
        head.count = len(self._headers) + len(self._special)
        hosts = 0
        for name, value in self._special:
            if name == b"host":
                hosts += 1
                head.host = value
            else:
                _note(head, name, value)
        if hosts > 1 or (not head.host and (hosts or head.http11)):
            raise Refused(Failure.BAD_HOST)
        try:
            head.length = body_length(self._special, http11=head.http11) or 0
        except FramingError:
            raise Refused(Failure.BAD_REQUEST) from None
        head.keep_alive = persists(head.connection, http11=head.http11)
        head.headers = without_named(self._headers, head.connection) if head.connection else self._headers
        head.verb = method.decode()
        self._note_passing(head)
        head.lines = join(head.headers)
        return head

    def _note_passing(self, head: RequestHead) -> None:
        """Read what passes through and matters here, too; the state of a trace that does not go on passes no further."""
        is_stateful = False
        for name, value in head.headers:
            if name == b"user-agent":
                head.agent = text(value)
            elif name == b"referer":
                head.referrer = referrer(value)
            elif name == b"tracestate":
                is_stateful = True
            elif name == b"authorization":
                _note_credential(head, value)
            elif name == self._key_header:
                head.key = sha256(value.strip(_BLANKS)).digest() if head.key is None else b""
        if is_stateful and not continues(head.traceparent):
            head.headers = [header for header in head.headers if header[0] != b"tracestate"]


def _is_http11(raw: bytes, method: bytes, target: bytes) -> bool:
    """Tell HTTP/1.1 from 1.0; llhttp also speaks RTSP, ICE and HTTP/2.0 of a kind, and takes several spaces for one."""
    while raw.startswith(b"\r\n"):  # nothing else may stand before a request (RFC 9112 section 2.2)
        raw = raw[2:]
    line = raw.find(b"\r\n")
    version = raw[max(0, line - 9) : line]
    if line != len(method) + len(target) + 10 or version not in _VERSIONS:
        raise Refused(Failure.HTTP_VERSION if _OTHER_VERSION.match(raw) else Failure.BAD_REQUEST)
    return version == b" HTTP/1.1"


def _note(head: RequestHead, name: bytes, value: bytes) -> None:
    if name == b"connection":
        head.connection = head.connection + b"," + value if head.connection else value
    elif name == b"upgrade":
        head.upgrade = value.lower() if not head.upgrade else b"?"
    elif name == b"expect":
        if value.lower() != b"100-continue":
            raise Refused(Failure.EXPECTATION)
        head.expect = head.http11
    elif name == b"traceparent":
        head.traceparent = value if not head.traceparent else b"?"
    elif name == b"x-request-id":
        head.request_id = value if not head.request_id else b"?"
    elif name in _CLAIMS:
        head.claims.append((name, value))


def _note_credential(head: RequestHead, value: bytes) -> None:
    if head.scheme is None:
        scheme, _, credential = value.strip(_BLANKS).partition(b" ")
        head.scheme = scheme.lower()
        head.credential = credential.strip(_BLANKS)
    else:
        head.scheme = TWICE
        head.credential = b""


def too_large(data: bytes, target_bytes: int) -> Failure:
    """Name what of a head is too large: its first line, or all of it."""
    line = data.find(b"\r\n")
    return Failure.TARGET_TOO_LONG if line < 0 or line > target_bytes else Failure.HEAD_TOO_LARGE


def _protocol_failure(raw: bytes) -> Failure:
    """Name what is wrong with a head the parser refused."""
    if bare_line_feed(raw):
        return Failure.BAD_REQUEST
    line = raw.lstrip(b"\r\n")
    if _OTHER_VERSION.match(line):
        return Failure.HTTP_VERSION
    if _UNKNOWN_METHOD.match(line) and line.split(b" ", 1)[0] not in _KNOWN_METHODS:
        return Failure.NOT_IMPLEMENTED
    return Failure.BAD_REQUEST


_KNOWN_METHODS: Final = frozenset(
    (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", *_METHODS_REFUSED)
)
