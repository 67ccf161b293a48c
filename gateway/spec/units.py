"""The scalar types a spec is written in: people write `250ms`, Casino holds 0.25 with the unit in the field's name.

Each alias carries its kind in `Meta.extra`; the loader reads the kind, parses the text and checks the bounds.
"""

from typing import Annotated

from msgspec import Meta

DURATION = "duration"
SIZE = "size"
SHARE = "share"
RATE = "rate"
REGEX = "regex"
ADDRESS = "address"
NETWORK = "network"

Seconds = Annotated[float, Meta(ge=0, le=86_400, extra={"kind": DURATION})]
"""`250ms`, `1.5s`, `2m`, `1h`; 0 to one day."""

PositiveSeconds = Annotated[float, Meta(ge=0.001, le=86_400, extra={"kind": DURATION})]
"""As `Seconds`, but at least a millisecond."""

Bytes = Annotated[int, Meta(ge=0, le=2**40, extra={"kind": SIZE})]
"""`512`, `10kB`, `10MB` (powers of ten), `64KiB` (powers of two)."""

Share = Annotated[float, Meta(ge=0, le=1, extra={"kind": SHARE})]
"""`99.9%` or a number from 0 to 1."""

PerSecond = Annotated[float, Meta(ge=0, extra={"kind": RATE})]
"""`100/s`, `6000/m`, `1/h`; for sizes too (`1kB/s` is bytes per second)."""

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""A name that is safe as a metric label, a file name and a DNS label."""

Regex = Annotated[str, Meta(max_length=1_000, extra={"kind": REGEX})]
"""An RE2 expression: linear time, matched against the whole value."""

Address = Annotated[str, Meta(min_length=1, extra={"kind": ADDRESS})]
"""`127.0.0.1:8080`, `[::]:8080` or `unix:/path`."""

Network = Annotated[str, Meta(extra={"kind": NETWORK})]
"""An address or CIDR block: `10.0.0.0/8`, `::1`."""

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Weight = Annotated[int, Meta(ge=0, le=1_000_000)]
