"""Contradictions among listeners, and in how latency is counted."""

from itertools import pairwise

from gateway.spec.address import parse_address
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.rules.report import Report
from gateway.spec.scalars import write
from gateway.spec.units import Kind


def check(spec: Spec, report: Report) -> None:
    _addresses(spec, report)
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
        if first != path and (address.port or address.family == "unix"):
            report.refuse(
                path,
                Fault.CONFLICT,
                f"`{text}` is listened on twice",
                hint=f"first at {report.tree.value_place(first)}",
                place=report.tree.value_place(path),
            )


def _buckets(spec: Spec, report: Report) -> None:
    path: Path = ("metrics", "latency_buckets")
    for place, (lower, upper) in enumerate(pairwise(spec.metrics.latency_buckets), start=1):
        if upper <= lower and report.sound(path):
            from_text = f"{write(Kind.DURATION, upper)} after {write(Kind.DURATION, lower)}"
            report.refuse((*path, place), Fault.CONFLICT, f"bucket edges must ascend: {from_text}")
