"""The options of the stand-in, for its own command and for `casino pagerduty standin`; nothing of a server is loaded."""

import argparse

from alerts.pagerduty.standin.window import EVENTS_PER_WINDOW, REST_PER_WINDOW


def address(text: str) -> tuple[str, int]:
    """Read `127.0.0.1:9084` or `[::1]:0`."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as 127.0.0.1:9084")
    return host.strip("[]"), int(port)


def add_options(options: argparse.ArgumentParser) -> None:
    """Add them to a parser."""
    options.add_argument(
        "--listen",
        type=address,
        metavar="HOST:PORT",
        default=("127.0.0.1", 0),
        help="port 0: any free one; it is printed",
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
    options.add_argument("--fd", type=int, metavar="N", help="an open listening socket, instead of --listen")
