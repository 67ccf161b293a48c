"""The page as HTML: a pure function of the stand-in's state and the time. Everything that somebody sent is escaped."""

from collections.abc import Iterable
from html import escape
from typing import Any

import msgspec

from alerts.pagerduty.standin.account import Account
from alerts.pagerduty.standin.desk import Alert, Incident, Status
from alerts.pagerduty.standin.standin import Standin
from alerts.pagerduty.standin.timeline import Entry, What

MOST_RESOLVED = 30
MOST_OPEN = 200
MOST_CHANGES = 10
REFRESH_SECONDS = 5
WORDS = {
    What.ALERT_OPENED: "alert opened",
    What.ALERT_REPEATED: "triggered again",
    What.ALERT_RESOLVED: "alert resolved",
    What.INCIDENT_TRIGGERED: "incident triggered",
    What.INCIDENT_ACKNOWLEDGED: "acknowledged",
    What.INCIDENT_UNACKNOWLEDGED: "acknowledgement ran out",
    What.INCIDENT_ESCALATED: "escalated",
    What.INCIDENT_RESOLVED: "resolved",
    What.NOTIFIED: "told",
    What.NOBODY_ON_CALL: "nobody on call",
}
ORDER = {Status.TRIGGERED: 0, Status.ACKNOWLEDGED: 1, Status.RESOLVED: 2}


def overview(standin: Standin, now: float) -> str:
    """Return the page of all incidents."""
    incidents = [*standin.desk.incidents.values()]
    counts = {status: sum(each.status is status for each in incidents) for status in Status}
    waiting = sorted(
        (each for each in incidents if each.status is not Status.RESOLVED),
        key=lambda each: (ORDER[each.status], each.urgency != "high", -each.opened_at),
    )
    done = [each for each in reversed(incidents) if each.status is Status.RESOLVED][:MOST_RESOLVED]
    return _document(
        f"{counts[Status.TRIGGERED]} triggered" if counts[Status.TRIGGERED] else "All quiet",
        f"""{_faults(standin)}
<ul class="counts">{"".join(_count(status, counts[status]) for status in Status)}</ul>
{_table(standin, waiting[:MOST_OPEN], now) if waiting else '<p class="quiet">Nothing is open.</p>'}
{_more(len(waiting) - MOST_OPEN)}
{f"<h2>Resolved lately</h2>{_table(standin, done, now)}" if done else ""}
<div class="columns">{_on_call(standin.account, now)}{_changes(standin, now)}</div>""",
        standin,
    )


def detail(standin: Standin, incident: Incident, now: float) -> str:
    """Return the page of one incident."""
    alert = standin.desk.alerts[incident.alert_id]
    happened = [each for each in standin.timeline.after(incident=incident.id) if each.what in WORDS]
    return _document(
        incident.title,
        f"""<p><a href="/">All incidents</a></p>
<article><h1>{_pill(incident.status)} {escape(incident.title)}</h1>
<p class="faint">#{incident.number} · {escape(incident.service_name)} · {incident.urgency} urgency · opened
{_ago(now - incident.opened_at)}</p>
{_buttons(incident)}
<h2>What happened</h2>
<ol class="history">{"".join(_happened(each, incident.opened_at) for each in happened)}</ol>
{_links(alert)}
<h2>What was sent</h2>
{_sent(alert)}</article>""",
        standin,
    )


def _document(title: str, body: str, standin: Standin) -> str:
    pace = (
        f' <span class="faint">clock runs {standin.clock.scale:g} times as fast</span>'
        if standin.clock.scale != 1
        else ""
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · PagerDuty stand-in</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/standin/page.css"><link rel="icon" href="data:,">
<noscript><meta http-equiv="refresh" content="{REFRESH_SECONDS}"></noscript>
<script src="/standin/page.js" defer></script></head>
<body><header><a class="name" href="/">PagerDuty <em>stand-in</em></a>{pace}</header>
<main>
{body}
</main></body></html>
"""


def _faults(standin: Standin) -> str:
    kinds = ", ".join(f"{fault.kind} on {fault.on}" for fault in standin.faults.commanded)
    return f'<p class="fault">Failing on command: {escape(kinds)}</p>' if kinds else ""


def _count(status: Status, number: int) -> str:
    return f'<li class="{status}{" none" if not number else ""}"><b>{number}</b> {status}</li>'


def _more(hidden: int) -> str:
    return f'<p class="faint">and {hidden} more</p>' if hidden > 0 else ""


def _table(standin: Standin, incidents: Iterable[Incident], now: float) -> str:
    rows = "".join(_row(standin, each, now) for each in incidents)
    return f"""<table><thead><tr><th>Status</th><th>Incident</th><th>Service</th><th>Told</th><th>When</th></tr></thead>
<tbody>{rows}</tbody></table>"""


def _row(standin: Standin, incident: Incident, now: float) -> str:
    when = incident.resolved_at or incident.opened_at
    urgent = '<span class="low">low</span> ' if incident.urgency == "low" else ""
    return f"""<tr class="{incident.status}"><td>{_pill(incident.status)}</td>
<td>{urgent}<a href="/standin/incidents/{incident.id}">{escape(incident.title)}</a></td>
<td>{escape(incident.service_name)}</td><td>{_told(standin.account, incident, now)}</td>
<td class="time">{_ago(now - when)}</td></tr>"""


def _told(account: Account, incident: Incident, now: float) -> str:
    names = ", ".join(escape(account.users[each].name) for each in incident.assigned if each in account.users)
    level = f'<span class="level">level {incident.level}</span> ' if incident.level else ""
    due = incident.escalates_at
    ahead = f' <span class="faint">next in {_span(due - now)}</span>' if due is not None else ""
    return f"{level}{names or 'nobody'}{ahead}"


def _buttons(incident: Incident) -> str:
    if incident.status is Status.RESOLVED:
        return ""
    actions = ["resolve"] if incident.status is Status.ACKNOWLEDGED else ["acknowledge", "resolve"]
    return "".join(
        f'<form method="post" action="/standin/incidents/{incident.id}/{action}">'
        f'<button class="{action}">{action.title()}</button></form>'
        for action in actions
    )


def _happened(entry: Entry, since: float) -> str:
    preposition = "to" if entry.what is What.INCIDENT_ESCALATED else "at"
    level = f" {preposition} level {entry.level}" if entry.level else ""
    who = f" <b>{escape(entry.user)}</b>" if entry.user else ""
    why = f' <span class="faint">({escape(entry.reason.replace("_", " "))})</span>' if entry.reason else ""
    return f"<li><time>+{_span(entry.at - since)}</time> {WORDS[entry.what]}{who}{level}{why}</li>"


def _links(alert: Alert) -> str:
    """Show the links of an event; only those that lead to a page."""
    links = "".join(
        f'<li><a rel="noreferrer" href="{escape(each["href"])}">{escape(str(each.get("text") or each["href"]))}</a></li>'
        for each in alert.event.body.get("links") or ()
        if each["href"].startswith(("http://", "https://"))
    )
    return f'<ul class="links">{links}</ul>' if links else ""


def _sent(alert: Alert) -> str:
    payload: dict[str, Any] = alert.event.body.get("payload", {})
    shown = {"dedup_key": alert.event.dedup_key, **payload}
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{_value(value)}</dd>" for name, value in shown.items())
    return f"<dl>{rows}</dl>"


def _value(value: object) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"<pre>{escape(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())}</pre>"


def _on_call(account: Account, now: float) -> str:
    rows = "".join(
        f"<li>{escape(policy.name)} <span class='level'>level {level}</span> "
        f"{', '.join(escape(account.users[each].name) for each in account.told(policy, level, now)) or 'nobody'}</li>"
        for policy in account.policies.values()
        for level in range(1, len(policy.escalation_rules) + 1)
    )
    return f"<section><h2>On call</h2><ul>{rows}</ul></section>" if rows else ""


def _changes(standin: Standin, now: float) -> str:
    changes = [*standin.timeline.after(what=What.CHANGE)][-MOST_CHANGES:]
    rows = "".join(
        f'<li>{escape(each.summary or "")} <span class="faint">{_ago(now - each.at)}</span></li>'
        for each in reversed(changes)
    )
    return f"<section><h2>Changes</h2><ul>{rows}</ul></section>" if rows else ""


def _pill(status: Status) -> str:
    return f'<span class="pill {status}">{status}</span>'


def _ago(seconds: float) -> str:
    return f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
