"""Whether traffic may be sent here: `/ready` says no while the gateway starts, drains, or has no worker that answers."""

from collections.abc import Iterable

import msgspec

from gateway.control.workers import Worker
from gateway.store.process import Phase

PHASE_REASONS = {
    Phase.LAME: "draining: new connections are still served, send no more",
    Phase.CLOSING: "draining: no new connections",
    Phase.STOP: "stopping",
}


class Readiness(msgspec.Struct, frozen=True):
    """The verdict, and every reason against it."""

    ready: bool
    reasons: tuple[str, ...]
    workers: dict[str, bool]
    """Which workers can answer."""


def judge(phase: Phase, workers: Iterable[Worker]) -> Readiness:
    """Decide; a worker can answer when its loop turned within the last second and it has applied a snapshot."""
    answering = {worker.name: worker.live and worker.generation > 0 for worker in workers}
    reasons = [PHASE_REASONS[phase]] if phase in PHASE_REASONS else []
    if not any(answering.values()):
        reasons.append("no worker answers")
    return Readiness(not reasons, tuple(reasons), answering)
