"""The same rules for the Prometheus Operator: PrometheusRule documents, and a ServiceMonitor for the control port."""

from typing import Any

import yaml

from alerts.gateway import JOB
from alerts.prometheus import SCRAPE_SECONDS
from alerts.text import HEAD, document
from exporters.duration import duration

_LABELS = {"app.kubernetes.io/name": JOB}


def render(rules: dict[str, str]) -> dict[str, str]:
    """Return a document for each rule file, and the monitor."""
    files = {
        f"operator/rules/{path.rpartition('/')[2]}": _rule(path.rpartition("/")[2].removesuffix(".yaml"), text)
        for path, text in rules.items()
    }
    return files | {"operator/servicemonitor.yaml": document(_monitor())}


def _rule(name: str, text: str) -> str:
    """The file's own text, set in, so that both forms agree to the byte."""
    head = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": _metadata(f"casino-{name}")}
    body = text.removeprefix(HEAD).splitlines()
    return (
        HEAD + yaml.dump(head, sort_keys=False) + "spec:\n" + "".join(f"  {line}\n" if line else "\n" for line in body)
    )


def _monitor() -> dict[str, Any]:
    spec = {
        "jobLabel": "app.kubernetes.io/name",
        "selector": {"matchLabels": _LABELS},
        "endpoints": [{"port": "control", "path": "/metrics", "interval": duration(SCRAPE_SECONDS)}],
    }
    return {
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": _metadata("casino"), "spec": spec,
    }  # fmt: skip


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "labels": _LABELS}
