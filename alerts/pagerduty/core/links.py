"""Where an event leads: runbook, dashboard at the time of the alert, logs, a silence. Each only if its target is set."""

from urllib.parse import quote, urlencode

from msgspec import Struct

from alerts.pagerduty.core.alert import Alert

BEFORE_SECONDS = 3600.0
AFTER_SECONDS = 900.0
MOST_HREF = 2_000
"""Longer addresses are left out: a browser or a proxy on the way would cut them."""


class Link(Struct, frozen=True):
    """One link of an event."""

    text: str
    href: str


class Targets(Struct, frozen=True, kw_only=True):
    """What is configured: the beginnings of addresses that people can reach."""

    logs: str | None = None
    """Kibana's address."""
    alertmanager: str | None = None
    """Alertmanager's address."""


def links(alert: Alert, targets: Targets, now: float) -> tuple[Link, ...]:
    """Return the links of an alert, at least as many as lead somewhere."""
    found = (
        ("Runbook", _absolute(alert.annotations.get("runbook_url", ""))),
        ("Dashboard", _at_the_time(_absolute(alert.annotations.get("dashboard_url", "")), alert, now)),
        ("Logs", _logs(targets.logs, alert, now)),
        ("Silence it", _silence(targets.alertmanager, alert)),
    )
    return tuple(Link(text, href) for text, href in found if href and len(href) <= MOST_HREF)


def _absolute(address: str) -> str:
    """Without a target configured, alerts name paths (`docs/runbooks/X.md`): no link."""
    return address if address.startswith(("https://", "http://")) else ""


def _span(alert: Alert, now: float) -> tuple[int, int]:
    return round((alert.starts_at - BEFORE_SECONDS) * 1000), round((now + AFTER_SECONDS) * 1000)


def _at_the_time(address: str, alert: Alert, now: float) -> str:
    if not address:
        return ""
    since, until = _span(alert, now)
    return f"{address}{'&' if '?' in address else '?'}{urlencode({'from': since, 'to': until})}"


def _logs(kibana: str | None, alert: Alert, now: float) -> str:
    if kibana is None:
        return ""
    since, until = _span(alert, now)
    wanted = {"casino.route": "route", "casino.upstream": "upstream"}
    words = [f'{field}:"{alert.labels[label]}"' for field, label in wanted.items() if alert.labels.get(label)]
    query = quote(" and ".join(words).replace("!", "!!").replace("'", "!'"), safe="")
    span = f"from:'{since}',to:'{until}'"
    return f"{kibana}/app/discover#/?_g=(time:({span}))&_a=(query:(language:kuery,query:'{query}'))"


def _silence(alertmanager: str | None, alert: Alert) -> str:
    if alertmanager is None:
        return ""
    matchers = ",".join(f"{name}={_quoted(value)}" for name, value in alert.labels.items())
    return f"{alertmanager}/#/silences/new?filter={quote(f'{{{matchers}}}', safe='')}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
