"""Where a call to the control port may come from: programs and people of this machine or network, never a page of another site.

A browser can be made to send requests to loopback. Such a request names the attacker's site: in `Origin`, in
`Sec-Fetch-Site`, or, after DNS rebinding, in `Host`. Hence a Host must be an address, a name nobody can register or one
that the spec lists, what a page of another site sends is refused, and so is whatever an old browser's form can send.
"""

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address

from msgspec import Struct

from gateway.core.address import read_address
from gateway.core.failure import Refused
from gateway.core.host import parse
from gateway.spec.address import is_loopback
from gateway.spec.reserved import CLAIMS

PRIVATE = (".localhost", ".local", ".internal", ".svc")
"""Ends of names that are in no public zone (RFC 6761, RFC 6762, ICANN's `internal`, Kubernetes' services)."""
READING = frozenset({"GET", "HEAD"})
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""Bodies that a page may send anywhere without a preflight (Fetch standard, section 2.2.2)."""
RELAYED = frozenset((*CLAIMS, "via"))
"""Headers with which a proxy tells that somebody else is calling."""
_METHOD = re.compile(r"[A-Z]{1,20}").fullmatch
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+").fullmatch
_DIGITS = re.compile(r"[0-9]{1,10}").fullmatch
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search


class Call(Struct, frozen=True):
    """One call to the control port, before anything is known of who makes it."""

    method: str
    path: str
    source: str | None
    """The peer's address; None if it came through a UNIX socket, empty if it is gone already."""
    headers: Mapping[str, tuple[str, ...]]
    """All values by lower-case name."""

    @property
    def is_local(self) -> bool:
        """Whether a program of this machine makes it, and passes on nobody else's."""
        address = read_address(self.source or "")
        is_here = self.source is None or (address is not None and is_loopback(address.text))
        return is_here and RELAYED.isdisjoint(self.headers)

    @property
    def changes(self) -> bool:
        """Whether it asks for more than a look."""
        return self.method not in READING


def is_ambiguous(call: Call) -> bool:
    """Say whether a proxy may have read this head in another way than Sanic does, and what follows it as its body.

    Sanic's parser takes any word for a method, names with blanks, control characters in values and lengths in any digits
    (RFC 9112 section 11.2). Nothing sent to control needs a transfer coding, so none is taken.
    """
    lengths = call.headers.get("content-length", ())
    return (
        _METHOD(call.method) is None
        or "transfer-encoding" in call.headers
        or len(lengths) > 1
        or any(_DIGITS(length) is None for length in lengths)
        or any(_TOKEN(name) is None for name in call.headers)
        or any(_CONTROL(value) for values in call.headers.values() for value in values)
    )


def refusal(call: Call, listed: Collection[str]) -> str | None:
    """Say why a call is refused for where it comes from, or None; `listed` are host names of the spec."""
    hosts = call.headers.get("host", ())
    if len(hosts) != 1 or not _is_own(_hostname(hosts[0]), listed):
        return "Call the control port by an IP address, as localhost, by a name of the private network or one of `control.hosts`."
    own = {f"{scheme}://{hosts[0].lower()}" for scheme in ("http", "https")}
    if any(origin.lower() not in own for origin in call.headers.get("origin", ())):
        return "Requests from pages of other sites are refused."
    if any(site not in {"none", "same-origin"} for site in call.headers.get("sec-fetch-site", ())):
        return "Requests from pages of other sites are refused."
    types = {value.partition(";")[0].strip().lower() for value in call.headers.get("content-type", ())}
    if call.changes and not FORMS.isdisjoint(types):
        return "Bodies that a form can send are refused."
    return None


def _hostname(value: str) -> str:
    try:
        return parse(value).name
    except Refused:
        return ""


def _is_own(name: str, listed: Collection[str]) -> bool:
    if name and ("." not in name or name.endswith(PRIVATE)):
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return name in listed or any(f"*{name[dot:]}" in listed for dot, mark in enumerate(name) if mark == ".")
    return True
