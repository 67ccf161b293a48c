"""`python -m alerts.pagerduty.standin --port 9084`: one stand-in in one process, for tests and for `casino up`."""

import argparse
import logging
import socket
import sys
from collections.abc import Sequence

from sanic import Sanic

from alerts.pagerduty.standin.app import App, build
from alerts.pagerduty.standin.options import add_options
from alerts.pagerduty.standin.standin import Settings, Standin


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m alerts.pagerduty.standin", description=__doc__)
    add_options(options)
    return options


def settings(options: argparse.Namespace) -> Settings:
    return Settings(
        adopt=options.adopt,
        scale=options.scale,
        processing_seconds=options.processing,
        events_per_minute=options.events_per_minute,
        rest_per_minute=options.rest_per_minute,
    )


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


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


def run(options: argparse.Namespace) -> int:
    """Serve as the options say, until told to stop. Returns 2 when the address is not to be had."""
    try:
        listener = socket.socket(fileno=options.fd) if options.fd is not None else listen(*options.listen)
    except OSError as fault:
        print(f"cannot listen: {fault.strerror}", file=sys.stderr)  # noqa: T201 - it is a command
        return 2
    serve(listener, settings(options))
    return 0


def main(words: Sequence[str] | None = None) -> int:
    return run(parser().parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
