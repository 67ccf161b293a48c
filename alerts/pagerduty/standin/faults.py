"""Faults on command: which one spoils the next call, and for how long. Nothing here touches a socket."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace


class Kind(StrEnum):
    """What happens instead of the usual answer."""

    TOO_MANY = "429"
    ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    TIMEOUT = "504"
    REDIRECT = "302"
    """To a page that answers 200 with HTML."""
    RESET = "reset"
    """The connection is reset, and the call had no effect."""
    HANG = "hang"
    """No answer until the client goes away, and the call had no effect."""
    SLOW = "slow"
    """The call has its effect at once; its answer comes after `seconds`."""
    DRIP = "drip"
    """The call has its effect; its answer comes byte by byte, `seconds` apart."""
    EMPTY = "empty"
    """The call has its effect; the answer is 202 without a body."""
    HTML = "html"
    """The call has its effect; the answer is 202 with a page instead of JSON."""
    TAKEN_RESET = "taken_reset"
    """The call has its effect; then the connection is reset."""
    TAKEN_ERROR = "taken_500"
    """The call has its effect; the answer is 500."""
    LOST = "lost"
    """The usual answer, and no effect."""


TAKEN = frozenset({Kind.SLOW, Kind.DRIP, Kind.EMPTY, Kind.HTML, Kind.TAKEN_RESET, Kind.TAKEN_ERROR})
SILENT = frozenset({Kind.RESET, Kind.HANG, Kind.TAKEN_RESET})


class Door(StrEnum):
    """What a fault spoils."""

    EVENTS = "events"
    CHANGES = "changes"
    REST = "rest"


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One fault, as it is commanded."""

    kind: Kind
    on: Door = Door.EVENTS
    times: Annotated[int, Meta(ge=1)] | None = None
    """How many calls it spoils; absent: all, until it is taken back."""
    skip: Annotated[int, Meta(ge=0)] = 0
    """How many calls it leaves alone before."""
    routing_key: str | None = None
    """Only calls with this key."""
    seconds: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    """Of `slow` and `drip`, by the wall's clock: what it tests are timeouts of clients."""

    @property
    def is_taken(self) -> bool:
        """Whether the call has its effect all the same."""
        return self.kind in TAKEN

    def status(self, usual: int) -> int:
        """Return the status that the client sees instead of the usual one; 0: none."""
        if self.kind in SILENT:
            return 0
        if self.kind.isdigit():
            return int(self.kind)
        return {Kind.EMPTY: 202, Kind.HTML: 202, Kind.TAKEN_ERROR: 500}.get(self.kind, usual)


class Faults:
    """The faults in force, in the order in which they are tried."""

    def __init__(self) -> None:
        self.commanded: tuple[Fault, ...] = ()

    def next(self, door: Door, routing_key: str | None) -> Fault | None:
        """Return what spoils the call that just came, and count it."""
        for place, fault in enumerate(self.commanded):
            if fault.on is not door or fault.routing_key not in {None, routing_key}:
                continue
            if fault.skip:
                self._put(place, replace(fault, skip=fault.skip - 1))
                continue
            if fault.times is not None:
                self._put(place, replace(fault, times=fault.times - 1) if fault.times > 1 else None)
            return fault
        return None

    def _put(self, place: int, fault: Fault | None) -> None:
        kept = [*self.commanded]
        kept[place : place + 1] = [fault] if fault else []
        self.commanded = tuple(kept)
