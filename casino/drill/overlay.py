"""The spec that a ground is run with: the user's, with places of its own, and with bounds that a drill can reach.

No rule depends on a bound that is changed here, save on that of connections, which the drilled rules are rendered with, too.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gateway.spec.bridge import Callers
from gateway.spec.limit import Limit
from gateway.spec.listen import Certificate, Listener
from gateway.spec.model import Spec, Team
from gateway.spec.route import Route
from gateway.spec.secret import Secret
from gateway.spec.upstream import Target, Upstream, Version

CONNECTIONS = 100
POOL = 2
LIMIT_PER_SECOND = 15.0
RING_BYTES = 64 * 1024
CERTIFICATES = ("ends", "ends-soon", "broken")
KEY = "drill"


class Places(Struct, frozen=True, kw_only=True):
    """Where things of one ground are."""

    prometheus: str
    alertmanagers: tuple[str, ...]
    bridge: str
    """Each as host and port."""
    keys: Path
    """A folder with a file for each routing key."""


def key_names(spec: Spec) -> tuple[str, ...]:
    """Name every routing key of a ground: one for each that a team is told over, and one for all others."""
    return tuple(sorted({KEY, *(team.pages for team in spec.teams.values() if team.pages)}))


def routing_key(name: str) -> str:
    """Return the key itself: 32 characters that the stand-in takes for its own."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def supervised(spec: Spec, places: Places, scale: float) -> Spec:
    """Return the spec of a ground: whom to tell, and the bridge's own durations, as much shorter as the rules'."""
    keys = {name: Secret(file=str(places.keys / name)) for name in key_names(spec)}
    urls, bridge = tuple(f"http://{each}" for each in places.alertmanagers), spec.bridge
    return replace(
        spec,
        alerts=replace(spec.alerts, prometheus=f"http://{places.prometheus}", alertmanagers=urls, mute={}),
        pagerduty=replace(spec.pagerduty, keys=keys, default=KEY, per_minute=int(spec.pagerduty.per_minute / scale), api_token=None),
        bridge=replace(
            bridge,
            listen=places.bridge,
            url=None,
            watchdog_seconds=bridge.watchdog_seconds * scale,
            reconcile_seconds=max(1.0, bridge.reconcile_seconds * scale),
            grace_seconds=max(2.0, bridge.grace_seconds * scale),
            warm_up_seconds=bridge.warm_up_seconds * scale,
            peer=None, ping=None, tls=None, callers=Callers(), tokens={},
        ),
    )  # fmt: skip


def breakable(spec: Spec, *, pool: int | None) -> Spec:
    """Return a spec whose bounds a few clients reach; `pool` is the most connections to one target, if it is narrowed."""
    return replace(
        spec,
        workers=1,
        bounds=replace(spec.bounds, connections=CONNECTIONS),
        upstreams={name: _narrow(upstream, pool) for name, upstream in spec.upstreams.items()},
        routes={name: _limited(route) for name, route in spec.routes.items()},
        drain=replace(spec.drain, grace_seconds=0.0),
    )


def listening(spec: Spec, free: Callable[[], str]) -> Spec:
    """Return the spec with an address of its own for each listener; `free` gives another one each time."""
    public = tuple(replace(listener, address=free()) for listener in spec.listen.public)
    return replace(spec, listen=replace(spec.listen, public=public, control=free()))


def of_gateway(spec: Spec, folder: Path) -> Spec:
    """Return the spec of one gateway: its own store, its own log, its own certificates."""
    store = spec.store
    if store is not None and store.url.startswith("sqlite:"):
        store = replace(store, url=f"sqlite:{folder / 'store.db'}")
    public = tuple(_certified(listener, folder) for listener in spec.listen.public)
    log = replace(spec.log, to=str(folder / "log" / "access.log"), ring_bytes=RING_BYTES)
    return replace(spec, store=store, listen=replace(spec.listen, public=public), log=log)


def without_tls(spec: Spec) -> Spec:
    """Return a spec whose TLS listeners are forgotten."""
    public = tuple(listener for listener in spec.listen.public if listener.tls is None)
    return replace(spec, listen=replace(spec.listen, public=public))


def with_another_team(spec: Spec) -> Spec:
    """Return a spec that is served as the one before, and is another."""
    return replace(spec, teams=spec.teams | {"drill": Team(contact="drill@casino.example")})


def with_nameless_target(spec: Spec, host: str) -> Spec:
    """Return a spec with one more upstream, to which no route leads."""
    nowhere = Upstream(versions={"v1": Version(targets=(Target(url=f"http://{host}:7"),))})
    return replace(spec, upstreams=spec.upstreams | {"nowhere": nowhere})


def _narrow(upstream: Upstream, pool: int | None) -> Upstream:
    return replace(upstream, connections=replace(upstream.connections, most=pool)) if pool else upstream


def _limited(route: Route) -> Route:
    return replace(route, limits={name: _slower(limit) for name, limit in route.limits.items()})


def _slower(limit: Limit) -> Limit:
    return limit if limit.rate_per_second is None else replace(limit, rate_per_second=LIMIT_PER_SECOND, burst=None)


def _certified(listener: Listener, folder: Path) -> Listener:
    if listener.tls is None:
        return listener
    shown = tuple(
        Certificate(certificate=str(folder / f"{name}.pem"), key=str(folder / f"{name}.key")) for name in CERTIFICATES
    )
    return replace(listener, tls=replace(listener.tls, certificates=shown))
