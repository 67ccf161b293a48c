"""The processes of the local stack that serve: games, gateway, load. What watches them is in supervision.py."""

import signal
from pathlib import Path

from casino.layout import Layout, has_port
from casino.stack import PYTHON, STOP_SECONDS, Part
from gateway.spec.address import parse_address
from gateway.spec.dump import dump

ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - compared, not bound
RENDERED = "casino.yaml"


def games(layout: Layout) -> list[Part]:
    """Return every game that has a seat."""
    return [
        Part(
            name=f"{seat.game} {seat.version} {seat.url.rpartition(':')[2]}",
            words=(*PYTHON, "casino.games", seat.game, "--version", seat.version, "--fd"),
            listener=seat.listener,
            look=((f"{seat.game} {seat.version}", seat.url),),
            ready=f"{seat.url}/health",
        )
        for seat in layout.seats
    ]


def gateway(layout: Layout, path: Path, stage: str | None, folder: Path, token: str | None) -> Part:
    """Return the gateway: it serves the file itself, whose changes then hold at once, unless its ports are taken."""
    source = (str(path), *(("--stage", stage) if stage else ()))
    if layout.moved:
        rendered = folder / RENDERED
        rendered.write_text(dump(layout.spec))
        source = (str(rendered),)
    control = control_url(layout)
    return Part(
        name="gateway",
        words=(*PYTHON, "casino", "serve", *source),
        look=(
            ("gateway", public_url(layout)),
            ("control", f"{control}/ready"),
            ("metrics", f"{control}/metrics"),
            ("numbers", f"{control}/stats"),
        ),
        ready=f"{control}/ready",
        token=token,
        vital=True,
        # The second SIGINT skips the drain: nobody balances over a gateway on one's own machine.
        stop=((signal.SIGINT, 0.5), (signal.SIGINT, STOP_SECONDS)),
    )


def load(layout: Layout, rate: float) -> Part:
    """Return a little traffic, `rate` in requests per second."""
    return Part(name="load", words=(*PYTHON, "casino.load", public_url(layout), "--rate", str(rate)))


def public_url(layout: Layout) -> str:
    return _url(next(each.address for each in layout.spec.listen.public if has_port(each.address) and not each.tls))


def control_url(layout: Layout) -> str:
    return _url(layout.spec.listen.control)


def _url(address: str) -> str:
    """How this machine reaches a listener."""
    where = parse_address(address)
    host = {ANY_IPV4: "127.0.0.1", ANY_IPV6: "::1"}.get(where.host, where.host)
    return f"http://[{host}]:{where.port}" if ":" in host else f"http://{host}:{where.port}"
