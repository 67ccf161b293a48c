"""Prometheus' configuration: what it scrapes, which rules it reads, whom it tells."""

from alerts.gateway import JOB
from alerts.text import document
from gateway.spec.model import Spec

PATH = "prometheus/prometheus.yml"
SCRAPE = "15s"
_SELF = "127.0.0.1:9090"


def render(spec: Spec) -> dict[str, str]:
    """Return the file by its path below the build's folder; its rules stand beside it."""
    own = {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE}
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
