"""`casino up`: the gateway, the games behind it, a little traffic and all that watches, on one machine, until Ctrl-C.

This file says what runs in which order and where to look; how processes are started and stopped is the stack's business.
"""

import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import httpx
import msgspec
from msgspec import Struct

from alerts.pagerduty.provision.api import ApiError
from casino import parts, supervision
from casino.claims import Claims
from casino.layout import Layout, PortlessError, SeatError, arrange
from casino.own import OwnAlertsError
from casino.stack import Failed, Part, Stack, Stopped, fetch
from casino.standin import set_up
from casino.supervision import MissingError, Supervision, supervise
from gateway.control.stats import Stats
from gateway.spec.load import load
from gateway.spec.model import Spec
from gateway.spec.problem import SpecErrors


class Group(StrEnum):
    """What `--only` chooses from."""

    GAMES = "games"
    GATEWAY = "gateway"
    ALERTS = "alerts"
    LOAD = "load"


class Wish(Struct, frozen=True, kw_only=True):
    """What was asked for on the command line."""

    path: Path
    stage: str | None = None
    rate: float = 0.0
    """Traffic in requests per second; 0 for none."""
    free_ports: bool = False
    only: frozenset[Group] = frozenset(Group)
    token: str | None = None
    """Shown to a control port that may ask for one."""


def up(wish: Wish) -> int:
    """Run the local stack until a signal ends it.

    Returns 0 after a signal, 1 when something that the rest needs failed, 2 when the spec cannot be used.
    """
    with Claims() as claims:
        try:
            spec = load(wish.path, wish.stage).spec
            layout = arrange(spec, claims, free_ports=wish.free_ports, seats=Group.GAMES in wish.only)
            watch = _watch(layout, wish, claims)
        except (SpecErrors, PortlessError, SeatError, OwnAlertsError) as error:
            print(error, file=sys.stderr)
            return 2
        return _run(wish, layout, watch)


def _run(wish: Wish, layout: Layout, watch: Supervision | None) -> int:
    stack = Stack()
    token = wish.token if layout.spec.control.tokens else None
    started: list[Part] = []
    try:
        for wave in _waves(wish, layout, watch, stack.folder, token):
            stack.start(wave)
            started += wave
        print(_guide(wish, layout, started, stack.folder), flush=True)
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


def _watch(layout: Layout, wish: Wish, claims: Claims) -> Supervision | None:
    if Group.ALERTS not in wish.only:
        return None
    try:
        return supervise(layout.spec, claims, free_ports=wish.free_ports)
    except MissingError as missing:
        print(f"Nothing watches the gateway: Debian packages {missing} are not installed.", file=sys.stderr)
        return None


def _waves(
    wish: Wish, layout: Layout, watch: Supervision | None, folder: Path, token: str | None
) -> Iterator[list[Part]]:
    """Each wave is made when the one before can be used: the bridge's keys come from the stand-in."""
    yield [*parts.games(layout), *(supervision.standin(watch) if watch else ())]
    serving = [parts.gateway(layout, wish.path, wish.stage, folder, token)] if Group.GATEWAY in wish.only else []
    if watch:
        supervision.write(watch, folder)
        yield [*serving, supervision.alertmanager(watch, folder)]
        yield [supervision.prometheus(watch, folder), supervision.bridge(watch, _paged(watch, folder), folder)]
    else:
        yield serving
    if wish.rate and Group.LOAD in wish.only:
        yield [parts.load(layout, wish.rate)]


def _paged(watch: Supervision, folder: Path) -> Spec:
    """Set the stand-in up, if there is one; return the spec with keys that lead where alerts go."""
    if watch.standin_url is None:
        return watch.spec
    try:
        spec, refused = set_up(watch.spec, watch.standin_url, folder / "keys")
    except (ApiError, httpx.HTTPError) as fault:
        raise Failed(f"the stand-in for PagerDuty cannot be set up: {fault}") from None
    for why in refused:
        print(f"PagerDuty's set-up is left out: {why}", file=sys.stderr)
    return spec


def _guide(wish: Wish, layout: Layout, started: Sequence[Part], folder: Path) -> str:
    """Where to look, for a person."""
    places: dict[str, list[str]] = {}
    for part in started:
        for word, place in part.look:
            places.setdefault(word, []).append(place)
    places["output"] = [str(folder)]
    lines = [f"  {word:<14}{'  '.join(some)}" for word, some in places.items()]
    if Group.GATEWAY in wish.only:
        if layout.moved:
            lines += ["", f"These are not the spec's ports, so a copy of it is served: {folder / parts.RENDERED}"]
        url = parts.public_url(layout)
        lines += ["", f"  curl {url}/roll/6", f"  curl -H 'X-Beta: 1' {url}/cards/5"]
        lines += [f"  curl --insecure https://{address}/roll/6" for address in _own_https(layout)]
    return "\n".join(["Casino is up; Ctrl-C stops it.", "", *lines, ""])


def _line(layout: Layout, token: str | None) -> str:
    """What happens now, on one line."""
    answer = fetch(f"{parts.control_url(layout)}/stats", token)
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


def _own_https(layout: Layout) -> list[str]:
    """Listeners whose certificate nobody has signed."""
    return [each.address for each in layout.spec.listen.public if each.tls and not each.tls.certificates]
