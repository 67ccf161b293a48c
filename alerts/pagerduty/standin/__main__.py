"""`python -m alerts.pagerduty.standin --port 9084`: one stand-in in one process, for tests and for `casino up`."""

import argparse
import logging
import socket
from collections.abc import Sequence

from sanic import Sanic

from alerts.pagerduty.standin.app import App, build
from alerts.pagerduty.standin.options import add_options
from alerts.pagerduty.standin.standin import Settings, Standin


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m alerts.pagerduty.standin", description=__doc__)
    add_options(options)
    options.add_argument("--fd", type=int, default=0, help="an open listening socket, instead of --listen")
    return options


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
    run(parser().parse_args(words))


def run(options: argparse.Namespace) -> None:
    """Serve as the options say, until told to stop."""
    listener = socket.socket(fileno=options.fd) if options.fd else listen(options.listen)
    serve(listener, settings(options))


if __name__ == "__main__":
    main()
