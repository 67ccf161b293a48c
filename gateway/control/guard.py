"""Who may talk to the control port: programs and people of this machine or network, never a web page of another site.

A browser can be made to send requests to loopback. Such a request names the attacker's site: in `Origin`, in
`Sec-Fetch-Site`, or, after DNS rebinding, in `Host`. Hence a Host must be an address or a name nobody can register,
and what a page of another site sends is refused.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

PRIVATE = (".localhost", ".local", ".internal", ".svc")
"""Ends of names that are in no public zone (RFC 6761, RFC 6762, ICANN's `internal`, Kubernetes' services)."""


def refusal(host: str, origin: str | None, fetch_site: str | None) -> str | None:
    """Say why a request is refused, or None when it is not; the arguments are its headers."""
    if not _is_own(_hostname(host)):
        return "Call the control port by an IP address, as localhost or by a name of the private network."
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return "Requests from pages of other sites are refused."
    if fetch_site not in {None, "none", "same-origin"}:
        return "Requests from pages of other sites are refused."
    return None


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_own(name: str) -> bool:
    if name and ("." not in name or name.endswith(PRIVATE)):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
