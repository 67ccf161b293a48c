"""Turns groups into the YAML that Prometheus reads, the same bytes for the same spec."""

from typing import Any

import yaml

from alerts.rule import Alert, Group, Record
from exporters.duration import duration
from gateway.spec.alerting import Alerts

HEAD = "# Written by `casino build` from the spec. What is changed here is lost with the next build.\n"
RUNBOOKS = "docs/runbooks"


class _Block(str):
    """Text of several lines, shown as it stands."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's signature
        """Indent lists below their key."""
        super().increase_indent(flow, indentless=False)


_Dumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def document(value: Any, *, head: str = HEAD) -> str:
    """Write one document, keys in the order given; text of several lines as a block."""
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10**6, allow_unicode=True)
    return head + text


def rules_file(groups: tuple[Group, ...], links: Alerts) -> str:
    """Write groups as one rule file."""
    return document({"groups": [_group(group, links) for group in groups]})


def annotations(alert: Alert, links: Alerts) -> dict[str, str]:
    """Return what an alert tells people, links included."""
    return {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": f"{links.runbooks or RUNBOOKS}/{alert.name}.md",
        "dashboard_url": f"{links.dashboards or ''}{alert.dashboard}",
    }


def labels(alert: Alert) -> dict[str, str]:
    """Return what Alertmanager routes by."""
    return {"severity": alert.severity.value, "team": alert.team, **alert.labels}


def _group(group: Group, links: Alerts) -> dict[str, Any]:
    rules = [alert_rule(rule, links) if isinstance(rule, Alert) else _record(rule) for rule in group.rules]
    return {"name": group.name, "interval": duration(group.every_seconds), "rules": rules}


def _record(record: Record) -> dict[str, Any]:
    rule: dict[str, Any] = {"record": record.series.name, "expr": _block(record.expr.text)}
    return rule | ({"labels": record.labels} if record.labels else {})


def alert_rule(alert: Alert, links: Alerts) -> dict[str, Any]:
    """Return an alert as Prometheus reads it."""
    rule: dict[str, Any] = {"alert": alert.name, "expr": _block(alert.expr.text)}
    if alert.for_seconds:
        rule["for"] = duration(alert.for_seconds)
    return rule | {"labels": labels(alert), "annotations": annotations(alert, links)}


def _block(text: str) -> str:
    return _Block(text) if "\n" in text else text
