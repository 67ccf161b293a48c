"""Prometheus' configuration: what it scrapes, which rules it reads, whom it tells."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from alerts.addresses import authority, bridges
from alerts.gateway import JOB
from alerts.text import document
from exporters.duration import duration
from gateway.spec.model import Spec

PATH = "prometheus/prometheus.yml"
SCRAPE_SECONDS, EVALUATION_SECONDS = 10.0, 15.0
"""A failure is seen in at most both: with Alertmanager's wait less than 30 s are lost on the way to a page."""


def render(spec: Spec, *, time_scale: float = 1.0) -> dict[str, str]:
    """Return the file by its path below the build's folder; its rules stand beside it.

    `time_scale` shortens what the rules' own shortens: rules of a drill need scrapes that are as much more frequent.
    """
    own = {
        "scrape_interval": duration(SCRAPE_SECONDS * time_scale),
        "evaluation_interval": duration(EVALUATION_SECONDS * time_scale),
    }
    jobs: dict[str, list[dict[str, Any]]] = {
        JOB: [{"targets": [spec.listen.control]}],
        "prometheus": [*_targets((spec.alerts.prometheus,))],
        "alertmanager": [*_targets(spec.alerts.alertmanagers)],
        "bridge": [*_targets(bridges(spec))],
    }
    config = {
        "global": own,
        "rule_files": ["rules/*.yaml"],
        "alerting": {"alertmanagers": [*_told(spec.alerts.alertmanagers)]},
        "scrape_configs": [{"job_name": job, "static_configs": targets} for job, targets in jobs.items()],
    }
    return {PATH: document(config)}


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
