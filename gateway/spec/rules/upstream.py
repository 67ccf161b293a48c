"""Contradictions within an upstream: its balancing, its targets and its TLS files."""

from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.rules.pem import try_authorities, try_pair
from gateway.spec.rules.report import Report
from gateway.spec.upstream import Balance, Upstream, Version


def check(spec: Spec, report: Report) -> None:
    for name, upstream in spec.upstreams.items():
        path: Path = ("upstreams", name)
        _balance(upstream.balance, (*path, "balance"), report)
        _tls(upstream, (*path, "tls"), report)
        for label, version in upstream.versions.items():
            _targets(version, (*path, "versions", label, "targets"), report)


def _balance(balance: Balance, path: Path, report: Report) -> None:
    for key in ("header", "cookie"):
        if getattr(balance, key) is not None and balance.by != "hash":
            report.refuse((*path, key), Fault.CONFLICT, f"`{key}` has a meaning with `by: hash` only")
    if balance.header is not None and balance.cookie is not None:
        report.refuse((*path, "cookie"), Fault.CONFLICT, "one of `header` and `cookie` is enough")


def _targets(version: Version, path: Path, report: Report) -> None:
    first: dict[str, int] = {}
    for place, target in enumerate(version.targets):
        if first.setdefault(target.url, place) != place:
            report.refuse(
                (*path, place, "url"),
                Fault.CONFLICT,
                f"target `{target.url}` is given twice",
                hint="give it a greater `weight` instead",
                place=report.tree.value_place((*path, place, "url")),
            )


def _tls(upstream: Upstream, path: Path, report: Report) -> None:
    tls = upstream.tls
    if tls.key is not None and tls.certificate is None:
        report.refuse((*path, "key"), Fault.CONFLICT, "`key` has no meaning without `certificate`")
    if report.sound(path):
        if tls.ca is not None:
            try_authorities(tls.ca, (*path, "ca"), report)
        if tls.certificate is not None:
            try_pair(tls.certificate, tls.key, ((*path, "certificate"), (*path, "key")), report)
