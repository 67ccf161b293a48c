"""The scalar types a spec is written in: people write `250ms`, Casino holds 0.25 with the unit in the field's name.

Each alias says in `Meta.description` what is expected (error messages and the JSON Schema quote it) and, where text
is converted or checked beyond its pattern, carries its kind in `Meta.extra`; `scalars.py` reads the kind.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta


class Kind(StrEnum):
    """What a scalar's text means."""

    DURATION = "duration"
    SIZE = "size"
    SHARE = "share"
    RATE = "rate"
    REGEX = "regex"
    ADDRESS = "address"
    NETWORK = "network"
    URL = "url"
    HOST = "host"
    PATH = "path"
    FILE = "file"
    TARGET = "request target"
    TEMPLATE = "template"
    HEADER_NAME = "header name"
    HEADER_VALUE = "header value"
    HASH = "hash"
    STORE = "store"
    REFERENCE = "reference"


Seconds = Annotated[
    float,
    Meta(ge=0, le=86_400, description="a duration such as `250ms`, `1.5s` or `2m`", extra={"kind": Kind.DURATION}),
]
"""`250ms`, `1.5s`, `2m`, `1h`; 0 to one day."""

PositiveSeconds = Annotated[
    float,
    Meta(ge=0.001, le=86_400, description="a duration such as `250ms`, `1.5s` or `2m`", extra={"kind": Kind.DURATION}),
]
"""As `Seconds`, but at least a millisecond."""

Bytes = Annotated[
    int, Meta(ge=0, le=2**40, description="a size such as `512`, `10kB`, `64KiB` or `10MB`", extra={"kind": Kind.SIZE})
]
"""`512`, `10kB`, `10MB` (powers of ten), `64KiB` (powers of two)."""

PositiveBytes = Annotated[
    int, Meta(ge=1, le=2**40, description="a size such as `512`, `10kB`, `64KiB` or `10MB`", extra={"kind": Kind.SIZE})
]
"""As `Bytes`, but at least one."""

Share = Annotated[
    float, Meta(ge=0, le=1, description="a share such as `90%`, or a number from 0 to 1", extra={"kind": Kind.SHARE})
]
"""`99.9%` or a number from 0 to 1."""

PerSecond = Annotated[
    float,
    Meta(ge=0, le=2**40, description="a rate such as `100/s`, `6000/m` or `1kB/s`", extra={"kind": Kind.RATE}),
]
"""`100/s`, `6000/m`, `1/h`; for sizes too (`1kB/s` is bytes per second)."""

Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]{0,62}$",
        description="a name of lower-case letters, digits and `-`, beginning with a letter, at most 63 long",
    ),
]
"""A name that is safe as a metric label, a file name and a DNS label."""

Text = Annotated[str, Meta(max_length=1_000, description="text")]
"""A short text."""

Regex = Annotated[
    str, Meta(min_length=1, max_length=1_000, description="an RE2 expression", extra={"kind": Kind.REGEX})
]
"""An RE2 expression: linear time, matched against the whole value."""

Address = Annotated[
    str,
    Meta(
        max_length=200,
        description="an address and port such as `127.0.0.1:8080` or `[::]:8080`, or `unix:/path`",
        extra={"kind": Kind.ADDRESS},
    ),
]
"""`127.0.0.1:8080`, `[::]:8080` or `unix:/path`; port 0 lets the kernel choose."""

Network = Annotated[
    str,
    Meta(
        max_length=100,
        description="an address or network such as `10.0.0.0/8` or `::1`",
        extra={"kind": Kind.NETWORK},
    ),
]
"""An address or CIDR block: `10.0.0.0/8`, `::1`."""

TargetUrl = Annotated[
    str,
    Meta(
        max_length=300,
        description="`http://host:port`, `https://host`, `srv://_http._tcp.name`, `srvs://...` or `unix:/path`",
        extra={"kind": Kind.URL},
    ),
]
"""`http://host:port`, `https://host`, `srv://_http._tcp.name` (`srvs` with TLS) or `unix:/path`."""

HostPattern = Annotated[
    str,
    Meta(max_length=260, description="a host such as `shop.example` or `*.shop.example`", extra={"kind": Kind.HOST}),
]
"""A host name or IP address without a port, held in lower case; `*.` in front takes any name below it."""

UrlPath = Annotated[
    str,
    Meta(max_length=2_000, description="a path such as `/health`", extra={"kind": Kind.PATH}),
]
"""A path that is taken as it stands."""

RequestTarget = Annotated[
    str,
    Meta(
        max_length=2_000, description="a path such as `/health`, with a query if need be", extra={"kind": Kind.TARGET}
    ),
]
"""A path and perhaps a query (RFC 9112 section 3.2.1)."""

PathTemplate = Annotated[
    str,
    Meta(
        max_length=2_000,
        description="a path such as `/roll`, `/roll/{sides}` or `/admin/**`",
        extra={"kind": Kind.TEMPLATE},
    ),
]
"""A path whose whole segments may be fields (`{sides}`) and whose last segment may be `**`."""

FilePath = Annotated[
    str,
    Meta(min_length=1, max_length=1_000, description="the path of a file", extra={"kind": Kind.FILE}),
]
"""Relative to the file of the spec that names it; held as an absolute path."""

HeaderName = Annotated[
    str, Meta(max_length=100, description="a header name such as `X-Beta`", extra={"kind": Kind.HEADER_NAME})
]
"""A token (RFC 9110 section 5.6.2)."""

CookieName = Annotated[
    str, Meta(max_length=100, description="a cookie name such as `session`", extra={"kind": Kind.HEADER_NAME})
]
"""A token, as header names are (RFC 6265 section 4.1.1)."""

HeaderValue = Annotated[
    str,
    Meta(max_length=4_000, description="a header value on one line", extra={"kind": Kind.HEADER_VALUE}),
]
"""A field value (RFC 9110 section 5.5): visible ASCII, spaces and tabs, none at either end."""

Method = Annotated[
    str, Meta(pattern="^[A-Z]{1,20}$", description="a method such as `GET`, in capital letters")
]  # fmt: skip

Status = Annotated[int, Meta(ge=100, le=599, description="a status code from 100 to 599")]

Count = Annotated[int, Meta(ge=1, le=10_000_000, description="a whole number from 1 to 10000000")]
Weight = Annotated[int, Meta(ge=0, le=1_000_000, description="a whole number from 0 to 1000000")]
