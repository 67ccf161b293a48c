"""Reads and writes the text of scalars by their kind: what `250ms`, `10MB` or `[::]:8080` means, and back.

`read` and `write` are inverse: what `write` makes of a value, `read` turns into the same value again.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from ipaddress import IPv6Address, ip_network

import re2

from gateway.spec import address, template
from gateway.spec.units import Kind

SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
BYTES = {
    "B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4,
    "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4,
}  # fmt: skip

NUMBER = r"(\d{1,18}(?:\.\d{1,18})?)"
DURATION_TEXT = re.compile(NUMBER + r"(ms|s|m|h)", re.ASCII)
SIZE_TEXT = re.compile(NUMBER + r" ?(B|[kMGT]B|[KMGT]iB)?", re.ASCII)
SHARE_TEXT = re.compile(NUMBER + r" ?(%)?", re.ASCII)
RATE_TEXT = re.compile(NUMBER + r"(B|[kMGT]B|[KMGT]iB)?/(s|m|h)", re.ASCII)
BARE_NUMBER = re.compile(NUMBER, re.ASCII)

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""RFC 9110 section 5.6.2."""
FIELD_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")
"""RFC 9110 section 5.5, without obs-text: what any peer can carry."""
HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class UnreadableError(ValueError):
    """The text is not of its kind; the argument is a hint, which may be empty."""


def read(kind: Kind, text: str) -> float | int | str:
    """Turn text into the value of a kind.

    Raises:
        UnreadableError: the text means nothing of this kind.
    """
    return READERS[kind](text)


def write(kind: Kind, value: float) -> str:
    """Turn a number of a kind into the text people write."""
    return WRITERS[kind](value)


def _duration(text: str) -> float:
    found = DURATION_TEXT.fullmatch(text)
    if found:
        return float(Decimal(found[1]) * SECONDS[found[2]])
    if text == "0":
        return 0.0
    raise UnreadableError(f"with a unit: `{text}s` or `{text}ms`" if BARE_NUMBER.fullmatch(text) else "")


def _size(text: str) -> int:
    found = SIZE_TEXT.fullmatch(text)
    if not found:
        raise UnreadableError(_unit_hint(text))
    size = Decimal(found[1]) * BYTES[found[2] or "B"]
    if size != int(size):
        raise UnreadableError("a whole number of bytes")
    return int(size)


def _unit_hint(text: str) -> str:
    """Guess the unit of `10M`, `10mb` or `10KB`."""
    found = re.fullmatch(NUMBER + r" ?([a-zA-Z]{1,3})", text, re.ASCII)
    if not found:
        return ""
    near = {unit.lower().removesuffix("b"): unit for unit in reversed(BYTES) if unit != "B"}
    unit = near.get(found[2].lower().removesuffix("b"))
    return f"did you mean `{found[1]}{unit}`?" if unit else ""


def _share(text: str) -> float:
    found = SHARE_TEXT.fullmatch(text)
    if not found:
        raise UnreadableError("")
    if found[2]:
        return float(Decimal(found[1]) / 100)
    if Decimal(found[1]) > 1:
        raise UnreadableError(f"did you mean `{text}%`?")
    return float(found[1])


def _rate(text: str) -> float:
    found = RATE_TEXT.fullmatch(text)
    if not found:
        raise UnreadableError(f"per what? `{text}/s`" if BARE_NUMBER.fullmatch(text) else "")
    return float(Decimal(found[1]) * BYTES[found[2] or "B"] / SECONDS[found[3]])


def _regex(text: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options=options)
    except re2.error as fault:
        reason = fault.args[0]
        raise UnreadableError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None
    return text


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        try:
            wider = ip_network(text, strict=False)
        except ValueError:
            raise UnreadableError("") from None
        raise UnreadableError(f"did you mean `{wider}`?") from None
    return text


def _host(text: str) -> str:
    host = text.lower().removesuffix(".")
    if not host.isascii():
        raise UnreadableError("write it in its ASCII form (xn--...)")
    if ":" in host and not host.startswith("["):
        raise UnreadableError("without a port")
    if host.startswith("[") and host.endswith("]"):
        return _ip_literal(host)
    labels = host.removeprefix("*.").split(".")
    if len(host) > 253 or not all(HOST_LABEL.fullmatch(label) for label in labels):
        raise UnreadableError("`*.` may stand in front only" if "*" in host else "")
    return host


def _ip_literal(host: str) -> str:
    try:
        return f"[{IPv6Address(host[1:-1])}]"
    except ValueError:
        raise UnreadableError("in brackets stands an IPv6 address") from None


def _checked(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Keep the text as written, once `parse` accepts it."""

    def read_text(text: str) -> str:
        try:
            parse(text)
        except ValueError as fault:
            raise UnreadableError(str(fault)) from None
        return text

    return read_text


def _header_name(text: str) -> str:
    if not TOKEN.fullmatch(text):
        raise UnreadableError("letters, digits and ``!#$%&'*+-.^_`|~`` only")
    return text


def _header_value(text: str) -> str:
    if not FIELD_VALUE.fullmatch(text):
        raise UnreadableError("visible ASCII and single spaces between; no line break")
    return text


READERS: dict[Kind, Callable[[str], float | int | str]] = {
    Kind.DURATION: _duration,
    Kind.SIZE: _size,
    Kind.SHARE: _share,
    Kind.RATE: _rate,
    Kind.REGEX: _regex,
    Kind.ADDRESS: _checked(address.parse_address),
    Kind.NETWORK: _network,
    Kind.URL: _checked(address.parse_target),
    Kind.HOST: _host,
    Kind.PATH: _checked(template.parse_path),
    Kind.TARGET: _checked(template.parse_target),
    Kind.TEMPLATE: _checked(template.parse_template),
    Kind.HEADER_NAME: _header_name,
    Kind.HEADER_VALUE: _header_value,
    Kind.HASH: str,
}


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))


def _write_duration(value: float) -> str:
    for unit in ("h", "m", "s"):
        count = _exact(value) / SECONDS[unit]
        if value and count == int(count):
            return f"{int(count)}{unit}"
    if value >= 1:
        return f"{_plain(_exact(value))}s"
    return f"{_plain(_exact(value) * 1000)}ms" if value else "0"


def _write_size(value: float) -> str:
    size = int(value)
    units = [unit for unit, factor in BYTES.items() if size and size % factor == 0]
    best = max(units, key=BYTES.__getitem__, default="B")
    return str(size) if best == "B" else f"{size // BYTES[best]}{best}"


def _write_share(value: float) -> str:
    return f"{_plain(_exact(value) * 100)}%"


def _write_rate(value: float) -> str:
    return f"{_plain(_exact(value))}/s"


WRITERS: dict[Kind, Callable[[float], str]] = {
    Kind.DURATION: _write_duration,
    Kind.SIZE: _write_size,
    Kind.SHARE: _write_share,
    Kind.RATE: _write_rate,
}
