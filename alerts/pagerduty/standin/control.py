"""The doors for whoever plays with the stand-in: faults, timeline, clock, and a fresh start, all below `/standin/`."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from sanic import HTTPResponse, Request
from sanic.exceptions import BadRequest

from alerts.pagerduty.standin.desk import Status
from alerts.pagerduty.standin.faults import Fault
from alerts.pagerduty.standin.standin import Standin
from alerts.pagerduty.standin.timeline import What

MOST_ENTRIES = 10_000
T = TypeVar("T")
PLACES = ("routing_key", "dedup_key", "incident", "action", "fault")


class _Pace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    scale: Annotated[float, Meta(ge=0.001, le=100_000)] | None = None
    forward_seconds: Annotated[float, Meta(ge=0, le=10_000_000)] = 0.0


class Control:
    """The handlers and what they share."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin

    async def state(self, _request: Request) -> HTTPResponse:
        """Say how much is open, and what time it is."""
        now, desk = self._standin.now(), self._standin.desk
        return answer(
            {
                "now": now,
                "scale": self._standin.clock.scale,
                "open_alerts": desk.open_alerts,
                "open_incidents": desk.open_alerts,
                "unprocessed_events": desk.unprocessed,
                "last_entry": self._standin.timeline.last,
            }
        )

    async def timeline(self, request: Request) -> HTTPResponse:
        """Tell what happened after an entry, at most 10,000 at once; other parameters choose."""
        self._standin.now()
        wanted: dict[str, Any] = {name: request.args[name][0] for name in PLACES if name in request.args}
        if "what" in request.args:
            wanted["what"] = frozenset(map(What, _known(request.args["what"][0].split(","))))
        entries = []
        for entry in self._standin.timeline.after(_number(request, "after", 0), **wanted):
            entries.append(entry)
            if len(entries) >= _number(request, "limit", MOST_ENTRIES):
                break
        return answer(
            {"entries": entries, "last": self._standin.timeline.last, "forgotten": self._standin.timeline.forgotten}
        )

    async def alerts(self, request: Request) -> HTTPResponse:
        """Tell all alerts, or those with a status: open, resolved."""
        self._standin.now()
        status = request.args.get("status", "all")
        alerts = self._standin.desk.alerts.values()
        shown = [each for each in alerts if status in {"all", "resolved" if each.status is Status.RESOLVED else "open"}]
        return answer({"alerts": shown})

    async def faults(self, _request: Request) -> HTTPResponse:
        """Tell the faults in force, with what is left of them."""
        return answer(self._standin.faults.commanded)

    async def command(self, request: Request) -> HTTPResponse:
        """Put a list of faults in force, instead of those that were."""
        self._standin.faults.commanded = tuple(_decoded(request, list[Fault]))
        return await self.faults(request)

    async def pace(self, request: Request) -> HTTPResponse:
        """Let the clock run at another speed, or put it forward."""
        pace = _decoded(request, _Pace)
        if pace.scale is not None:
            self._standin.clock.run(pace.scale)
        self._standin.clock.forward(pace.forward_seconds)
        return await self.state(request)

    async def clear(self, request: Request) -> HTTPResponse:
        """Forget everything."""
        self._standin.clear()
        return await self.state(request)

    async def elsewhere(self, _request: Request) -> HTTPResponse:
        """Be where redirects lead: a page, and no event is taken."""
        return HTTPResponse("<html><title>Sign in</title></html>", content_type="text/html")


def answer(body: object, status: int = 200) -> HTTPResponse:
    return HTTPResponse(msgspec.json.encode(body), status, {"cache-control": "no-store"}, "application/json")


def _decoded(request: Request, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(request.body, type=type_)
    except msgspec.DecodeError as error:
        raise BadRequest(str(error)) from error


def _known(words: list[str]) -> list[str]:
    unknown = set(words) - set(What)
    if unknown:
        raise BadRequest(f"there are no entries {', '.join(sorted(unknown))}; there are {', '.join(What)}")
    return words


def _number(request: Request, name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(f"{name} is not a whole number")
    return int(text)
