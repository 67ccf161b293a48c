"""How services and gateways are broken, and made whole: entered, a hand breaks something; left, it mends it."""

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import NoReturn

from casino.drill import clients, obstruction, overlay, pem, sabotage
from casino.drill.budgets import SHARES, met
from casino.drill.fault import Fault
from casino.drill.ground import YEAR_DAYS, Gateway, Site
from casino.drill.sabotage import killed
from casino.drill.services import ERRORS_RATIO, RESET_RATIO
from casino.drill.switches import spoiled
from gateway.spec.dump import dump
from gateway.spec.model import Spec
from gateway.store.rundir import RunDir
from gateway.store.slot import Slot, Word

Hand = Callable[[Site, Fault], AbstractAsyncContextManager[None]]

KILL_SECONDS = 0.1
STOPPED_SECONDS, RUNNING_SECONDS = 0.32, 0.12
"""Longer than the alert takes for late; shorter than the half second after which the supervisor takes it for hanging, and
enough in between for a sign of life."""
NAMELESS_SECONDS = 4.0
LOCK_SECONDS = 10.0
CLOSED = "/admin/drill"
"""Answered by the gateway itself."""
LOGGED_PER_SECOND = 20.0


def hand(fault: Fault) -> Hand:
    """Return how a fault is done."""
    name = fault.name.removeprefix(f"{fault.subject}-") if fault.subject else fault.name
    return _HANDS.get(name, burns)


def target_dead(site: Site, fault: Fault) -> AbstractAsyncContextManager[None]:
    return killed(site, site.seat_names(fault.subject)[0])


def dead(site: Site, fault: Fault) -> AbstractAsyncContextManager[None]:
    return killed(site, *site.seat_names(fault.subject))


def resets(site: Site, fault: Fault) -> AbstractAsyncContextManager[None]:
    return spoiled(site, site.seat_names(fault.subject), resets=f"{RESET_RATIO:.0%}")


def errors(site: Site, fault: Fault) -> AbstractAsyncContextManager[None]:
    return spoiled(site, site.seat_names(fault.subject), errors=f"{ERRORS_RATIO:.0%}")


def fails(site: Site, fault: Fault) -> AbstractAsyncContextManager[None]:
    return spoiled(site, site.seat_names(fault.subject), errors="100%")


def slow(site: Site, fault: Fault) -> AbstractAsyncContextManager[None]:
    return spoiled(site, site.seat_names(fault.subject), latency="800ms")


def burns(site: Site, fault: Fault) -> AbstractAsyncContextManager[None]:
    """Break a promise in as many answers as its fault says."""
    promise = next(each for each in met(site.spec) if fault.name == f"{each.route}-{each.kind}")
    seats = site.seat_names(fault.subject)
    if promise.edge_seconds is None:
        return spoiled(site, seats, errors=f"{SHARES[promise.kind]:.0%}")
    return spoiled(site, seats, latency=f"{1500 * promise.edge_seconds:.0f}ms")


def no_clients(site: Site, _fault: Fault) -> AbstractAsyncContextManager[None]:
    return killed(site, "load")


def gateway_dead(site: Site, _fault: Fault) -> AbstractAsyncContextManager[None]:
    return killed(site, "b")


def gateways_dead(site: Site, _fault: Fault) -> AbstractAsyncContextManager[None]:
    return killed(site, *site.gateways)


@asynccontextmanager
async def no_tls(site: Site, _fault: Fault) -> AsyncIterator[None]:
    await _begin_with(site, overlay.without_tls)
    try:
        yield
    finally:
        await _begin_with(site, lambda spec: spec)


async def _begin_with(site: Site, change: Callable[[Spec], Spec]) -> None:
    """Listeners are bound when a gateway begins."""
    for gateway in site.gateways.values():
        site.kill(gateway.name)
        gateway.write(change(gateway.spec))
        await site.begin(gateway.name)


@asynccontextmanager
async def crash_loop(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with clients.kept_on(_kill_on(site.gateways["b"])):
        yield


async def _kill_on(gateway: Gateway) -> NoReturn:
    while True:
        _signal(gateway, _worker(gateway), signal.SIGKILL)
        await asyncio.sleep(KILL_SECONDS)


@asynccontextmanager
async def supervisor_stopped(site: Site, _fault: Fault) -> AsyncIterator[None]:
    gateway = site.gateways["b"]
    pid = _worker(gateway)
    site.tell("b", signal.SIGSTOP)
    _signal(gateway, pid, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(gateway, pid, signal.SIGCONT)
        site.tell("b", signal.SIGCONT)


@asynccontextmanager
async def late_loop(site: Site, _fault: Fault) -> AsyncIterator[None]:
    async with clients.kept_on(_hold_up(site.gateways["b"])):
        yield


async def _hold_up(gateway: Gateway) -> NoReturn:
    while True:
        pid = _worker(gateway)
        _signal(gateway, pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(STOPPED_SECONDS)
        finally:
            _signal(gateway, pid, signal.SIGCONT)
        await asyncio.sleep(RUNNING_SECONDS)


@asynccontextmanager
async def reload_refused(site: Site, _fault: Fault) -> AsyncIterator[None]:
    gateway = site.gateways["b"]
    gateway.write_text(dump(gateway.spec) + "nonsense: 1\n")
    try:
        yield
    finally:
        gateway.write(gateway.spec)


@asynccontextmanager
async def run_directory_lost(site: Site, fault: Fault) -> AsyncIterator[None]:
    """The mistake comes first, so that it cannot start anew; moved away, the directory is lost at once and whole."""
    gateway = site.gateways["b"]
    async with reload_refused(site, fault):
        shutil.rmtree(gateway.run_dir.rename(gateway.folder / "lost"))
        yield


@asynccontextmanager
async def out_of_files(site: Site, _fault: Fault) -> AsyncIterator[None]:
    gateway = site.gateways["b"]
    pid = _worker(gateway)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, before[1]))
    gateway.write(overlay.with_another_team(gateway.spec))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it may have been replaced
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        gateway.write(gateway.spec)


@asynccontextmanager
async def drift(site: Site, _fault: Fault) -> AsyncIterator[None]:
    """Its ports are its own, and so its spec is not that of the other one."""
    await site.begin("b")
    try:
        yield
    finally:
        site.kill("b")


@asynccontextmanager
async def nameless(site: Site, _fault: Fault) -> AsyncIterator[None]:
    gateway = site.gateways["b"]
    try:
        async with clients.kept_on(_rename_on(gateway)):
            yield
    finally:
        gateway.write(gateway.spec)


async def _rename_on(gateway: Gateway) -> NoReturn:
    """A new name each few seconds: one that is not found is asked for ever more rarely."""
    number = 0
    while True:
        number += 1
        gateway.write(overlay.with_nameless_target(gateway.spec, f"drill-{number}.invalid"))
        await asyncio.sleep(NAMELESS_SECONDS)


def crowd(site: Site, _fault: Fault) -> AbstractAsyncContextManager[None]:
    return clients.crowd(site.gateways["b"].public, overlay.CONNECTIONS)


@asynccontextmanager
async def log_blocked(site: Site, _fault: Fault) -> AsyncIterator[None]:
    gateway = site.gateways["b"]
    file = gateway.folder / "log" / "access.log"
    file.unlink(missing_ok=True)
    file.symlink_to("/dev/full")
    site.tell("b", signal.SIGUSR1)
    try:
        async with clients.asking(gateway.public, CLOSED, LOGGED_PER_SECOND):
            yield
    finally:
        file.unlink()
        site.tell("b", signal.SIGUSR1)


def beyond_limit(site: Site, _fault: Fault) -> AbstractAsyncContextManager[None]:
    return clients.asking(site.gateways["b"].public, "/roll/6", 2 * overlay.LIMIT_PER_SECOND)


def bad_keys(site: Site, _fault: Fault) -> AbstractAsyncContextManager[None]:
    return clients.asking(site.gateways["b"].public, "/vip/6", 4.0, {"x-api-key": "casino_nobody"})


@asynccontextmanager
async def store_locked(site: Site, _fault: Fault) -> AsyncIterator[None]:
    gateway = site.gateways["b"]
    with closing(sqlite3.connect(gateway.folder / "store.db", isolation_level=None, timeout=LOCK_SECONDS)) as database:
        database.execute("BEGIN IMMEDIATE")
        async with clients.asking(gateway.public, "/vip/6", 5.0, {"x-api-key": "casino_demo"}):
            yield
        database.execute("ROLLBACK")


def _replaced(name: str, days: float | None) -> Hand:
    @asynccontextmanager
    async def replaced(site: Site, _fault: Fault) -> AsyncIterator[None]:
        folder = site.gateways["b"].folder
        if days is None:
            pem.place(folder / f"{name}.pem", b"no certificate\n")
        else:
            pem.write(folder, name, days=days)
        try:
            yield
        finally:
            pem.write(folder, name, days=YEAR_DAYS)

    return replaced


def _worker(gateway: Gateway) -> int:
    """The process id of the gateway's worker; 0 while there is none."""
    builds = RunDir(gateway.run_dir).builds()
    slot = builds[-1].slot("worker-1") if builds else Path()
    return int(Slot.open(slot).words[Word.PID]) if slot.is_file() else 0


def _signal(gateway: Gateway, pid: int, number: signal.Signals) -> None:
    """Send a signal to a process of the gateway, and to nobody else: the number of one that ended may be another's by now."""
    if not pid:
        return  # 0 would be this drill itself
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if str(gateway.run_dir).encode() in words:
            os.kill(pid, number)
    except (FileNotFoundError, ProcessLookupError):
        return


_HANDS: dict[str, Hand] = {
    **sabotage.HANDS,
    **obstruction.HANDS,
    "target-dead": target_dead,
    "dead": dead,
    "resets": resets,
    "errors": errors,
    "fails": fails,
    "slow": slow,
    "gateway-dead": gateway_dead,
    "gateways-dead": gateways_dead,
    "no-tls": no_tls,
    "crash-loop": crash_loop,
    "supervisor-stopped": supervisor_stopped,
    "late-loop": late_loop,
    "reload-refused": reload_refused,
    "run-directory-lost": run_directory_lost,
    "out-of-files": out_of_files,
    "drift": drift,
    "nameless": nameless,
    "crowd": crowd,
    "log-blocked": log_blocked,
    "beyond-limit": beyond_limit,
    "bad-keys": bad_keys,
    "store-locked": store_locked,
    "certificate-ends": _replaced("ends", 10),
    "certificate-ends-soon": _replaced("ends-soon", 1),
    "certificate-broken": _replaced("broken", None),
    "no-clients": no_clients,
    "page-unscaled": fails,
    "ticket-unscaled": target_dead,
}
