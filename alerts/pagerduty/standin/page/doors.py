"""The doors of the page: the overview, each incident with its two buttons, and the page's own style and script."""

from functools import cache
from pathlib import Path

from sanic import HTTPResponse, Request
from sanic.exceptions import NotFound

from alerts.pagerduty.standin.desk import Incident, Status
from alerts.pagerduty.standin.page.view import detail, overview
from alerts.pagerduty.standin.standin import Standin

FOLDER = Path(__file__).parent
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
VISITOR = "a visitor of the page"


class Page:
    """The handlers and what they share."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin

    async def overview(self, _request: Request) -> HTTPResponse:
        return _html(overview(self._standin, self._standin.now()))

    async def detail(self, _request: Request, incident: str) -> HTTPResponse:
        now = self._standin.now()
        return _html(detail(self._standin, self._get(incident), now))

    async def acknowledge(self, _request: Request, incident: str) -> HTTPResponse:
        now, found = self._standin.now(), self._get(incident)
        if found.status is Status.TRIGGERED:
            self._standin.desk.acknowledge(found, VISITOR, now)
        return _back(found)

    async def resolve(self, _request: Request, incident: str) -> HTTPResponse:
        now, found = self._standin.now(), self._get(incident)
        if found.status is not Status.RESOLVED:
            self._standin.desk.resolve(found, now, by=VISITOR, reason="user")
        return _back(found)

    async def style(self, _request: Request) -> HTTPResponse:
        return HTTPResponse(_file("page.css"), headers=HEADERS, content_type="text/css")

    async def script(self, _request: Request) -> HTTPResponse:
        return HTTPResponse(_file("page.js"), headers=HEADERS, content_type="text/javascript")

    def _get(self, incident: str) -> Incident:
        found = self._standin.desk.incidents.get(incident)
        if found is None:
            raise NotFound("Incident Not Found")
        return found


@cache
def _file(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def _html(text: str) -> HTTPResponse:
    return HTTPResponse(text, headers=HEADERS, content_type="text/html; charset=utf-8")


def _back(incident: Incident) -> HTTPResponse:
    return HTTPResponse(b"", 303, {**HEADERS, "location": f"/standin/incidents/{incident.id}"})
