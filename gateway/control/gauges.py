"""What is so right now, for `/metrics`: computed from words and state at each scrape, never stored.

So a target that left the spec, or a worker that ended, leaves the gauges with it.
"""

import platform
import time
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version

from exporters.catalog.gateway import (
    BREAKER_STATE,
    BUILD,
    CONFIG_INFO,
    CONNECTIONS,
    EJECTED,
    GENERATION,
    HEARTBEAT_AGE,
    KEYS,
    KEYS_AGE,
    RELOAD_OK,
    STORE_UNSENT,
    STORE_UP,
    TARGET_UP,
)
from gateway.control.endpoints import TargetState
from gateway.control.metrics import Now
from gateway.control.reload import Outcome, Result
from gateway.control.sharing import Sharing
from gateway.control.workers import Worker
from gateway.core.breaker import State
from gateway.core.keyset import KeySet
from gateway.core.snapshot import Endpoints

BREAKER_STATES = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


def describe(
    workers: Iterable[Worker],
    ages: Mapping[str, float],
    targets: Iterable[TargetState],
    published: Endpoints,
    keys: Mapping[str, KeySet],
    *,
    last_reload: Outcome | None,
    sharing: Sharing,
) -> Now:
    """Put all of them together.

    `ages` are those of every process' heartbeat, in seconds; `last_reload` is None until the first reload of this process.
    """
    present = [worker for worker in workers if worker.pid]
    places = [((one.upstream, one.version, one.target), one) for one in targets]
    return {
        CONNECTIONS: {(str(worker.number),): worker.connections for worker in present},
        GENERATION: {(str(worker.number),): worker.generation for worker in present},
        CONFIG_INFO: {(str(worker.number), worker.digest): 1 for worker in present if worker.generation},
        HEARTBEAT_AGE: {(name,): age for name, age in ages.items()},
        TARGET_UP: {place: one.up for place, one in places},
        EJECTED: {place: one.ejected for place, one in places},
        BREAKER_STATE: {name: BREAKER_STATES[state.breaker] for name, state in published.versions.items()},
        KEYS: {(issuer,): len(held.keys) for issuer, held in keys.items()},
        KEYS_AGE: {(issuer,): max(0.0, time.time() - held.taken) for issuer, held in keys.items() if held.taken},
        RELOAD_OK: {(): last_reload.result not in (Result.REFUSED, Result.FAILED)} if last_reload else {},
        STORE_UP: {} if sharing.up is None else {(): sharing.up},
        STORE_UNSENT: {} if sharing.up is None else {(): sharing.unsent_requests},
        BUILD: {_build(): 1},
    }


@cache
def _build() -> tuple[str, str, str]:
    return version("casino-gateway"), platform.python_version(), version("sanic")
