"""Which header fields pass through the gateway, and what a route changes about them."""

from collections.abc import Iterable
from typing import Final

from gateway.core.request import Header
from gateway.spec.reserved import CLAIMS, FORWARDING, HOP_BY_HOP, OWN, TRAPS, WELL_KNOWN
from gateway.spec.reserved import folded as folded_text
from gateway.spec.route import HeaderRules


def _encoded(*names: str) -> frozenset[bytes]:
    return frozenset(name.encode() for name in names)


SPECIAL: Final = _encoded("host", "content-length", "expect", *HOP_BY_HOP, *CLAIMS, *OWN, *TRAPS)
"""Request fields that never go on as they came, in any spelling (look up the `folded` name): each is read by its own
rules or dropped."""

OWN_OF_ANSWERS: Final = _encoded(*HOP_BY_HOP, "content-length", "x-request-id", "casino-failure")
"""Fields of answers, folded, that are for the gateway alone, or that it writes itself."""

PROTECTED: Final = _encoded(*FORWARDING, *OWN, *WELL_KNOWN, "host", "content-length")
"""Meant for every recipient; a `Connection` that names one of them does not remove it (CVE-2024-45410)."""


def tokens(connection: bytes) -> list[bytes]:
    """Give what the value of `Connection` names, in lower case."""
    return [token.strip().lower() for token in connection.split(b",")]


def without_named(headers: list[Header], connection: bytes) -> list[Header]:
    """Leave out the fields that the value of `Connection` names, save protected ones."""
    named = set(tokens(connection)) - PROTECTED
    return [header for header in headers if header[0] not in named]


class HeaderChanges:
    """A route's compiled header rules: remove, then set, then add. A name that is set or removed goes in any spelling."""

    __slots__ = ("_added", "_dropped", "defaults")

    def __init__(self, rules: HeaderRules, *, dropped: Iterable[str] = (), defaults: Iterable[Header] = ()) -> None:
        """`dropped` go in any case; `defaults` come where nothing else gives such a header and no rule removes it."""
        ruled = frozenset(folded(name.lower().encode()) for name in (*rules.remove, *rules.set))
        self._dropped = ruled | {name.encode() for name in dropped}
        self._added = [
            (name.lower().encode(), value.encode()) for name, value in (*rules.set.items(), *rules.add.items())
        ]
        added = {name for name, _ in self._added}
        self.defaults = [default for default in defaults if default[0] not in ruled | added]

    def passed(self, headers: list[Header]) -> list[Header]:
        """Give the headers that no rule removes or replaces: all that may stand in an interim answer (1xx)."""
        return [header for header in headers if folded(header[0]) not in self._dropped] if self._dropped else headers

    def apply(self, headers: list[Header]) -> list[Header]:
        """Give the headers as they go on; the list given is left as it is."""
        passed = self.passed(headers)
        if self.defaults:
            there = {folded(name) for name, _ in passed}
            passed = passed + [default for default in self.defaults if default[0] not in there]
        return passed + self._added if self._added else passed

    def lines(self, headers: list[Header], lines: bytes) -> bytes:
        """Give the lines as they go on; `lines` are those of `headers`, and serve where nothing changes."""
        return join(self.apply(headers)) if self._dropped or self._added or self.defaults else lines


def join(headers: Iterable[Header]) -> bytes:
    """Write header lines, each with its CRLF."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


_FOLD: Final = folded_text("".join(map(chr, range(256)))).encode()


def folded(name: bytes) -> bytes:
    """Give a name as the laxest server reads it (gateway.spec.reserved.folded)."""
    return name.translate(_FOLD)
