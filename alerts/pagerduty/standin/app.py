"""The stand-in as a Sanic app: which door is where."""

from types import SimpleNamespace

import msgspec
from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.exceptions import SanicException

from alerts.pagerduty.standin.control import Control
from alerts.pagerduty.standin.events_api import EventsApi
from alerts.pagerduty.standin.page.doors import Page
from alerts.pagerduty.standin.rest.doors import open_doors
from alerts.pagerduty.standin.standin import Standin

NEVER_SECONDS = 86_400
MOST_REQUEST_BYTES = 16 * 1024 * 1024

App = Sanic[Config, SimpleNamespace]


def build(standin: Standin) -> App:
    """Make the app of one stand-in."""
    app: App = Sanic("pagerduty-standin", config=_settings(), configure_logging=False)
    events, control, page = EventsApi(standin), Control(standin), Page(standin)
    app.add_route(events.enqueue, "/v2/enqueue", methods=["POST"])
    app.add_route(events.enqueue_change, "/v2/change/enqueue", methods=["POST"])
    app.add_route(control.state, "/standin/state", methods=["GET"])
    app.add_route(control.timeline, "/standin/timeline", methods=["GET"])
    app.add_route(control.alerts, "/standin/alerts", methods=["GET"])
    app.add_route(control.faults, "/standin/faults", methods=["GET"])
    app.add_route(control.command, "/standin/faults", methods=["PUT"])
    app.add_route(control.pace, "/standin/clock", methods=["PUT"])
    app.add_route(control.clear, "/standin/clear", methods=["POST"])
    app.add_route(control.elsewhere, "/standin/elsewhere", methods=["GET", "POST"])
    app.add_route(page.overview, "/", methods=["GET"])
    app.add_route(page.detail, "/standin/incidents/<incident:str>", methods=["GET"])
    app.add_route(page.acknowledge, "/standin/incidents/<incident:str>/acknowledge", methods=["POST"])
    app.add_route(page.resolve, "/standin/incidents/<incident:str>/resolve", methods=["POST"])
    app.add_route(page.style, "/standin/page.css", methods=["GET"])
    app.add_route(page.script, "/standin/page.js", methods=["GET"])
    open_doors(standin, app)
    app.register_middleware(_guard, "request")
    app.error_handler.add(SanicException, _problem)
    return app


async def _guard(request: Request) -> HTTPResponse | None:
    """Refuse what a page of another site sends through somebody's browser."""
    if request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"} or request.method in {"GET", "HEAD"}:
        return None
    return HTTPResponse(b"Another site's page may not do this.", 403, content_type="text/plain")


async def _problem(_request: Request, error: SanicException) -> HTTPResponse:
    body = {"error": {"message": str(error), "code": 2100 if error.status_code == 404 else 2001}}
    return HTTPResponse(msgspec.json.encode(body), error.status_code, error.headers, "application/json")


def _settings() -> Config:
    """Sanic's settings for this app; the environment has no say in them."""
    config = Config(env_prefix=None)
    config.REQUEST_MAX_SIZE = MOST_REQUEST_BYTES
    config.RESPONSE_TIMEOUT = NEVER_SECONDS  # what hangs must hang
    config.GRACEFUL_SHUTDOWN_TIMEOUT = 1.0
    config.ACCESS_LOG = False
    config.AUTO_EXTEND = False
    config.MOTD = False
    return config
