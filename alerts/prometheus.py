"""Prometheus' configuration: what it scrapes, which rules it reads, whom it tells."""

from ipaddress import ip_address
from typing import Any

from alerts import bridge
from alerts.gateway import JOB
from alerts.text import document
from gateway.spec.address import parse_address
from gateway.spec.model import Spec

PATH = "prometheus/prometheus.yml"
SCRAPE = "15s"
TOKEN = "casino-token"  # noqa: S105 - a file's name
_SELF = "127.0.0.1:9090"


def render(spec: Spec) -> dict[str, str]:
    """Return the file by its path below the build's folder; its rules stand beside it."""
    own = {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE}
    config = {
        "global": own,
        "rule_files": ["rules/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(spec.alerts.alertmanagers)}]}]},
        "scrape_configs": [
            _gateway(spec),
            _job("prometheus", _SELF),
            _job("alertmanager", *spec.alerts.alertmanagers),
            *_bridge(spec),
        ],
    }
    return {PATH: document(config)}


def _gateway(spec: Spec) -> dict[str, Any]:
    address = parse_address(spec.listen.control)
    if address.family == "unix":
        return _job(JOB)  # Prometheus scrapes no UNIX socket: whoever passes it on names the address
    target = spec.listen.control
    if (host := ip_address(address.host)).is_unspecified:
        target = f"{'[::1]' if host.version == 6 else '127.0.0.1'}:{address.port}"
    file = credentials_file(spec)
    return _job(JOB, target) | ({"authorization": {"credentials_file": file}} if file else {})


def credentials_file(spec: Spec) -> str | None:
    """Return where Prometheus finds the token that control asks of callers from elsewhere; None: it asks none.

    Of several that of `prometheus`, or the first that may only read. One that is a variable of the gateway's must be
    written into a file beside prometheus.yml.
    """
    if parse_address(spec.listen.control).is_loopback or not spec.control.tokens:
        return None
    readers = {name: token for name, token in spec.control.tokens.items() if token.role == "read"}
    choice = readers or spec.control.tokens
    token = choice.get("prometheus") or next(iter(choice.values()))
    return token.token.file or TOKEN


def _job(name: str, *targets: str) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [{"targets": list(targets)}]}


def _bridge(spec: Spec) -> list[dict[str, Any]]:
    """Its metrics need no token; both of a pair speak the same scheme."""
    where = bridge.scraped(spec)
    if not where:
        return []
    scheme = {"scheme": "https"} if where[0].scheme == "https" else {}
    return [_job(bridge.JOB, *(url.netloc for url in where)) | scheme]
