"""The bridge's port: Alertmanager's webhooks, the peer, health and metrics. Handlers ask and answer; they decide nothing."""

import asyncio
import hmac
import logging
import time
from http import HTTPStatus
from typing import Any

import msgspec
from prometheus_client.exposition import choose_encoder
from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.exceptions import PayloadTooLarge, SanicException, Unauthorized
from sanic.handlers import ErrorHandler

from alerts.addresses import WEBHOOK
from alerts.pagerduty.bridge.intake import MOST_BYTES, Intake
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.pair import Pair
from alerts.pagerduty.bridge.settings import Settings
from alerts.pagerduty.bridge.store import Store, StoreError
from exporters.catalog import bridge as catalog
from gateway.store.secrets import SecretError, Secrets

logger = logging.getLogger("casino.bridge")

PEER = "/peer"
REQUEST_SECONDS = 10
"""For the head of a request to come in."""
ANSWER_SECONDS = 20
"""For the body to come in and be stored, from then on."""
ENDPOINTS = {
    WEBHOOK: "POST: Alertmanager's webhook; 200 once it is on disk, 503 if it cannot be stored",
    PEER: "POST: the other bridge of the pair",
    "/health": "200 while the bridge runs",
    "/ready": "200 while it can store what it is told, else 503",
    "/metrics": "Prometheus or OpenMetrics text, as Accept asks",
}
DETAILS = {401: "A token of `bridge.tokens` is needed."}
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Doors:
    """Who may come in: whoever shows one of the tokens, or everybody where there are none."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = tuple(settings.bridge.tokens.values())
        self._secrets = Secrets()

    def open_for(self, authorization: str) -> bool:
        """Compare with every token in constant time; one that cannot be read lets nobody in."""
        if not self._tokens:
            return True
        scheme, _, shown = authorization.partition(" ")
        return scheme.lower() == "bearer" and any([self._is(token, shown) for token in self._tokens])  # noqa: C419 - all are compared

    def _is(self, token: Any, shown: str) -> bool:
        try:
            # Sanic holds bytes that are no UTF-8 as surrogates: these are the bytes that were sent.
            return hmac.compare_digest(self._secrets.get(token).encode(), shown.encode(errors="surrogateescape"))
        except SecretError as fault:
            logger.warning("token_unusable", extra={"fields": {"error.message": str(fault)}})
            return False


class Problems(ErrorHandler):
    """Every error as a problem document (RFC 9457)."""

    def __init__(self, doors: Doors, intake: Intake, meter: Meter) -> None:
        super().__init__()
        self._doors = doors
        self._intake = intake
        self._meter = meter

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """Render one."""
        status = (exception.status_code or 500) if isinstance(exception, SanicException) else 500
        if request.path == WEBHOOK:
            self._meter.count(catalog.WEBHOOKS, str(status))
        if isinstance(exception, PayloadTooLarge) and self._doors.open_for(request.headers.get("authorization", "")):
            self._intake.too_large()
        if not isinstance(exception, SanicException):
            logger.error("request_failed", exc_info=exception, extra={"fields": {"url.path": request.path}})
        return problem(status, DETAILS.get(status, ""))


def build_app(
    settings: Settings, store: Store, meter: Meter, intake: Intake, pair: Pair, *, name: str
) -> Sanic[Any, Any]:
    """Build the app; the name must be its own in this process."""
    doors = Doors(settings)
    app: Sanic[Any, Any] = Sanic(
        name, config=_settings(), error_handler=Problems(doors, intake, meter), configure_logging=False,
        strict_slashes=True,
    )  # fmt: skip

    @app.route(WEBHOOK, methods=["POST"], ignore_body=True)
    async def alertmanager(request: Request) -> HTTPResponse:
        body = await _told(request, doors)
        began = time.monotonic()
        reply = await intake.take(body)
        meter.count(catalog.WEBHOOKS, str(reply.status))
        meter.took(catalog.WEBHOOK_SECONDS, time.monotonic() - began)
        return answer({"stored": reply.detail}) if reply.status == 200 else problem(reply.status, reply.detail)

    @app.route(PEER, methods=["POST"], ignore_body=True)
    async def peer(request: Request) -> HTTPResponse:
        return await _heard(pair, await _told(request, doors))

    @app.get("/")
    async def index(_: Request) -> HTTPResponse:
        return answer(ENDPOINTS)

    @app.get("/health")
    async def health(_: Request) -> HTTPResponse:
        return answer({"status": "ok"})

    @app.get("/ready")
    async def ready(_: Request) -> HTTPResponse:
        state = {"stores": store.is_well, "sends": pair.is_sending()}
        return answer(state, 200 if store.is_well else 503)

    @app.get("/metrics")
    async def metrics(request: Request) -> HTTPResponse:
        await asyncio.to_thread(_look, store, meter)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return HTTPResponse(encode(meter.registry), 200, NO_STORE, content_type)

    return app


async def _told(request: Request, doors: Doors) -> bytes:
    """Read the body of a caller who may come in; a stranger's is refused by its head, and none of it is kept.

    Sanic reads bodies before it asks a handler; with `ignore_body` it leaves that to us.
    """
    if int(request.headers.get("content-length", "0")) > MOST_BYTES:
        raise PayloadTooLarge
    if not doors.open_for(request.headers.get("authorization", "")):
        raise Unauthorized
    await request.receive_body()
    return request.body


async def _heard(pair: Pair, word: bytes) -> HTTPResponse:
    if not pair.has_peer:
        return problem(404, "This bridge has no `bridge.peer`: it listens to no other one.")
    try:
        echo = await asyncio.to_thread(pair.hear, word)
    except msgspec.MsgspecError as fault:
        return problem(400, f"This is nothing that a bridge of this version says: {fault}")
    except StoreError:
        return problem(503, "It could not be stored.")
    return HTTPResponse(echo, 200, NO_STORE, "application/json")


def _look(store: Store, meter: Meter) -> None:
    with store.reading() as connection:
        meter.look(connection, time.time())


def answer(body: object, status: int = 200) -> HTTPResponse:
    """Answer with JSON."""
    return HTTPResponse(msgspec.json.encode(body) + b"\n", status, NO_STORE, "application/json")


def problem(status: int, detail: str) -> HTTPResponse:
    """Answer with a problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return HTTPResponse(msgspec.json.encode(body) + b"\n", status, NO_STORE, "application/problem+json")


def _settings() -> Config:
    """Sanic's settings for this app; the environment has no say in them."""
    config = Config(env_prefix=None)
    config.REQUEST_MAX_SIZE = MOST_BYTES
    config.REQUEST_TIMEOUT = REQUEST_SECONDS
    config.RESPONSE_TIMEOUT = ANSWER_SECONDS
    config.ACCESS_LOG = False
    config.AUTO_EXTEND = False
    config.MOTD = False
    return config
