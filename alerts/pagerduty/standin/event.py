"""Judges what is sent to the Events API v2: an event that PagerDuty would take, or every reason why it would not.

The limits are those of PagerDuty's pages "Send an Alert Event", "Send Change Events" and "Events API v2 Overview"; where
a page leaves the wording of an error open, ours says which field is wrong.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

MOST_BODY_BYTES = 512_000
MOST_SUMMARY_CHARACTERS = 1024
MOST_DEDUP_KEY_CHARACTERS = 255
ROUTING_KEY_CHARACTERS = 32

FIELDS = {"routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"}
CHANGE_FIELDS = {"routing_key", "payload", "links", "images"}


class Action(StrEnum):
    """What an event does to the alert of its key."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class Severity(StrEnum):
    """How bad it is, as the sender sees it; upper case is refused."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Event(Struct, frozen=True, kw_only=True):
    """An event that is taken."""

    routing_key: str
    action: Action
    dedup_key: str
    """Empty on a trigger that names none: PagerDuty makes one up."""
    summary: str = ""
    severity: Severity | None = None
    body: dict[str, Any] = {}
    """All of it, as it was sent."""


class Change(Struct, frozen=True, kw_only=True):
    """A change event that is taken."""

    routing_key: str
    summary: str
    body: dict[str, Any]


class Refusal(Struct, frozen=True):
    """Why an event is not taken."""

    errors: tuple[str, ...]


def routing_key(body: dict[str, Any]) -> str | Refusal:
    """Return the key that an event is sent with, or what is wrong with it."""
    key = body.get("routing_key")
    if not isinstance(key, str) or not key:
        return Refusal(("'routing_key' is missing or blank",))
    errors = []
    if len(key) != ROUTING_KEY_CHARACTERS:
        errors.append(f"Length of 'routing_key' is incorrect (should be {ROUTING_KEY_CHARACTERS} characters)")
    if not re.fullmatch(r"[0-9A-Za-z]*", key):
        errors.append("'routing_key' cannot contain non-alphanumeric characters.")
    return Refusal(tuple(errors)) if errors else key


def parse(content: bytes) -> dict[str, Any] | Refusal:
    """Read a body as a JSON object."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refusal(("Event object is not valid JSON",))
    return body if isinstance(body, dict) else Refusal(("Event object is not a JSON object",))


def judge(body: dict[str, Any]) -> Event | Refusal:
    """Take an alert event, or tell everything that is wrong with it."""
    errors = tuple(_alert_errors(body))
    if errors:
        return Refusal(errors)
    payload = body.get("payload") or {}
    return Event(
        routing_key=body["routing_key"],
        action=Action(body["event_action"]),
        dedup_key=body.get("dedup_key") or "",
        summary=payload.get("summary", ""),
        severity=Severity(payload["severity"]) if "severity" in payload else None,
        body=body,
    )


def judge_change(body: dict[str, Any]) -> Change | Refusal:
    """Take a change event, or tell everything that is wrong with it."""
    errors = tuple(_change_errors(body))
    if errors:
        return Refusal(errors)
    return Change(routing_key=body["routing_key"], summary=body["payload"]["summary"], body=body)


def _alert_errors(body: dict[str, Any]) -> Iterator[str]:
    yield from _unknown(body, FIELDS)
    action = body.get("event_action")
    if not isinstance(action, str) or action not in set(Action):
        yield "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"
    yield from _dedup_key(body, required=action in (Action.ACKNOWLEDGE, Action.RESOLVE))
    if action == Action.TRIGGER:
        yield from _payload(body.get("payload"))
    elif body.get("payload") is not None:
        yield from _typed(body, "payload", dict, "an object")
    for name in ("client", "client_url"):
        yield from _typed(body, name, str, "a string")
    yield from _attached(body)


def _change_errors(body: dict[str, Any]) -> Iterator[str]:
    yield from _unknown(body, CHANGE_FIELDS)
    if str(body.get("routing_key", "")).startswith("R"):
        yield "'routing_key' is the key of a ruleset, which takes no change events"
    payload = body.get("payload")
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank"
        return
    yield from _summary(payload)
    yield from _typed(payload, "source", str, "a string", prefix="payload.")
    yield from _details(payload)
    yield from _attached(body)


def _unknown(body: dict[str, Any], known: set[str]) -> Iterator[str]:
    """PagerDuty ignores what it does not know; whoever sends it meant something else."""
    yield from (f"'{name}' is not a field of an event" for name in body if name not in known)


def _dedup_key(body: dict[str, Any], *, required: bool) -> Iterator[str]:
    key = body.get("dedup_key")
    if key is None or key == "":
        if required:
            yield "'dedup_key' is missing or blank"
    elif not isinstance(key, str):
        yield "'dedup_key' is not a string"
    elif len(key) > MOST_DEDUP_KEY_CHARACTERS:
        yield f"'dedup_key' is too long (maximum is {MOST_DEDUP_KEY_CHARACTERS} characters)"


def _payload(payload: object) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank"
        return
    yield from _summary(payload)
    source = payload.get("source")
    if not isinstance(source, str) or not source.strip():
        yield "'payload.source' is missing or blank"
    severity = payload.get("severity")
    if severity is None or severity == "":
        yield "'payload.severity' is missing or blank"
    elif not isinstance(severity, str) or severity not in set(Severity):
        yield ("'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
    for name in ("component", "group", "class"):
        yield from _typed(payload, name, str, "a string", prefix="payload.")
    yield from _details(payload)


def _summary(payload: dict[str, Any]) -> Iterator[str]:
    summary = payload.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        yield "'payload.summary' is missing or blank"
    elif len(summary) > MOST_SUMMARY_CHARACTERS:
        yield f"'payload.summary' is too long (maximum is {MOST_SUMMARY_CHARACTERS} characters)"


def _details(payload: dict[str, Any]) -> Iterator[str]:
    yield from _typed(payload, "custom_details", dict, "an object", prefix="payload.")
    stamp = payload.get("timestamp")
    if stamp is not None and not _is_stamp(stamp):
        yield "'payload.timestamp' is not an ISO 8601 time"


def _is_stamp(stamp: object) -> bool:
    try:
        return isinstance(stamp, str) and "T" in stamp and datetime.fromisoformat(stamp) is not None
    except ValueError:
        return False


def _attached(body: dict[str, Any]) -> Iterator[str]:
    for name, needed, secure in (("links", "href", False), ("images", "src", True)):
        attached = body.get(name)
        if attached is None:
            continue
        if not isinstance(attached, list) or not all(isinstance(each, dict) for each in attached):
            yield f"'{name}' is not an array of objects"
            continue
        for place, each in enumerate(attached):
            address = each.get(needed)
            if not isinstance(address, str) or not address:
                yield f"'{name}[{place}].{needed}' is missing or blank"
            elif secure and not address.startswith("https://"):
                yield f"'{name}[{place}].{needed}' is not served over https"


def _typed(body: dict[str, Any], name: str, type_: type, words: str, *, prefix: str = "") -> Iterator[str]:
    value = body.get(name)
    if value is not None and not isinstance(value, type_):
        yield f"'{prefix}{name}' is not {words}"
