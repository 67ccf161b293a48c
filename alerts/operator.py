"""The same rules for the Prometheus Operator: PrometheusRule documents, and ServiceMonitors for control and the bridge."""

from typing import Any
from urllib.parse import urlsplit

import yaml

from alerts import addresses, bridge
from alerts.gateway import JOB
from alerts.prometheus import SCRAPE_SECONDS, credentials_file
from alerts.text import HEAD, document
from exporters.duration import duration
from gateway.spec.model import Spec

_NAME, _COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
_LABELS = {_NAME: JOB}
_TOKEN = {"name": "casino-control", "key": "token"}
"""The Secret that holds a token of `control.tokens`."""
_BRIDGE_SECRET = "casino-bridge"  # noqa: S105 - a Secret's name
"""The Secret, of type kubernetes.io/tls, that holds what `bridge.callers` trust and show."""


def render(rules: dict[str, str], spec: Spec) -> dict[str, str]:
    """Return a document for each rule file, and the monitors."""
    files = {
        f"operator/rules/{path.rpartition('/')[2]}": _rule(path.rpartition("/")[2].removesuffix(".yaml"), text)
        for path, text in rules.items()
    }
    control = {"port": "control"} | ({"authorization": {"credentials": _TOKEN}} if credentials_file(spec) else {})
    files["operator/servicemonitor.yaml"] = document(_monitor(JOB, _NAME, _LABELS, control))
    port = {"port": "bridge"} | (_over_tls(spec) if spec.bridge.tls else {})
    labels = _LABELS | {_COMPONENT: bridge.JOB}
    files["operator/servicemonitor-bridge.yaml"] = document(_monitor("casino-bridge", _COMPONENT, labels, port))
    return files


def _rule(name: str, text: str) -> str:
    """The file's own text, set in, so that both forms agree to the byte."""
    head = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": _metadata(f"casino-{name}")}
    body = text.removeprefix(HEAD).splitlines()
    return (
        HEAD + yaml.dump(head, sort_keys=False) + "spec:\n" + "".join(f"  {line}\n" if line else "\n" for line in body)
    )


def _over_tls(spec: Spec) -> dict[str, Any]:
    callers = spec.bridge.callers

    def key(name: str) -> dict[str, str]:
        return {"name": _BRIDGE_SECRET, "key": name}

    # Pods are scraped at their addresses, which no certificate names.
    tls: dict[str, Any] = {"serverName": urlsplit(addresses.bridge(spec)).hostname}
    if callers.ca is not None:
        tls["ca"] = {"secret": key("ca.crt")}
    if callers.certificate is not None:
        tls |= {"cert": {"secret": key("tls.crt")}, "keySecret": key("tls.key")}
    return {"scheme": "https", "tlsConfig": tls}


def _monitor(name: str, job: str, labels: dict[str, str], endpoint: dict[str, Any]) -> dict[str, Any]:
    """`job` is the label of a service that gives its series their job."""
    spec = {
        "jobLabel": job,
        "selector": {"matchLabels": labels},
        "endpoints": [{**endpoint, "path": "/metrics", "interval": duration(SCRAPE_SECONDS)}],
    }
    return {
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": _metadata(name), "spec": spec,
    }  # fmt: skip


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "labels": _LABELS}
