"""Contradictions between teams, PagerDuty's keys and the bridge."""

from collections.abc import Iterator
from ipaddress import ip_address

from gateway.spec.address import parse_address
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.rules import secret as credential
from gateway.spec.rules.report import Report
from gateway.spec.secret import Secret


def check(spec: Spec, report: Report) -> None:
    for path, secret in _secrets(spec):
        credential.check(secret, path, report)
    _names(spec, report)
    _open_port(spec, report)
    _reachable(spec, report)


def _secrets(spec: Spec) -> Iterator[tuple[Path, Secret]]:
    for name, secret in spec.pagerduty.keys.items():
        yield ("pagerduty", "keys", name), secret
    for name, secret in spec.bridge.tokens.items():
        yield ("bridge", "tokens", name), secret
    peer = spec.bridge.peer
    others: tuple[tuple[Path, Secret | None], ...] = (
        (("pagerduty", "api_token"), spec.pagerduty.api_token),
        (("bridge", "ping"), spec.bridge.ping),
        (("bridge", "peer", "token"), peer.token if peer else None),
    )
    yield from ((path, secret) for path, secret in others if secret is not None)


def _names(spec: Spec, report: Report) -> None:
    known = tuple(spec.pagerduty.keys)
    if spec.pagerduty.default is not None and spec.pagerduty.default not in known:
        report.unknown(("pagerduty", "default"), "key", spec.pagerduty.default, known)
    for name, team in spec.teams.items():
        if known and team.pages is not None and team.pages not in known:
            report.unknown(("teams", name, "pages"), "key of PagerDuty", team.pages, known)


def _open_port(spec: Spec, report: Report) -> None:
    bridge, path = spec.bridge, ("bridge", "listen")
    if bridge.listen and not bridge.is_guarded and not parse_address(bridge.listen).is_loopback:
        report.refuse(
            path,
            Fault.CONFLICT,
            "whoever reaches this address could page people, or keep a page from them",
            hint="give `bridge.tokens` or `bridge.tls.clients`, or listen on 127.0.0.1",
            place=report.tree.value_place(path),
        )


def _reachable(spec: Spec, report: Report) -> None:
    path, where = ("bridge", "listen"), parse_address(spec.bridge.listen)
    if spec.bridge.url is None and (where.family == "unix" or ip_address(where.host).is_unspecified):
        report.refuse(
            path,
            Fault.CONFLICT,
            "others cannot be told this address",
            hint="say in `bridge.url` where Alertmanager and Prometheus reach the bridge",
            place=report.tree.value_place(path),
        )
