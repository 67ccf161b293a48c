"""What Alertmanager says, read leniently: whatever can be understood becomes an alert, since each may be somebody's page.

The status of the whole webhook, its group key and its common labels are never read: they speak of a group, may be cut
by `max_alerts` before they are computed, and change with every edit of a route (notes/alerting.md, section 3).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

MOST_ALERTS = 20_000
"""In one webhook; Alertmanager sends a group at once, and a group that large is a mistake."""
MOST_LABELS_BYTES = 32_000
MOST_ANNOTATION = 8_000
MOST_ANNOTATIONS_BYTES = 100_000
"""Characters kept of one annotation, and bytes of all: with them an event stays below PagerDuty's 512 kB."""
MOST_COUNTED = 1_000_000_000
"""Alerts that `max_alerts` may have cut off; more is no number of alerts."""
KEY_SCHEME = "casino/1"
"""Stands before each key: another way to make keys gets another number, and incidents keep the key they opened with."""
_NAME = re.compile(r"[^A-Za-z0-9_.:-]+")
_QUOTED = re.compile(r"\\(.)")


class UnreadableError(Exception):
    """The body is nothing that Alertmanager sends."""


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert as it was told."""

    key: str
    """PagerDuty's dedup key, at most 255 characters."""
    firing: bool
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: float
    """Unix time in seconds."""
    ends_at: float = 0.0
    """Unix time in seconds; 0 while it fires."""
    generator_url: str = ""
    """Where Prometheus shows the expression."""

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "") or "alert"


class Delivery(Struct, frozen=True):
    """One webhook."""

    alerts: tuple[Alert, ...]
    receiver: str
    """The receiver's name as Alertmanager's configuration has it."""
    truncated: int
    """Alerts that `max_alerts` cut off: nobody will tell of them again."""


def read(body: bytes, now: float) -> Delivery:
    """Read a webhook.

    Raises:
        UnreadableError: it is no JSON object with a list of alerts, or has too many of them.
    """
    told = _json(body.decode(errors="replace"))
    if not isinstance(told, dict) or not isinstance(told.get("alerts"), list):
        raise UnreadableError("this has no list `alerts`")
    if len(told["alerts"]) > MOST_ALERTS:
        raise UnreadableError(f"these are {len(told['alerts'])} alerts; {MOST_ALERTS} are the most in one webhook")
    try:
        alerts = tuple(alert_of(one, now) for one in told["alerts"] if isinstance(one, dict))
    except RecursionError:
        raise UnreadableError("a label or an annotation is nested too deeply") from None
    if len(alerts) < len(told["alerts"]):
        raise UnreadableError("something in `alerts` is no object")
    return Delivery(alerts, _unquoted(_text(told.get("receiver"))), _count(told.get("truncatedAlerts")))


def _json(text: str) -> object:
    """Read JSON; half a surrogate pair, which the quick reader refuses, is no reason to page nobody."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise UnreadableError(f"this is no JSON: {fault}") from None


def alert_of(told: Mapping[str, object], now: float) -> Alert:
    """Understand one alert, of a webhook or of Alertmanager's API; what is missing gets a cautious stand-in."""
    labels = _texts(told.get("labels"))
    starts_at = _moment(told.get("startsAt")) or now
    ends_at = _moment(told.get("endsAt"))
    status = told.get("status")
    firing = status.lower() != "resolved" if isinstance(status, str) else not 0 < ends_at <= now
    return Alert(
        key=dedup_key(labels),
        firing=firing,
        labels=_bounded(labels, MOST_LABELS_BYTES),
        annotations=_bounded(_texts(told.get("annotations")), MOST_ANNOTATIONS_BYTES),
        starts_at=starts_at,
        ends_at=0.0 if firing else ends_at or now,
        generator_url=_text(told.get("generatorURL"))[:2_000],
    )


def dedup_key(labels: Mapping[str, str]) -> str:
    """Name an alert by all its labels and nothing else: no route, group or restart changes it."""
    digest = hashlib.sha256(msgspec.json.encode(sorted(labels.items()))).hexdigest()[:32]
    return f"{KEY_SCHEME}/{_NAME.sub('_', labels.get('alertname', ''))[:100] or 'alert'}/{digest}"


def _texts(told: object) -> dict[str, str]:
    return {_whole(name): _text(value) for name, value in told.items()} if isinstance(told, dict) else {}


def _text(value: object) -> str:
    if value is None:
        return ""
    return _whole(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _whole(text: str) -> str:
    """Put a question mark for half a surrogate pair: neither SQLite nor PagerDuty would take it."""
    return text.encode(errors="replace").decode()


def _count(told: object) -> int:
    """Read a number of alerts; 0 for what cannot be one."""
    return told if isinstance(told, int) and 0 <= told <= MOST_COUNTED else 0


def _bounded(texts: dict[str, str], most_bytes: int) -> dict[str, str]:
    """Cut long values, then leave out what is beyond the bound; what names the alert comes first."""
    kept, room = {}, most_bytes
    for name in sorted(texts, key=_importance):
        value = _cut(texts[name], MOST_ANNOTATION)
        size = len(name.encode()) + len(value.encode())
        if size <= room:
            kept[name] = value
            room -= size
    return {name: kept[name] for name in texts if name in kept}


def _importance(name: str) -> tuple[bool, str]:
    return name not in {"alertname", "severity", "team", "summary", "description", "runbook_url", "dashboard_url"}, name


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _moment(told: object) -> float:
    """Read RFC 3339; 0 for Go's zero time and for what cannot be read."""
    if not isinstance(told, str):
        return 0.0
    try:
        moment = datetime.fromisoformat(told)
        return max(moment.timestamp(), 0.0) if moment.year > 1 else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _unquoted(receiver: str) -> str:
    r"""Undo Alertmanager's quoting for regular expressions: `team\.a` is called `team.a`."""
    return _QUOTED.sub(r"\1", receiver)[:500]
