"""Events as PagerDuty takes them (Events API v2), within its limits: 1,024 characters of summary, 255 of key, 512 kB.

What is built here is never refused for its form; and should PagerDuty refuse it all the same, `minimal` is what is left.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from alerts.pagerduty.core.alert import Alert
from alerts.pagerduty.core.links import Link, Targets, links
from alerts.pagerduty.core.severity import Severity, severity_of

MOST_SUMMARY = 1024
MOST_KEY = 255
MOST_SOURCE = 255
MOST_BYTES = 500_000
"""Of a whole event, as sent. The documented limit is 512 kB; whether that counts 1,000 or 1,024 stands nowhere."""
LATE_SECONDS = 30.0
"""An event that waited longer says so, and is not sent before Alertmanager was asked."""
CLIENT = "Casino"
OWN_KEYS = "casino-bridge"
"""Begins the keys of incidents that are the bridge's own: no Alertmanager knows them."""
SOURCES = ("instance", "upstream", "route", "job")


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the bridge itself has to say, or a change that somebody made."""

    key: str
    summary: str
    severity: Severity = Severity.CRITICAL
    source: str = "casino bridge"
    details: dict[str, str] = {}


class Late(Struct, frozen=True):
    """How a trigger waited."""

    seconds: float = 0.0
    over: bool = False
    """Alertmanager says that it ended while it waited: told for the record, so that nobody is woken."""


IN_TIME = Late()


def trigger(alert: Alert, *, targets: Targets, now: float, late: Late = IN_TIME) -> bytes:
    """Write a trigger, without its routing key."""
    waited = late.seconds >= LATE_SECONDS
    summary = alert.annotations.get("summary", "").strip() or alert.name.strip() or "An alert without a name"
    description = alert.annotations.get("description", "").strip()
    after = " " if summary.endswith((".", "!", "?")) else ": "
    prefix = f"[told {_minutes(late.seconds)} late] " if waited else ""
    payload: dict[str, Any] = {
        "summary": cut(f"{prefix}{summary}{after if description else ''}{description}", MOST_SUMMARY),
        "source": cut(_source(alert), MOST_SOURCE),
        "severity": (Severity.INFO if late.over else severity_of(alert.labels.get("severity", ""))).value,
        "timestamp": written(alert.starts_at),
        "component": alert.labels.get("upstream") or alert.labels.get("route") or alert.labels.get("job", ""),
        "group": alert.labels.get("team", ""),
        "class": alert.name,
        "custom_details": {
            **({"late_by_seconds": round(late.seconds)} if waited else {}),
            **({"over": "It ended before it could be told."} if late.over else {}),
            "labels": alert.labels,
            "annotations": alert.annotations,
        },
    }
    payload = {name: cut(value, MOST_SUMMARY) if isinstance(value, str) else value for name, value in payload.items()}
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": alert.key,
        "client": CLIENT,
        "payload": {name: value for name, value in payload.items() if value != ""},
        "links": [_link(link) for link in links(alert, targets, now)],
    }
    if alert.generator_url.startswith(("http://", "https://")):
        event["client_url"] = alert.generator_url
    return fitted(event)


def minimal(key: str, name: str, severity: Severity) -> bytes:
    """Write the least that PagerDuty takes and that still wakes somebody."""
    return _encoded(
        {
            "event_action": "trigger",
            "dedup_key": key,
            "payload": {
                "summary": f"{_plain(name)[:200]} fires; PagerDuty refused its details (see `casino bridge dead list`)",
                "source": "casino bridge",
                "severity": severity.value,
            },
        }
    )


def resolve(key: str) -> bytes:
    """Write a resolve."""
    return _encoded({"event_action": "resolve", "dedup_key": key})


def notice(told: Notice) -> bytes:
    """Write a trigger of the bridge itself."""
    payload = {
        "summary": cut(told.summary, MOST_SUMMARY),
        "source": told.source,
        "severity": told.severity.value,
        "class": "bridge",
        "custom_details": told.details,
    }
    return fitted({"event_action": "trigger", "dedup_key": told.key, "client": CLIENT, "payload": payload})


def change(told: Notice, at: float) -> bytes:
    """Write a change event: it wakes nobody and is shown beside incidents for 90 days."""
    payload = {
        "summary": cut(told.summary, MOST_SUMMARY),
        "source": told.source,
        "timestamp": written(at),
        "custom_details": told.details,
    }
    return fitted({"payload": payload})


def with_routing_key(event: bytes, routing_key: str) -> bytes:
    """Complete an event; only now is it a secret."""
    return b'{"routing_key":' + msgspec.json.encode(routing_key) + b"," + event[1:]


def fitted(event: dict[str, Any]) -> bytes:
    """Write an event within PagerDuty's size: details are shortened, then left out; the page itself always stays."""
    for most in (None, 1_000, 100):
        encoded = _encoded(event if most is None else _shortened(event, most))
        if len(encoded) <= MOST_BYTES:
            return encoded
    return _encoded(
        {**event, "links": [], "payload": {**event["payload"], "custom_details": {"left_out": "too large"}}}
    )


def written(moment: float) -> str:
    """Write a Unix time as ISO 8601."""
    return datetime.fromtimestamp(min(moment, 32_503_680_000), UTC).isoformat(timespec="milliseconds")


def cut(text: str, most: int) -> str:
    """Shorten text to so many characters, without control characters that a pager could not show."""
    text = _plain(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _source(alert: Alert) -> str:
    return next((alert.labels[name] for name in SOURCES if alert.labels.get(name, "").strip()), CLIENT)


def _link(link: Link) -> dict[str, str]:
    return {"href": link.href, "text": link.text}


def _shortened(value: Any, most: int) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(each, most) for name, each in value.items()}
    return cut(value, most) if isinstance(value, str) and len(value) > MOST_KEY else value


def _encoded(event: dict[str, Any]) -> bytes:
    return msgspec.json.encode(event)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
