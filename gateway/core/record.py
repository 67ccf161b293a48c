"""One access-log line for each request: ECS names, one line of JSON, bounded, free of secrets and of control characters.

The Struct is the schema: Elasticsearch's mapping is derived from it. Authorization and Cookie have no field here.
"""

import functools
import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct, field

LINE_BYTES: Final = 8192
"""The longest line, its newline included."""

_SHORTENED: Final = (2048, 512, 128)
"""Lengths to which the texts of a line that is too long are cut, until it fits; a character takes up to 6 bytes."""

_SECRET: Final = re.compile(
    r"token|secret|passw|pwd|passphrase|api.?key|access.?key|private.?key|signature|credential|session|jwt|bearer"
    r"|auth(?!or)|authori[sz]ation|(?:^|[_.-])(?:key|sig|code|pin|otp|pass|sid)$",
    re.IGNORECASE,
)
_MASK: Final = "***"
_MOST_PARAMETERS: Final = 100
"""Parameters logged of one query; `...` stands for those behind them."""
_NAME_CHARACTERS: Final = 100
"""Characters of a name that are looked at."""
_UNPRINTABLE: Final = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
"""DEL, C1 controls and line separators, which JSON lets stand: a terminal obeys some of them."""


class AccessRecord(Struct, omit_defaults=True, tag_field="event.dataset", tag="casino.access"):
    """What is kept of a request. Durations are nanoseconds.

    On the hot path, give what is required by position and set the rest: each keyword costs 100 ns.
    """

    timestamp: str = field(name="@timestamp")
    """When the request head was complete."""
    method: str = field(name="http.request.method")
    path: str = field(name="url.path")
    version: str = field(name="http.version")
    status: int = field(name="http.response.status_code")
    received_bytes: int = field(name="http.request.body.bytes")
    sent_bytes: int = field(name="http.response.body.bytes")
    duration: int = field(name="event.duration")
    """From the end of the head to the last byte of the answer."""
    request_id: str = field(name="http.request.id")
    trace_id: str = field(name="trace.id")
    answered_by: str = field(name="casino.source")
    """`upstream`, `gateway` or `client`: who made the status."""
    generation: int = field(name="casino.generation")
    worker: str = field(name="casino.worker")
    sequence: int = field(name="casino.sequence")
    """Without gaps within a worker: a missing number is a lost line."""
    domain: str = field(name="url.domain", default="")
    query: str = field(name="url.query", default="")
    """Scrubbed (`scrub`)."""
    scheme: str = field(name="url.scheme", default="")
    """What the client used, as far as a trusted proxy says."""
    protocol: str = field(name="network.protocol", default="")
    """The protocol upgraded to, if there was an upgrade; else it is HTTP."""
    source_ip: str | None = field(name="source.ip", default=None)
    """The peer of the connection."""
    client_ip: str | None = field(name="client.ip", default=None)
    """The client, as far as trusted proxies say."""
    user_agent: str = field(name="user_agent.original", default="")
    referrer: str = field(name="http.request.referrer", default="")
    """Without its query (`referrer`)."""
    route: str = field(name="casino.route", default="")
    arm: str = field(name="casino.arm", default="")
    target: str = field(name="casino.upstream.target", default="")
    upstream_duration: int | None = field(name="casino.upstream.duration", default=None)
    """From the last call sent to the first byte of its answer."""
    gateway_duration: int | None = field(name="casino.gateway.duration", default=None)
    """The gateway's own part of `event.duration`."""
    retries: int = field(name="casino.retries", default=0)
    cors: str = field(name="casino.cors", default="")
    """Whether the page it came from may read the answer: `allowed` or `foreign`; only on routes with `cors`."""
    consumer: str = field(name="user.name", default="")
    """Who calls, a consumer of the spec; empty for a good token or certificate that is nobody's."""
    subject: str = field(name="user.id", default="")
    """The token's subject, the certificate's name or the user."""
    means: str = field(name="casino.means", default="")
    """By what that was proved: `key`, `jwt`, `basic` or `certificate`."""
    tls_version: str = field(name="tls.version", default="")
    """`1.2` or `1.3`; all of `tls` is there only on a connection with TLS."""
    tls_cipher: str = field(name="tls.cipher", default="")
    tls_server_name: str = field(name="tls.client.server_name", default="")
    """The host named in the handshake (SNI)."""
    tls_resumed: bool | None = field(name="tls.resumed", default=None)
    tls_subject: str = field(name="tls.client.subject", default="")
    """Of the client's certificate, if one was asked for and shown."""
    tls_names: tuple[str, ...] = field(name="tls.client.x509.alternative_names", default=())
    """Its names: `DNS:shop.internal`, `URI:spiffe://x`, `CN:name`."""
    failure: str = field(name="casino.failure", default="")
    limit: str = field(name="casino.limit", default="")
    """The limit that refused it."""
    truncated: tuple[str, ...] = field(name="casino.truncated", default=())
    """The fields that were cut to fit."""


_LONG: Final = tuple(
    (each.name, each.encode_name)
    for each in msgspec.structs.fields(AccessRecord)
    if each.name in ("domain", "path", "query", "user_agent", "referrer", "subject", "method", "version")
)
_encode: Final = msgspec.json.Encoder().encode


def encode(record: AccessRecord) -> bytes:
    """Write a record as one line of at most `LINE_BYTES`; the only newline is its last byte."""
    line = _encode(record)
    if len(line) < LINE_BYTES and line.isascii() and b"\x7f" not in line:
        return line + b"\n"
    return _encode_with_care(record) + b"\n"


def _encode_with_care(record: AccessRecord) -> bytes:
    line = _escape(_encode(record))
    for limit in _SHORTENED:
        if len(line) < LINE_BYTES:
            break
        line = _escape(_encode(_shorten(record, limit)))
    return line


def _escape(line: bytes) -> bytes:
    return _UNPRINTABLE.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), line)


def _shorten(record: AccessRecord, limit: int) -> AccessRecord:
    long = [(name, column) for name, column in _LONG if len(getattr(record, name)) > limit]
    cut = {name: getattr(record, name)[:limit] for name, _ in long}
    return msgspec.structs.replace(record, **cut, truncated=tuple(column for _, column in long))


def text(value: bytes) -> str:
    """Read a header's bytes for the log; those that are not UTF-8 stay visible, as backslash escapes."""
    return value.decode(errors="backslashreplace")


def scrub(query: str) -> str:
    """Mask the values of parameters whose names look secret, in whatever way the names are encoded."""
    if not query:
        return query
    parameters = query.split("&", _MOST_PARAMETERS)
    if len(parameters) > _MOST_PARAMETERS:
        parameters[-1] = "..."
    return "&".join([_masked(parameter) for parameter in parameters])


def _masked(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}={_MASK}" if equals and _looks_secret(name[:_NAME_CHARACTERS]) else parameter


@functools.lru_cache(maxsize=1024)
def _looks_secret(name: str) -> bool:
    return _SECRET.search(unquote_plus(name)) is not None


def referrer(value: bytes) -> str:
    """Give where a client came from, without user, query and fragment, which may hold secrets."""
    address = re.split(rb"[?#]", value, maxsplit=1)[0]
    scheme, slashes, rest = address.partition(b"://")
    authority, slash, path = rest.partition(b"/")
    return text(scheme + slashes + authority.rpartition(b"@")[2] + slash + path)


class Timestamps:
    """Writes times as ISO 8601 in UTC with milliseconds; remembers the current second."""

    __slots__ = ("_prefix", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def text(self, unix_seconds: float) -> str:
        second = int(unix_seconds)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return self._prefix + _FRACTIONS[int((unix_seconds - second) * 1000)]


_FRACTIONS: Final = tuple(f".{milliseconds:03d}Z" for milliseconds in range(1000))
