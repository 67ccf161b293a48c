"""Tells people what an alert means: when it fires, how soon at which share of errors, whom it tells, what it cannot see."""

from collections.abc import Iterator, Sequence

from alerts.objectives import percent
from alerts.promise import Promise, promises
from alerts.proof.closed_form import FEWEST_ERRORS, Burn, burns
from alerts.proof.objectives import BURNS
from alerts.render import every_alert
from alerts.rule import Alert, Severity
from alerts.text import annotations
from exporters.duration import duration
from gateway.spec.model import Spec

SHARES = (1.0, 0.1, 0.02)
_TOLD = {
    Severity.CRITICAL: "pages at any hour",
    Severity.WARNING: "opens a ticket",
    Severity.INFO: "is shown beside other alerts and told to nobody",
    Severity.NONE: "is expected by whoever watches the supervision, and pages when it stops",
}


def explain(spec: Spec, name: str, more: Sequence[Alert] = ()) -> str | None:
    """Return the explanation of every alert of a name, ours or `more` of the user's; None if there is none."""
    alerts = [alert for alert in (*every_alert(spec), *more) if alert.name == name]
    if not alerts:
        return None
    if name in BURNS.values():
        kept = [promise for promise in promises(spec) if BURNS[promise.kind] == name]
        return "\n\n".join("\n".join(_burn(spec, alerts[0], promise)) for promise in kept)
    return "\n\n".join("\n".join(_plain(spec, alert)) for alert in alerts)


def _plain(spec: Spec, alert: Alert) -> Iterator[str]:
    yield f"{alert.name}: {alert.summary}"
    yield f"  It {_TOLD[alert.severity]}; {_team(spec, alert.team)}."
    yield f"  It says: {alert.description}"
    for_ = f", for {duration(alert.for_seconds)} without a break" if alert.for_seconds else ""
    yield f"  It fires while this gives anything{for_}:"
    yield from (f"    {line}" for line in alert.expr.text.splitlines())
    yield f"  Runbook: {annotations(alert, spec.alerts)['runbook_url']}"


def _burn(spec: Spec, alert: Alert, promise: Promise) -> Iterator[str]:
    yield f"{alert.name} of route {promise.route}: {alert.summary}"
    yield f"  {percent(promise.ratio)} {_kept(promise)} is promised over {promise.period}; {_team(spec, promise.team)}."
    yield f"  {'tier':<12} {'severity':<9} {'windows':<11} {'above':<8} fires at errors of 100%, 10%, 2% after"
    for burn in burns(promise.period, promise.ratio):
        windows = f"{duration(burn.short_seconds)} and {duration(burn.long_seconds)}"
        above = percent(float(f"{burn.threshold_ratio:.4g}"))
        yield f"  {burn.tier:<12} {burn.severity:<9} {windows:<11} {above:<8} {', '.join(_after(burn))}"
    yield "  With steady traffic, and a long window without errors behind it; scraping and evaluation add up to 30s."
    yield (
        f"  Blind spot: no tier fires on fewer than {FEWEST_ERRORS} errors in its long window. A route with less than "
        f"{FEWEST_ERRORS} requests an hour can be down without a fast page: only a probe sees that."
    )
    yield f"  Runbook: {annotations(alert, spec.alerts)['runbook_url']}"


def _after(burn: Burn) -> Iterator[str]:
    for share in SHARES:
        seconds = burn.fires_after(share)
        yield "never" if seconds is None else _rounded(seconds)


def _rounded(seconds: float) -> str:
    """Seconds within the first hour, then minutes: `52s`, `8m38s`, `7h12m`."""
    whole = round(seconds)
    if whole >= 3600:
        hours, minutes = divmod(round(whole / 60), 60)
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    minutes, rest = divmod(whole, 60)
    return (f"{minutes}m" if minutes else "") + (f"{rest}s" if rest or not minutes else "")


def _kept(promise: Promise) -> str:
    if promise.edge_seconds is None:
        return "of requests without a 5xx"
    return f"of answers within {duration(promise.edge_seconds)}"


def _team(spec: Spec, name: str) -> str:
    team = spec.teams.get(name)
    if team is None:
        return "no team is told (the spec's `alerts.team`, or a route's `team`, would name one)"
    return f"team {name} is told ({', '.join(filter(None, (team.pages, team.contact)))})"
