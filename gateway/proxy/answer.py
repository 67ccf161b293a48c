"""What an upstream's answer head says, read as strictly as a request's."""

from typing import Final

import httptools

from gateway.core.headers import OWN_OF_ANSWERS, folded, join, without_named
from gateway.core.recent import remember
from gateway.core.request import Header
from gateway.proxy.framing import FramingError, body_length, persists

_VERSIONS: Final = frozenset((b"HTTP/1.1 ", b"HTTP/1.0 "))
_USUAL: Final = frozenset((b"", b"keep-alive", b"close"))
_REMEMBERED: Final = 512
_LONGEST_REMEMBERED: Final = 512
"""Bounds of the memo: heads, and bytes of one."""


class AnswerHead:
    """One answer head, read. Never changed: equal bytes share it."""

    __slots__ = ("dated", "headers", "keep_alive", "length", "lines", "status", "upgrade")

    def __init__(self, status: int, headers: list[Header]) -> None:
        self.status = status
        self.headers = headers
        """What passes through, names in lower case."""
        self.lines = join(headers)
        """The same as bytes of a head."""
        self.dated = any(name == b"date" for name, _ in headers)
        self.length: int | None = None
        """Body bytes, `CHUNKED`, or None where the head does not say."""
        self.keep_alive = False
        self.upgrade: list[bytes] = []


class AnswerReader:
    """Reads answer heads, each given whole. One serves a worker.

    A service that answers often says the same for a second (then its Date changes), so it is remembered, within bounds.
    """

    __slots__ = ("_headers", "_memo", "_special")

    def __init__(self) -> None:
        self._memo: dict[bytes, AnswerHead] = {}
        self._headers: list[Header] = []
        self._special: list[Header] = []

    def read(self, raw: bytes) -> AnswerHead:
        """Read a head that ends in an empty line.

        Raises:
            FramingError: it is no valid HTTP/1 answer, or could be read in two ways.

        """
        head = self._memo.get(raw)
        if head is None:
            head = self._parse(raw)
            if len(raw) <= _LONGEST_REMEMBERED:
                remember(self._memo, raw, head, _REMEMBERED)
        return head

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if folded(name) in OWN_OF_ANSWERS:
            self._special.append((name, value))
        else:
            self._headers.append((name, value))

    def _parse(self, raw: bytes) -> AnswerHead:
        if raw[:9] not in _VERSIONS:
            raise FramingError
        self._headers = []
        self._special = []
        parser = httptools.HttpResponseParser(self)
        try:
            parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            pass  # a 101; whether it was asked for is the exchange's to say
        except httptools.HttpParserError as error:
            raise FramingError from error
        connection = b",".join([value for name, value in self._special if name == b"connection"])
        headers = self._headers if connection.lower() in _USUAL else without_named(self._headers, connection)
        status = parser.get_status_code()
        if not 100 <= status < 600:
            raise FramingError
        head = AnswerHead(status, headers)
        http11 = raw[7] == ord("1")
        head.length = body_length(self._special, http11=http11)
        head.keep_alive = persists(connection, http11=http11)
        head.upgrade = [value.lower() for name, value in self._special if name == b"upgrade"]
        return head
