"""`casino alerts`: shows the alerts of a spec, those of the user's own file among them, their rules, and what they mean."""

import json
import sys
from pathlib import Path

from alerts.explain import explain
from alerts.own import FILE
from alerts.render import bundle, every_alert
from alerts.rule import Alert
from alerts.text import alert_rule, document
from casino.exits import FINDING, FINE, refuse
from casino.own import OwnAlertsError, own
from gateway.spec.load import load
from gateway.spec.model import Spec
from gateway.spec.problem import SpecErrors
from gateway.spec.suggest import meant


def alerts(action: str, path: Path, *, stage: str | None, name: str | None, as_json: bool) -> int:
    """Carry out one action (list, show, explain) and return the exit code."""
    try:
        spec = load(path, stage).spec
        mine = own(spec).alerts
    except SpecErrors as refused:
        return refuse(refused.problems)
    except OwnAlertsError as refused:
        return refuse([refused])
    if action == "list":
        _list(spec, mine, as_json=as_json)
        return FINE
    assert name is not None
    text = explain(spec, name, mine) if action == "explain" else _rules(spec, name, mine)
    if text is None:
        known = sorted({alert.name for alert in (*every_alert(spec), *mine)})
        print(
            f"casino alerts: there is no alert {name}; {meant(name, known) or 'see `casino alerts list`'}",
            file=sys.stderr,
        )
        return FINDING
    print(text.rstrip())
    return FINE


def _list(spec: Spec, mine: tuple[Alert, ...], *, as_json: bool) -> None:
    rows = [
        (file, alert) for file, groups in bundle(spec).items() for group in groups for alert in _alerts(group.rules)
    ]
    rows += [(FILE, alert) for alert in mine]
    if as_json:
        print(json.dumps([_row(file, alert) for file, alert in rows], indent=2))
        return
    width = max(len(alert.name) for _, alert in rows)
    for file, alert in rows:
        about = f"{alert.labels['tier']:<12} " if "tier" in alert.labels else ""
        print(f"{alert.name:<{width}}  {alert.severity:<8}  {alert.team:<10}  {file:<28}  {about}{alert.summary}")


def _alerts(rules: tuple[object, ...]) -> list[Alert]:
    return [rule for rule in rules if isinstance(rule, Alert)]


def _row(file: str, alert: Alert) -> dict[str, object]:
    return {
        "name": alert.name, "severity": alert.severity.value, "team": alert.team, "file": file, "labels": alert.labels,
        "summary": alert.summary,
    }  # fmt: skip


def _rules(spec: Spec, name: str, mine: tuple[Alert, ...]) -> str | None:
    rules = [alert_rule(alert, spec.alerts) for alert in (*every_alert(spec), *mine) if alert.name == name]
    return document(rules, head="") if rules else None
