"""`python -m casino.games dice --version v1 --port 7001`: serve one version of one game in one process."""

import argparse
import logging
import socket
from collections.abc import Sequence

import msgspec
from sanic import Sanic

from casino.games.roster import GAMES
from casino.games.service import App, build
from casino.games.switches import KINDS, parse


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line. Exits with 2 when it is unusable."""
    parser = argparse.ArgumentParser(prog="python -m casino.games", description=__doc__)
    parser.add_argument("game", choices=sorted({name for name, _ in GAMES}))
    parser.add_argument("--version", required=True, help="dice: v1, v2; cards: poker, pokemon")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one; it is printed")
    parser.add_argument("--fd", type=int, help="an open listening socket, instead of host and port")
    parser.add_argument("--seed", type=int, help="give the same answers in the same order after each start")
    switches = parser.add_argument_group("switches, as PUT /switches takes them")
    for name in KINDS:
        switches.add_argument(f"--{name.replace('_', '-')}", default=argparse.SUPPRESS)
    switches.add_argument("--unhealthy", action="store_true")
    options = parser.parse_args(words)
    if (options.game, options.version) not in GAMES:
        parser.error(f"{options.game} has no version {options.version}")
    try:
        named = {name: value for name, value in vars(options).items() if name in KINDS}
        options.switches = parse({"unhealthy": options.unhealthy, **named})
    except msgspec.ValidationError as error:
        parser.error(str(error))
    return options


def listen(options: argparse.Namespace) -> socket.socket:
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    return socket.create_server((options.host, options.port), backlog=1024)


def main(words: Sequence[str] | None = None) -> None:
    options = arguments(words)
    logging.basicConfig(level=logging.WARNING)
    app = build(GAMES[options.game, options.version], options.switches, options.seed)
    listener = listen(options)
    host, port = listener.getsockname()[:2]

    async def say(_app: App) -> None:
        print(f"{options.game} {options.version} on http://{host}:{port}", flush=True)

    app.register_listener(say, "after_server_start")

    app.prepare(sock=listener, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(app)


if __name__ == "__main__":
    main()
