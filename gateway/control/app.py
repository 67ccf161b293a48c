"""The HTTP side of control: a Sanic app whose handlers ask the control plane and put the answer into words.

It never forwards traffic, sets no cookie, and answers no page of another site.
"""

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.exceptions import RequestCancelled, SanicException
from sanic.handlers import ErrorHandler
from sanic.response import BaseHTTPResponse

from gateway.control.access import STATUS
from gateway.control.door import Door
from gateway.control.plane import ControlPlane
from gateway.control.reload import NotWrittenError, Result

logger = logging.getLogger("casino.control")

ENDPOINTS = {
    "/health": "200 while the control process runs",
    "/ready": "200 while traffic may be sent to the gateway, else 503 with the reasons",
    "/metrics": "Prometheus or OpenMetrics text, as Accept asks",
    "/stats": "what happens right now: rates, latencies, targets, workers",
    "/config": "the spec that runs, its generation and digest",
    "/reload": "POST: read the spec again; 422 with every mistake if it is refused",
}
READ = ("GET", "HEAD")
CLIENT_LEFT = 499
_MOST_REQUEST_BYTES = 64 * 1024


class Problems(ErrorHandler):
    """Every error as a problem document (RFC 9457); of what went wrong inside, the client learns nothing."""

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """Render one."""
        if isinstance(exception, RequestCancelled):  # the client left; this is for the audit log alone
            return HTTPResponse(status=CLIENT_LEFT)
        if isinstance(exception, NotWrittenError):
            return problem(500, f"The spec is sound, but not applied, and the one before runs on: {exception}.")
        if not isinstance(exception, SanicException):
            logger.error("request_failed", exc_info=exception, extra={"fields": {"url.path": request.path}})
            return problem(500, "The control process failed to handle the request.")
        status = exception.status_code or 500
        headers = {name: str(value) for name, value in (exception.headers or {}).items() if name.lower() == "allow"}
        return problem(status, DETAILS.get(status, ""), headers)


DETAILS = {
    404: "Nothing is served here; / lists what is.",
    405: "This method is not served here; Allow lists those that are.",
}


def build_app(plane: ControlPlane, door: Door, name: str) -> Sanic[Any, Any]:
    """Build the app; the name must be its own in this process."""
    app: Sanic[Any, Any] = Sanic(
        name, config=_settings(), error_handler=Problems(), configure_logging=False, strict_slashes=True
    )

    @app.on_request
    async def enter(request: Request) -> HTTPResponse | None:
        verdict = door.enter(request)
        status = STATUS.get(verdict.result)
        return problem(status, verdict.detail, verdict.headers) if status else None

    async def leave(request: Request, response: BaseHTTPResponse) -> None:
        door.leave(request, response.status)

    app.register_middleware(leave, "response")

    @app.route("/", methods=READ)
    async def index(_: Request) -> HTTPResponse:
        return answer(ENDPOINTS)

    @app.route("/health", methods=READ)
    async def health(_: Request) -> HTTPResponse:
        return answer({"status": "ok"})

    @app.route("/ready", methods=READ)
    async def ready(_: Request) -> HTTPResponse:
        readiness = plane.readiness()
        return answer(readiness, 200 if readiness.ready else 503)

    @app.route("/metrics", methods=READ)
    async def metrics(request: Request) -> HTTPResponse:
        text, content_type = await plane.metrics(request.headers.get("accept", ""))
        return HTTPResponse(text, 200, NO_STORE, content_type)

    @app.route("/stats", methods=READ)
    async def stats(_: Request) -> HTTPResponse:
        return answer(await plane.stats())

    @app.route("/config", methods=READ)
    async def config(_: Request) -> HTTPResponse:
        return answer(plane.config())

    @app.route("/reload", methods=["POST"])
    async def reload(_: Request) -> HTTPResponse:
        outcome = await plane.reload()
        return answer(outcome, 422 if outcome.result is Result.REFUSED else 200)

    return app


NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answer(body: object, status: int = 200) -> HTTPResponse:
    """Answer with JSON, for people too: indented."""
    text = msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"
    return HTTPResponse(text, status, NO_STORE, "application/json")


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> HTTPResponse:
    """Answer with a problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return HTTPResponse(
        msgspec.json.encode(body) + b"\n", status, {**NO_STORE, **(headers or {})}, "application/problem+json"
    )


def _settings() -> Config:
    """Sanic's settings for this app; the environment has no say in them."""
    config = Config(env_prefix=None)
    config.REQUEST_MAX_SIZE = _MOST_REQUEST_BYTES
    config.ACCESS_LOG = False
    config.AUTO_EXTEND = False
    config.MOTD = False
    return config
