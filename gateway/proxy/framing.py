"""How long a message is (RFC 9112 section 6), decided once for both sides; llhttp has already judged the syntax.

What llhttp lets through and two readers could take differently is refused here: transfer codings other than exactly
one `chunked`, transfer codings on HTTP/1.0, protocols that are not HTTP.
"""

from collections.abc import Iterable

import httptools

from gateway.core.headers import tokens
from gateway.core.request import Header

CHUNKED = -1
"""The body comes in chunks."""

HEAD_END = b"\r\n\r\n"
_MOST_DIGITS = 19
"""Of a length: what fits into 63 bits. llhttp lets any number of leading zeros pass."""
_MOST_SLICES = 512
"""Slices of one call (about 0.7 us each): a body made of CRLFCRLF alone may not hold the loop."""
_SLICE_BYTES = 16 * 1024
_MOST_PIECES = 4096
"""Chunks of one call, give or take a slice (about 0.25 us each): nor may a body made of chunks of one byte."""
_MOST_IDLE_BYTES = 16 * 1024
"""Chunk extensions and trailers without a byte of payload in between."""


class FramingError(Exception):
    """A message that could be read in two ways."""


def body_length(headers: Iterable[Header], *, http11: bool) -> int | None:
    """Say how long the body is by its headers: bytes, `CHUNKED`, or None when they do not tell.

    Raises:
        FramingError: codings or lengths that a peer might read otherwise.

    """
    length: int | None = None
    chunked = False
    for name, value in headers:
        if name == b"content-length":
            if length is not None or not value.isdigit() or len(value) > _MOST_DIGITS:
                raise FramingError
            length = int(value)
        elif name == b"transfer-encoding":
            if chunked or not http11 or value.lower() != b"chunked":
                raise FramingError
            chunked = True
    if chunked and length is not None:
        raise FramingError
    return CHUNKED if chunked else length


def persists(connection: bytes, *, http11: bool) -> bool:
    """Say whether the connection may go on after a message with this `Connection` (RFC 9112 section 9.3).

    llhttp forgets it as soon as a message without a body is complete.
    """
    named = tokens(connection)
    return b"close" not in named and (http11 or b"keep-alive" in named)


def bare_line_feed(data: bytes) -> bool:
    """Say whether a line ends without CR: such a head might never end for us, yet end for another reader."""
    return data.count(b"\n") != data.count(b"\r\n")


class Dechunker:
    """Takes the chunks off a body: llhttp judges them, extensions and trailers are dropped.

    A body can only end at CRLFCRLF, so each slice given to llhttp ends there: it never sees a byte of the next message.
    """

    __slots__ = ("_idle", "_parser", "_tail", "done", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.done = False
        self._tail = b""
        self._idle = 0
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        self._idle = 0
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.done = True

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to the body and give back the rest: the next message when `done`, else work put off.

        Raises:
            FramingError: the bytes break the chunked coding, or extensions and trailers grow without end.

        """
        start = 0
        for _ in range(_MOST_SLICES):
            end = self._possible_end(data, start)
            self._take(data[start:end])
            start = end
            if self.done or start == len(data) or len(self.pieces) > _MOST_PIECES:
                break
        self._tail = (self._tail + data[max(0, start - 3) : start])[-3:]
        return data[start:]

    def payload(self) -> bytes:
        """Give what was decoded since the last call."""
        payload = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces = []
        return payload

    def _take(self, data: bytes) -> None:
        self._idle += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise FramingError from error
        if self._idle > _MOST_IDLE_BYTES + len(data):
            raise FramingError

    def _possible_end(self, data: bytes, start: int) -> int:
        if start == 0 and self._tail:
            joint = (self._tail + data[:3]).find(HEAD_END)
            if joint >= 0:
                return joint + 4 - len(self._tail)
        end = data.find(HEAD_END, max(0, start - 3), start + _SLICE_BYTES)
        return min(len(data), start + _SLICE_BYTES) if end < 0 else end + 4
