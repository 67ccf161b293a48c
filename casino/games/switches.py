"""The switches that spoil a game on purpose: what each does, how they are written, and which fault a draw picks."""

from enum import StrEnum
from itertools import accumulate

import msgspec
from msgspec import Struct, field

from gateway.spec.scalars import UnreadableError, read, write
from gateway.spec.types import scalar, type_of
from gateway.spec.units import Kind, Seconds, Share


class Fault(StrEnum):
    """The ways one answer can be spoiled."""

    ERROR = "error"
    """500 instead of an answer."""
    HANG = "hang"
    """No answer until the client goes away."""
    RESET = "reset"
    """The connection is reset (RST) instead."""
    WRONG_BODY = "wrong_body"
    """200 and JSON with the right keys, but every value is null."""
    WRONG_LENGTH = "wrong_length"
    """Content-Length promises more than is sent before the connection closes."""


class Switches(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where all switches stand. The shares are exclusive: one answer suffers at most one fault, so their sum is at most 1."""

    latency_seconds: Seconds = field(default=0.0, name="latency")
    """Waited before every answer and every fault."""
    drip_seconds: Seconds = field(default=0.0, name="drip")
    """Waited after each byte of the body."""
    errors_ratio: Share = field(default=0.0, name="errors")
    hangs_ratio: Share = field(default=0.0, name="hangs")
    resets_ratio: Share = field(default=0.0, name="resets")
    wrong_bodies_ratio: Share = field(default=0.0, name="wrong_bodies")
    wrong_lengths_ratio: Share = field(default=0.0, name="wrong_lengths")
    unhealthy: bool = False
    """/health answers 503."""

    def __post_init__(self) -> None:
        if sum(self.shares.values()) > 1:
            raise ValueError(
                "the shares of errors, hangs, resets, wrong_bodies and wrong_lengths add up to more than 100%"
            )

    @property
    def shares(self) -> dict[Fault, float]:
        return {
            Fault.ERROR: self.errors_ratio,
            Fault.HANG: self.hangs_ratio,
            Fault.RESET: self.resets_ratio,
            Fault.WRONG_BODY: self.wrong_bodies_ratio,
            Fault.WRONG_LENGTH: self.wrong_lengths_ratio,
        }

    def fault(self, draw: float) -> Fault | None:
        """Pick the fault of one answer; `draw` is uniform in [0, 1)."""
        edges = accumulate(self.shares.values())
        return next((fault for fault, edge in zip(self.shares, edges, strict=True) if draw < edge), None)


KINDS: dict[str, Kind] = {
    field.encode_name: kind for field in type_of(Switches).fields if (kind := scalar(field.type).kind)
}
"""The switches that are text with a unit."""


def parse(settings: object) -> Switches:
    """Read switches as people write them: `{"latency": "300ms", "errors": "30%"}`; what is not named is off.

    Raises:
        msgspec.ValidationError: names the switch that is unknown or set to something it cannot be.
    """
    if isinstance(settings, dict):
        settings = {name: _held(name, setting) for name, setting in settings.items()}
    return msgspec.convert(settings, Switches)


def show(switches: Switches) -> dict[str, str | bool]:
    """Write switches as `parse` reads them."""
    held: dict[str, float | bool] = msgspec.to_builtins(switches)
    return {name: write(KINDS[name], setting) if name in KINDS else bool(setting) for name, setting in held.items()}


def _held(name: str, setting: object) -> object:
    if name not in KINDS or not isinstance(setting, str):
        return setting
    try:
        return read(KINDS[name], setting)
    except UnreadableError as error:
        raise msgspec.ValidationError(f"{name}: no {KINDS[name]}: {setting!r} {error}".rstrip()) from error
