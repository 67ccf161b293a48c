"""`python -m alerts.pagerduty.standin --port 9084`: one stand-in in one process, for tests and for `casino up`."""

import argparse
import logging
import socket
from collections.abc import Sequence

from sanic import Sanic

from alerts.pagerduty.standin.app import App, build
from alerts.pagerduty.standin.standin import Settings, Standin
from alerts.pagerduty.standin.window import EVENTS_PER_WINDOW, REST_PER_WINDOW


def parser() -> argparse.ArgumentParser:
    """Describe the options, which `casino pagerduty standin` has, too."""
    options = argparse.ArgumentParser(prog="python -m alerts.pagerduty.standin", description=__doc__)
    add_options(options)
    options.add_argument("--fd", type=int, help="an open listening socket, instead of --listen")
    return options


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--listen", metavar="HOST:PORT", default="127.0.0.1:0", help="port 0: any free one; it is printed"
    )
    options.add_argument("--adopt", action="store_true", help="take routing keys that nobody has; each gets a service")
    options.add_argument("--scale", type=float, default=1.0, help="how much faster than the wall's its clock runs")
    options.add_argument(
        "--processing",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long accepted events wait for their effect",
    )
    options.add_argument("--events-per-minute", type=int, default=EVENTS_PER_WINDOW, metavar="N", help="for each key")
    options.add_argument("--rest-per-minute", type=int, default=REST_PER_WINDOW, metavar="N", help="for each token")


def settings(options: argparse.Namespace) -> Settings:
    return Settings(
        adopt=options.adopt,
        scale=options.scale,
        processing_seconds=options.processing,
        events_per_minute=options.events_per_minute,
        rest_per_minute=options.rest_per_minute,
    )


def listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, int(port)), family=family, backlog=1024)


def serve(listener: socket.socket, settings: Settings) -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.WARNING)
    app = build(Standin(settings))
    host, port = listener.getsockname()[:2]

    async def say(_app: App) -> None:
        print(f"PagerDuty's stand-in on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201 - it is a command

    app.register_listener(say, "after_server_start")
    app.prepare(sock=listener, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(app)


def main(words: Sequence[str] | None = None) -> None:
    options = parser().parse_args(words)
    listener = socket.socket(fileno=options.fd) if options.fd is not None else listen(options.listen)
    serve(listener, settings(options))


if __name__ == "__main__":
    main()
