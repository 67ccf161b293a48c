"""Contradictions between teams, PagerDuty's keys and the bridge."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.spec.address import parse_address
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger, Fault
from gateway.spec.rules import secret as credential
from gateway.spec.rules.report import Report
from gateway.spec.secret import Secret


def check(spec: Spec, report: Report) -> None:
    for path, secret in _secrets(spec):
        credential.check(secret, path, report)
    _urls(spec, report)
    _names(spec, report)
    _open_port(spec, report)
    _reachable(spec, report)
    _callers(spec, report)


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


def _urls(spec: Spec, report: Report) -> None:
    """Refuse what only looks like a URL: a port beyond 65535, a bracket that stays open."""
    bridge, alerts = spec.bridge, spec.alerts
    urls: dict[Path, str | None] = {
        ("alerts", "prometheus"): alerts.prometheus,
        **{("alerts", "alertmanagers", place): url for place, url in enumerate(alerts.alertmanagers)},
        ("bridge", "url"): bridge.url,
        ("bridge", "peer", "url"): bridge.peer.url if bridge.peer else None,
    }
    for path, url in urls.items():
        try:
            _ = urlsplit(url or "").port
        except ValueError as fault:
            message = f"`{url}` is no URL"
            report.refuse(path, Fault.BAD_VALUE, message, hint=str(fault), place=report.tree.value_place(path))


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


def _callers(spec: Spec, report: Report) -> None:
    bridge, path = spec.bridge, ("bridge", "callers")
    callers, urls = bridge.callers, (bridge.url, bridge.peer.url if bridge.peer else None)
    speaks_tls = bridge.tls is not None or any(url is not None and url.startswith("https:") for url in urls)
    if callers.key is not None and callers.certificate is None:
        report.refuse((*path, "key"), Fault.CONFLICT, "`key` has no meaning without `certificate`")
    if (callers.ca is not None or callers.certificate is not None) and not speaks_tls:
        report.refuse(
            path, Fault.CONFLICT, "certificates have no meaning over plain HTTP", hint="`tls`, or an `https://` URL"
        )
    if bridge.tls is not None and bridge.tls.clients is not None and callers.certificate is None:
        message = "Alertmanager and Prometheus are given no certificate, so this bridge refuses them"
        report.warn(
            ("bridge", "tls", "clients"), Danger.BRIDGE_NO_CERTIFICATE, message, hint="`bridge.callers.certificate`"
        )
