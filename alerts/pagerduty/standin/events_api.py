"""The doors of the Events API v2: `/v2/enqueue` and `/v2/change/enqueue`. Every call is written into the timeline."""

from typing import Any

import msgspec
from msgspec import Struct
from sanic import HTTPResponse, Request

from alerts.pagerduty.standin.desk import new_dedup_key
from alerts.pagerduty.standin.event import (
    MOST_BODY_BYTES,
    Change,
    Event,
    Refusal,
    judge,
    judge_change,
    parse,
    routing_key,
)
from alerts.pagerduty.standin.faults import Door, Fault, Kind
from alerts.pagerduty.standin.standin import Standin
from alerts.pagerduty.standin.timeline import What
from alerts.pagerduty.standin.wire import spoil

THROTTLED = "Requests for this service are arriving too quickly. Please retry later."


class Verdict(Struct, frozen=True, kw_only=True):
    """The usual answer to a call, and what was taken."""

    status: int
    answer: dict[str, Any] = {}
    errors: tuple[str, ...] = ()
    taken: Event | Change | None = None


class EventsApi:
    """The handlers and what they share."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin

    async def enqueue(self, request: Request) -> HTTPResponse | None:
        """Take an alert event."""
        return await self._answer(request, Door.EVENTS)

    async def enqueue_change(self, request: Request) -> HTTPResponse | None:
        """Take a change event."""
        return await self._answer(request, Door.CHANGES)

    async def _answer(self, request: Request, door: Door) -> HTTPResponse | None:
        now = self._standin.now()
        body = parse(request.body)
        known = {} if isinstance(body, Refusal) else body
        fault = self._standin.faults.next(door, _text(known.get("routing_key")))
        verdict = self._judge(request.body, body, door, now) if _reaches(fault) else Verdict(status=0)
        self._write(now, known, verdict, fault)
        if fault is None or fault.kind is not Kind.LOST:
            self._take(verdict.taken, now)
        response = HTTPResponse(
            msgspec.json.encode(verdict.answer), verdict.status or 500, content_type="application/json"
        )
        return response if fault is None else await spoil(request, fault, response)

    def _judge(self, content: bytes, body: dict[str, Any] | Refusal, door: Door, now: float) -> Verdict:
        if len(content) > MOST_BODY_BYTES:
            return _refuse(f"Event object is too large (maximum is {MOST_BODY_BYTES} bytes)")
        if isinstance(body, Refusal):
            return _refuse(*body.errors)
        key = routing_key(body)
        if isinstance(key, Refusal):
            return _refuse(*key.errors)
        if self._standin.account.service_of(key) is None:
            if not self._standin.settings.adopt:
                return _refuse("Invalid routing key")
            self._standin.account.adopt(key)
        if not self._standin.events.take(key, now):
            return Verdict(status=429, answer={"status": "throttle exceeded", "message": THROTTLED})
        return _alert(body) if door is Door.EVENTS else _change(body)

    def _take(self, taken: Event | Change | None, now: float) -> None:
        if isinstance(taken, Event):
            self._standin.desk.take(taken, now)
        elif taken is not None:
            self._standin.timeline.add(
                now, What.CHANGE, routing_key=taken.routing_key, summary=taken.summary, body=taken.body
            )

    def _write(self, now: float, body: dict[str, Any], verdict: Verdict, fault: Fault | None) -> None:
        payload = body.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        dedup_key = verdict.taken.dedup_key if isinstance(verdict.taken, Event) else _text(body.get("dedup_key"))
        self._standin.timeline.add(
            now,
            What.CALL,
            routing_key=_text(body.get("routing_key")),
            dedup_key=dedup_key,
            action=_text(body.get("event_action")),
            severity=_text(payload.get("severity")),
            summary=_text(payload.get("summary")),
            status=verdict.status if fault is None else fault.status(verdict.status),
            fault=None if fault is None else fault.kind.value,
            errors=verdict.errors,
            body=body or None,
        )


def _reaches(fault: Fault | None) -> bool:
    return fault is None or fault.is_taken or fault.kind is Kind.LOST


def _alert(body: dict[str, Any]) -> Verdict:
    event = judge(body)
    if isinstance(event, Refusal):
        return _refuse(*event.errors)
    taken = event if event.dedup_key else msgspec.structs.replace(event, dedup_key=new_dedup_key())
    answer = {"status": "success", "message": "Event processed", "dedup_key": taken.dedup_key}
    return Verdict(status=202, answer=answer, taken=taken)


def _change(body: dict[str, Any]) -> Verdict:
    change = judge_change(body)
    if isinstance(change, Refusal):
        return _refuse(*change.errors)
    return Verdict(status=202, answer={"status": "success", "message": "Change event processed"}, taken=change)


def _refuse(*errors: str) -> Verdict:
    answer = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    return Verdict(status=400, answer=answer, errors=errors)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
