"""`casino up`: the gateway, the games behind it and a little traffic on one machine, until Ctrl-C.

This file says what runs and where to look; how processes are started and stopped is the stack's business. A later
part of Casino is one more wave in `_waves`.
"""

import signal
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from casino.layout import Layout, PortlessError, arrange, has_port
from casino.stack import STOP_SECONDS, Failed, Part, Stack, Stopped, fetch
from gateway.control.stats import Stats
from gateway.spec.address import parse_address
from gateway.spec.dump import dump
from gateway.spec.load import load
from gateway.spec.problem import SpecErrors

ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - compared, not bound
RENDERED = "casino.yaml"
PYTHON = (sys.executable, "-m")


class Group(StrEnum):
    """What `--only` chooses from."""

    GAMES = "games"
    GATEWAY = "gateway"
    LOAD = "load"


def up(
    path: Path, *, stage: str | None, rate: float, free_ports: bool, only: frozenset[Group], token: str | None = None
) -> int:
    """Run the local stack until a signal ends it.

    `rate` is the traffic in requests per second, 0 for none; `token` is shown to a control port that may ask for one.
    Returns 0 after a signal, 1 when something that the rest
    needs failed, 2 when the spec cannot be used.
    """
    try:
        layout = arrange(load(path, stage).spec, free_ports=free_ports, seats=Group.GAMES in only)
    except (SpecErrors, PortlessError) as error:
        print(error, file=sys.stderr)
        return 2
    stack = Stack()
    token = token if layout.spec.control.tokens else None
    waves = {
        group: parts
        for group, parts in _waves(layout, path, stage, rate, stack.folder, token=token)
        if group in only and parts
    }
    try:
        for parts in waves.values():
            stack.start(parts)
        print(_guide(waves, layout, stack), flush=True)
        stack.watch(lambda: _line(layout, token))
    except Stopped:
        print("\nStopping.", flush=True)
    except Failed as failure:
        print(f"casino up: {failure}. All output: {stack.folder}", file=sys.stderr)
        return 1
    finally:
        stack.stop()
    stack.forget()
    return 0


def _waves(
    layout: Layout, path: Path, stage: str | None, rate: float, folder: Path, *, token: str | None
) -> Iterator[tuple[Group, list[Part]]]:
    yield Group.GAMES, _games(layout)
    yield Group.GATEWAY, [_gateway(layout, path, stage, folder, token)]
    yield Group.LOAD, [_load(layout, rate)] if rate else []


def _games(layout: Layout) -> list[Part]:
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


def _gateway(layout: Layout, path: Path, stage: str | None, folder: Path, token: str | None) -> Part:
    source = (str(path), *(("--stage", stage) if stage else ()))
    if layout.moved:
        rendered = folder / RENDERED
        rendered.write_text(dump(layout.spec))
        source = (str(rendered),)
    public, control = _public(layout), _url(layout.spec.listen.control)
    return Part(
        name="gateway",
        words=(*PYTHON, "casino", "serve", *source),
        look=(
            ("gateway", public),
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


def _load(layout: Layout, rate: float) -> Part:
    return Part(name="load", words=(*PYTHON, "casino.load", _public(layout), "--rate", str(rate)))


def _guide(waves: dict[Group, list[Part]], layout: Layout, stack: Stack) -> str:
    """Where to look, for a person."""
    places: dict[str, list[str]] = {}
    for part in (part for parts in waves.values() for part in parts):
        for word, place in part.look:
            places.setdefault(word, []).append(place)
    places["output"] = [str(stack.folder)]
    lines = [f"  {word:<14}{'  '.join(some)}" for word, some in places.items()]
    if layout.moved and Group.GATEWAY in waves:
        lines += ["", f"These are not the spec's ports, so a copy of it is served: {stack.folder / RENDERED}"]
    if Group.GATEWAY in waves:
        lines += ["", f"  curl {_public(layout)}/roll/6", f"  curl -H 'X-Beta: 1' {_public(layout)}/cards/5"]
        lines += [f"  curl --insecure https://{address}/roll/6" for address in _own_https(layout)]
    return "\n".join(["Casino is up; Ctrl-C stops it.", "", *lines, ""])


def _line(layout: Layout, token: str | None) -> str:
    """What happens now, on one line."""
    answer = fetch(f"{_url(layout.spec.listen.control)}/stats", token)
    if answer is None:
        return "the gateway's control does not answer"
    stats = msgspec.json.decode(answer, type=Stats)
    targets = [
        target
        for upstream in stats.upstreams.values()
        for version in upstream.values()
        for target in version.targets.values()
    ]
    usable = sum(target.up and not target.ejected for target in targets)
    worst = max((route.errors_ratio for route in stats.routes.values()), default=0.0)
    return (
        f"requests/s {stats.requests_per_second['1s']:.0f}, clients {stats.connections}, "
        f"usable targets {usable} of {len(targets)}, errors on the worst route {worst:.1%}"
    )


def _public(layout: Layout) -> str:
    return _url(next(each.address for each in layout.spec.listen.public if has_port(each.address) and not each.tls))


def _own_https(layout: Layout) -> list[str]:
    """Listeners whose certificate nobody has signed."""
    return [each.address for each in layout.spec.listen.public if each.tls and not each.tls.certificates]


def _url(address: str) -> str:
    """How this machine reaches a listener."""
    where = parse_address(address)
    host = {ANY_IPV4: "127.0.0.1", ANY_IPV6: "::1"}.get(where.host, where.host)
    return f"http://[{host}]:{where.port}" if ":" in host else f"http://{host}:{where.port}"
