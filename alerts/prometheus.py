"""Prometheus' configuration: what it scrapes, which rules it reads, whom it tells."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from alerts.addresses import authority
from alerts.bridge import JOB as BRIDGE
from alerts.doors import doors
from alerts.gateway import JOB
from alerts.text import document
from exporters.duration import duration
from gateway.spec.address import parse_address
from gateway.spec.model import Spec
from gateway.spec.secret import Secret

PATH = "prometheus/prometheus.yml"
SCRAPE_SECONDS, EVALUATION_SECONDS = 10.0, 15.0
"""A failure is seen in at most both: with Alertmanager's wait less than 30 s are lost on the way to a page."""
LEAST_SCRAPE_SECONDS = 0.5
"""However short a drill's rules are: no scrape may take longer than its interval, and busy machines answer late."""
TOKEN = "casino-token"  # noqa: S105 - a file's name


def render(spec: Spec, *, time_scale: float = 1.0) -> dict[str, str]:
    """Return the file by its path below the build's folder; its rules stand beside it.

    `time_scale` shortens what the rules' own shortens: rules of a drill need scrapes that are as much more frequent.
    """
    own = {
        "scrape_interval": duration(scrape_seconds(time_scale)),
        "evaluation_interval": duration(EVALUATION_SECONDS * time_scale),
    }
    config = {
        "global": own,
        "rule_files": ["rules/*.yaml"],
        "alerting": {"alertmanagers": [*_told(spec.alerts.alertmanagers)]},
        "scrape_configs": [
            _gateway(spec),
            _job("prometheus", *_targets((spec.alerts.prometheus,))),
            _job("alertmanager", *_targets(spec.alerts.alertmanagers)),
            *_bridges(spec),
        ],
    }
    return {PATH: document(config)}


def scrape_seconds(time_scale: float) -> float:
    """Return the time between two scrapes."""
    return max(LEAST_SCRAPE_SECONDS, SCRAPE_SECONDS * time_scale)


def _targets(urls: Iterable[str]) -> Iterator[dict[str, Any]]:
    """A job has one scheme and one path, unless labels of a target say otherwise."""
    for (scheme, path), targets in _alike(urls).items():
        said = ({"__scheme__": scheme} if scheme != "http" else {}) | (
            {"__metrics_path__": f"{path}/metrics"} if path else {}
        )
        yield {"targets": targets} | ({"labels": said} if said else {})


def _told(urls: Iterable[str]) -> Iterator[dict[str, Any]]:
    for (scheme, path), targets in _alike(urls).items():
        said = ({"scheme": scheme} if scheme != "http" else {}) | ({"path_prefix": path} if path else {})
        yield said | {"static_configs": [{"targets": targets}]}


def _alike(urls: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """Targets by scheme and path."""
    found: dict[tuple[str, str], list[str]] = {}
    for url in urls:
        where = urlsplit(url)
        found.setdefault((where.scheme, where.path), []).append(authority(url))
    return found


def _bridges(spec: Spec) -> Iterator[dict[str, Any]]:
    """Their metrics need no token. A job has one set of certificates, so a peer that needs another has a job of its own."""
    here, *peers = doors(spec)
    alike = [door.url for door in (here, *peers) if door.tls == here.tls]
    yield _job(BRIDGE, *_targets(alike)) | here.tls
    for door in peers:
        if door.url not in alike:
            named = ({**each, "labels": {**each.get("labels", {}), "job": BRIDGE}} for each in _targets([door.url]))
            yield _job(f"{BRIDGE}-peer", *named) | door.tls


def _gateway(spec: Spec) -> dict[str, Any]:
    address = parse_address(spec.listen.control)
    if address.family == "unix":
        return _job(JOB, {"targets": []})  # Prometheus scrapes no UNIX socket: whoever passes it on names the address
    target = spec.listen.control
    if (host := ip_address(address.host)).is_unspecified:
        target = f"{'[::1]' if host.version == 6 else '127.0.0.1'}:{address.port}"
    file = credentials_file(spec)
    return _job(JOB, {"targets": [target]}) | ({"authorization": {"credentials_file": file}} if file else {})


def credentials_file(spec: Spec) -> str | None:
    """Return where Prometheus finds the token that control asks of callers from elsewhere; None: it asks none.

    One that is a variable of the gateway's must be written into a file beside prometheus.yml.
    """
    token = _control_token(spec)
    return (token.file or TOKEN) if token else None


def put_by_hand(spec: Spec) -> dict[str, str]:
    """Return which variable's value must be put into which file beside prometheus.yml."""
    token = _control_token(spec)
    return {TOKEN: token.env} if token and token.env else {}


def _control_token(spec: Spec) -> Secret | None:
    """Of several that of `prometheus`, or the first that may only read."""
    if parse_address(spec.listen.control).is_loopback or not spec.control.tokens:
        return None
    readers = {name: token for name, token in spec.control.tokens.items() if token.role == "read"}
    choice = readers or spec.control.tokens
    return (choice.get("prometheus") or next(iter(choice.values()))).token


def _job(name: str, *targets: dict[str, Any]) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [*targets]}
