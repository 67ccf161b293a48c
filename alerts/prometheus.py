"""Prometheus' configuration: what it scrapes, which rules it reads, whom it tells."""

from alerts.gateway import JOB
from alerts.text import document
from exporters.duration import duration
from gateway.spec.model import Spec

PATH = "prometheus/prometheus.yml"
SCRAPE_SECONDS = 15.0
_SELF = "127.0.0.1:9090"


def render(spec: Spec, *, time_scale: float = 1.0) -> dict[str, str]:
    """Return the file by its path below the build's folder; its rules stand beside it.

    `time_scale` shortens what the rules' own shortens: rules of a drill need scrapes that are as much more frequent.
    """
    every = duration(SCRAPE_SECONDS * time_scale)
    own = {"scrape_interval": every, "evaluation_interval": every}
    jobs = {JOB: (spec.listen.control,), "prometheus": (_SELF,), "alertmanager": spec.alerts.alertmanagers}
    config = {
        "global": own,
        "rule_files": ["rules/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(spec.alerts.alertmanagers)}]}]},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(targets)}]} for job, targets in jobs.items()
        ],
    }
    return {PATH: document(config)}
