"""Contradictions among listeners, their TLS files, and how latency is counted."""

from itertools import pairwise

from gateway.spec.address import parse_address
from gateway.spec.listen import Listener
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.rules.pem import try_authorities, try_pair
from gateway.spec.rules.report import Report
from gateway.spec.scalars import write
from gateway.spec.units import Kind

_WILDCARDS = frozenset(("0.0.0.0", "::"))  # noqa: S104 - compared, not bound


def check(spec: Spec, report: Report) -> None:
    _addresses(spec, report)
    for place, listener in enumerate(spec.listen.public):
        _tls(listener, ("listen", "public", place), report)
    _buckets(spec, report)


def _addresses(spec: Spec, report: Report) -> None:
    addresses: dict[Path, str] = {
        ("listen", "public", place, "address"): listener.address for place, listener in enumerate(spec.listen.public)
    }
    addresses["listen", "control"] = spec.listen.control
    taken: dict[object, Path] = {}
    for path, text in addresses.items():
        if not text:
            continue
        address = parse_address(text)
        first = taken.setdefault(address, path)
        is_chosen = address.family != "unix" and not address.port and path == ("listen", "control")
        if first != path and not is_chosen:  # what the kernel chooses is another, but public ones go by their addresses
            report.refuse(
                path,
                Fault.CONFLICT,
                f"`{text}` is listened on twice",
                hint=f"first at {report.tree.value_place(first)}",
                place=report.tree.value_place(path),
            )
    _refuse_covered(addresses, report)


def _refuse_covered(addresses: dict[Path, str], report: Report) -> None:
    """Refuse an address beside the wildcard that has its port already: the second one cannot be bound."""
    parsed = {path: parse_address(text) for path, text in addresses.items() if text}
    wildcards = {
        (each.family, each.port): path for path, each in parsed.items() if each.host in _WILDCARDS and each.port
    }
    for path, each in parsed.items():
        wildcard = wildcards.get((each.family, each.port))
        if wildcard is not None and each.host not in _WILDCARDS:
            report.refuse(
                path,
                Fault.CONFLICT,
                f"`{addresses[wildcard]}` has port {each.port} of every address, of `{each.host}`, too",
                hint=f"at {report.tree.value_place(wildcard)}",
                place=report.tree.value_place(path),
            )


def _tls(listener: Listener, path: Path, report: Report) -> None:
    tls = listener.tls
    if tls is None or not report.sound(path):
        return
    if listener.redirect is not None:
        report.refuse((*path, "redirect"), Fault.CONFLICT, "`redirect` sends plain HTTP to HTTPS, and this is HTTPS")
    if not tls.certificates and not parse_address(listener.address).is_loopback:
        hint = "certificates: {certificate: FILE, key: FILE}"
        report.refuse(
            (*path, "tls"), Fault.MISSING_KEY, "TLS for others than this machine needs `certificates`", hint=hint
        )
    for place, files in enumerate(tls.certificates):
        at = (*path, "tls", "certificates", place)
        try_pair(files.certificate, files.key, ((*at, "certificate"), (*at, "key")), report)
    if tls.clients is not None:
        try_authorities(tls.clients.ca, (*path, "tls", "clients", "ca"), report)


def _buckets(spec: Spec, report: Report) -> None:
    path: Path = ("metrics", "latency_buckets")
    for place, (lower, upper) in enumerate(pairwise(spec.metrics.latency_buckets), start=1):
        if upper <= lower and report.sound(path):
            from_text = f"{write(Kind.DURATION, upper)} after {write(Kind.DURATION, lower)}"
            report.refuse((*path, place), Fault.CONFLICT, f"bucket edges must ascend: {from_text}")
