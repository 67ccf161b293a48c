"""One game as a Sanic app: the play itself, health, metrics, and the switches that spoil answers on purpose.

Health, metrics and switches are never spoiled by latency or faults, so a drill can always be watched and ended;
only the switch `unhealthy` fails health.
"""

import asyncio
import time
from http import HTTPStatus
from random import Random
from types import SimpleNamespace

import msgspec
from prometheus_client.exposition import choose_encoder
from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.exceptions import BadRequest, NotFound, SanicException
from sanic.response import BaseHTTPResponse

from casino.games.meter import Meter
from casino.games.play import Foul, Game
from casino.games.spoil import drip, spoil
from casino.games.switches import Switches, parse, show

JSON = "application/json"
PROBLEM = "application/problem+json"
READ = ["GET", "HEAD"]
PLAY = "play"
NEVER_SECONDS = 86_400

App = Sanic[Config, SimpleNamespace]


class Service:
    """The handlers of one game and what they share."""

    def __init__(self, game: Game, switches: Switches, seed: int | None) -> None:
        self.game = game
        # Two sources of chance, so that a flipped switch does not change what a seeded game rolls.
        self.luck = Random(seed)
        self.mishap = Random(seed)
        self.meter = Meter(game)
        self.turn(switches)

    def turn(self, switches: Switches) -> None:
        self.switches = switches
        self.meter.switched(switches)

    async def play(self, request: Request, field: str) -> HTTPResponse | None:
        """Answer one play, spoiled as the switches say. None: the answer was streamed already."""
        began = time.perf_counter()
        try:
            return await self._play(request, field)
        except Foul as foul:
            raise BadRequest(str(foul)) from foul
        finally:
            self.meter.took(time.perf_counter() - began)

    async def _play(self, request: Request, field: str) -> HTTPResponse | None:
        switches = self.switches
        await asyncio.sleep(switches.latency_seconds)
        body = msgspec.json.encode(self.game.play(self.luck, field, dict(request.query_args)))
        fault = switches.fault(self.mishap.random())
        if fault:
            self.meter.spoiled(fault)
            return await spoil(request, fault, body)
        if switches.drip_seconds:
            await drip(request, body, switches.drip_seconds)
            return None
        return HTTPResponse(body, content_type=JSON)

    async def home(self, _request: Request) -> HTTPResponse:
        """List what is here, for whoever follows the address `casino up` prints."""
        places = {
            self.game.path.replace("<field>", "6"): f"plays {self.game.name}, version {self.game.version}",
            "/health": "200, or 503 while the switch `unhealthy` is on",
            "/switches": "what spoils the answers; PUT sets it",
            "/metrics": "Prometheus or OpenMetrics text, as Accept asks",
        }
        return HTTPResponse(msgspec.json.format(msgspec.json.encode(places), indent=2) + b"\n", content_type=JSON)

    async def health(self, _request: Request) -> HTTPResponse:
        sick = self.switches.unhealthy
        body = {"status": "sick" if sick else "ok", "game": self.game.name, "version": self.game.version}
        return HTTPResponse(msgspec.json.encode(body), 503 if sick else 200, {"cache-control": "no-store"}, JSON)

    async def metrics(self, request: Request) -> HTTPResponse:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return HTTPResponse(encode(self.meter.registry), content_type=content_type)

    async def count(self, request: Request, response: BaseHTTPResponse) -> None:
        gone = request.conn_info is None or request.conn_info.lost  # Sanic answers a withdrawn request too, for itself
        if not gone and request.endpoint == f"{request.app.name}.{PLAY}":
            self.meter.answered(response.status)

    async def show(self, _request: Request) -> HTTPResponse:
        return HTTPResponse(msgspec.json.encode(show(self.switches)), content_type=JSON)

    async def replace(self, request: Request) -> HTTPResponse:
        """Set all switches at once; what the body does not name is off."""
        try:
            self.turn(parse(msgspec.json.decode(request.body)))
        except msgspec.ValidationError as error:
            raise SanicException(str(error), status_code=422) from error
        except msgspec.DecodeError as error:
            raise BadRequest(str(error)) from error
        return await self.show(request)


async def _problem(_request: Request, error: SanicException) -> HTTPResponse:
    """Say what went wrong as RFC 9457 does."""
    status = HTTPStatus(error.status_code)
    detail = "Nothing is here; / lists what is." if isinstance(error, NotFound) else str(error)
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return HTTPResponse(msgspec.json.encode(body), status, error.headers, PROBLEM)


def build(game: Game, switches: Switches, seed: int | None = None) -> App:
    """Make the app of one game. A seeded game gives the same answers in the same order after each start."""
    service = Service(game, switches, seed)
    app: App = Sanic(f"{game.name}-{game.version}", configure_logging=False)
    app.config.RESPONSE_TIMEOUT = NEVER_SECONDS  # a game that hangs must hang
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = 1.0
    app.add_route(service.play, game.path, methods=READ, name=PLAY)
    app.add_route(service.home, "/", methods=READ)
    app.add_route(service.health, "/health", methods=READ)
    app.add_route(service.metrics, "/metrics", methods=READ)
    app.add_route(service.show, "/switches", methods=READ)
    app.add_route(service.replace, "/switches", methods=["PUT"])
    app.error_handler.add(SanicException, _problem)
    app.register_middleware(service.count, "response")
    return app
