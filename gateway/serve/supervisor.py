"""`casino serve`: reads the spec, opens the sockets, lays out the shared memory, and hands over to the process tree.

Everything that can be wrong is found before anything is disturbed: a spec with mistakes, a port in use or a run
directory taken end the start, and whatever runs goes on.
"""

import gc
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.core.snapshot import SNAPSHOT, Snapshot, digest
from gateway.serve.anew import start_anew
from gateway.serve.children import Child, Main
from gateway.serve.claim import AlreadyRunningError, claim
from gateway.serve.events import Event, emit
from gateway.serve.ground import Ground
from gateway.serve.listeners import ListenError, Offer, Sockets, bound_to, inherited, open_all, unlink
from gateway.serve.notify import Notifier
from gateway.serve.signals import SignalQueue
from gateway.serve.succession import SUCCESSOR_SECONDS, Succession
from gateway.serve.tree import Tree
from gateway.serve.upgrade import Giver, HandoverError, Taken, take
from gateway.spec.listen import Listen
from gateway.spec.load import load
from gateway.spec.model import Spec
from gateway.spec.problem import SpecErrors
from gateway.store.keyring import Keyring, KeyringError
from gateway.store.limits import LimitTable
from gateway.store.process import Process
from gateway.store.retire import read_retired
from gateway.store.rundir import Build, ForeignDirectoryError, Held, RunDir, default_path
from gateway.store.slot import Slot, Word, open_readable

_FEW_SERIES = 1_000
"""What supervisor and writer count."""
_LEAST_RING_BYTES = 64 * 1024
_DEBITS_BYTES = 1024 * 1024
"""What a worker can admit in a quarter of a second, each request for another caller."""


class Mains(NamedTuple):
    """What the three kinds of children run."""

    worker: Main
    control: Main
    writer: Main


def serve(
    path: Path,
    *,
    mains: Mains,
    stage: str | None = None,
    run_dir: Path | None = None,
    upgrade: bool = False,
    successor_seconds: float = SUCCESSOR_SECONDS,
) -> int:
    """Run a gateway until it is told to stop; with `upgrade`, take over from the one that runs.

    A build that is to replace this one is killed if it has not said within `successor_seconds` what becomes of it.

    Returns the exit code: 0 after a clean stop, 1 if it could not start or not replace the running one, 2 if the spec
    is no YAML or the run directory a directory of something else.
    """
    try:
        loaded = load(path, stage)
    except SpecErrors as refused:
        _complain(refused)
        return 2 if refused.unreadable else 1
    for warning in loaded.warnings:
        _complain(warning)
    _allow_many_descriptors()
    try:
        run = RunDir.prepare(run_dir or default_path(path, stage))
        taken = take(run) if upgrade else None
        lock = taken.lock if taken else claim(run)
        if upgrade and not taken:
            emit(Event.UPGRADE_WITHOUT_OLD, "warning")
        keyrings = _keyrings(loaded.spec.listen)
        sockets = open_all(loaded.spec.listen, _offers(taken))
        build, tree = _Plan(
            run, lock, taken, sockets, keyrings, loaded.spec, mains, path, stage, successor_seconds
        ).lay_out()
    except ForeignDirectoryError as refused:
        _complain(refused)
        return 2
    except (KeyringError, ListenError, HandoverError, AlreadyRunningError, OSError) as refused:
        _complain(refused)
        return 1
    ended = tree.run()
    if ended.starts_anew:
        return _begin_anew(run, sockets)
    if not ended.handed_over:
        _clear_up(run, build, sockets)
    emit(Event.STOPPED)
    return ended.exit_code


class _Plan(NamedTuple):
    """One build, about to start."""

    run: RunDir
    lock: Held
    taken: Taken | None
    sockets: Sockets
    keyrings: dict[str, Keyring]
    spec: Spec
    mains: Mains
    path: Path
    stage: str | None
    successor_seconds: float

    def lay_out(self) -> tuple[Build, Tree]:
        """Make the build's memory and documents, and what supervises it. Nothing is forked yet."""
        elder = max(read_retired(self.run).builds, default="")
        build, _held = self.run.new_build(elder)
        try:
            return build, self._lay_out(build)
        except OSError:
            build.remove()
            raise

    def _lay_out(self, build: Build) -> Tree:
        emit(Event.LISTENING, fields={"casino.build": build.id, "casino.addresses": self._addresses()})
        slot = Slot.create(build.slot("supervisor"), series=_FEW_SERIES)
        slot.own()
        snapshot = _first_snapshot(self.run, self.spec)
        build.documents.write(SNAPSHOT, msgspec.msgpack.encode(snapshot))
        processes = self._processes(build, snapshot)
        signals = SignalQueue()
        giver = Giver(self.run, self.lock, self.sockets.named())
        notifier = Notifier(os.environ)
        succession = Succession(giver, tally=slot.tally, notifier=notifier, patience_seconds=self.successor_seconds)
        leave = _leaving(signals, giver, self.taken)
        children = [Child(self._main(each), each, slot.tally, leave) for each in processes]
        gc.collect()
        gc.freeze()  # what is forked from here on shares these pages until the end
        return Tree(
            children,
            slot=slot,
            policy=self.spec.drain,
            succession=succession,
            taken=self.taken,
            notifier=notifier,
            signals=signals,
            ground=Ground(self.run, build),
            obstacle=self._obstacle,
        )

    def _obstacle(self) -> str | None:
        """Why this command would not start now; what else it needs, the running build has."""
        try:
            _keyrings(load(self.path, self.stage).spec.listen)
        except (SpecErrors, KeyringError, OSError) as refused:
            return str(refused)
        return None

    def _addresses(self) -> list[str]:
        return [bound_to(opened) for _, opened in self.sockets.named()]

    def _main(self, process: Process) -> Main:
        if process.number:
            return self.mains.worker
        return self.mains.control if process.name == "control" else self.mains.writer

    def _processes(self, build: Build, snapshot: Snapshot) -> list[Process]:
        series = self.spec.metrics.series
        ring_bytes = max(self.spec.log.ring_bytes, _LEAST_RING_BYTES)
        workers = [
            Slot.create(
                build.slot(f"worker-{number}"), series=series, ring_bytes=ring_bytes, debits_bytes=_DEBITS_BYTES
            )
            for number in range(1, (self.spec.workers or len(os.sched_getaffinity(0))) + 1)
        ]
        LimitTable.create(build.limits, workers=len(workers))
        control = Slot.create(build.slot("control"), series=series)
        control.words[Word.GENERATION] = snapshot.generation
        writer = Slot.create(build.slot("writer"), series=_FEW_SERIES)
        return [
            Process(
                name=slot.name,
                number=number,
                build=build,
                run=self.run,
                slot=slot,
                supervisor=Slot.open(build.slot("supervisor")),
                control=Slot.open(control.path),
                workers=tuple(worker.path for worker in workers),
                listeners=self.sockets.public,
                keyrings=self.keyrings,
                control_socket=self.sockets.control[1],
                spec_path=self.path,
                stage=self.stage,
            )
            for number, slot in [*enumerate(workers, 1), (0, control), (0, writer)]
        ]


def _begin_anew(run: RunDir, sockets: Sockets) -> int:
    """Begin again in this process, after the run directory was lost; return only if that fails."""
    emit(Event.STARTING_ANEW)
    try:
        start_anew(sockets.named())
    except OSError as refused:
        _complain(f"the run directory {run.path} is lost, and starting anew failed: {refused}")
    return 1


def _clear_up(run: RunDir, ended: Build, sockets: Sockets) -> None:
    """Leave nothing behind, unless another build lives, or log lines could not be written: the next start finds those."""
    if any(build.hold() is None for build in run.builds() if build.id != ended.id):
        return
    for _, opened in sockets.named():
        unlink(opened)
    slots = [slot for build in run.builds() for slot in open_readable(build.slots())]
    if not any(slot.ring.waiting_bytes for slot in slots if slot.ring):
        run.remove()


def _keyrings(listen: Listen) -> dict[str, Keyring]:
    """Read the certificates here, before anything is forked: then sessions resume on any worker, and on its successor."""
    return {listener.address: Keyring(listener.tls) for listener in listen.public if listener.tls}


def _offers(taken: Taken | None) -> list[Offer]:
    """What need not be bound: sockets of systemd, and of the build before."""
    given = taken.sockets if taken else []
    return [*inherited(os.environ), *(Offer(address, opened) for address, opened in given)]


def _leaving(signals: SignalQueue, giver: Giver, taken: Taken | None) -> Callable[[], None]:
    """Return what a child does first: close what is the supervisor's alone."""

    def leave() -> None:
        signals.leave_to_child()
        giver.close()
        if taken:
            taken.close()

    return leave


class _Identity(msgspec.Struct):
    """What any build's snapshot says of itself."""

    generation: int
    digest: str


def _first_snapshot(run: RunDir, spec: Spec) -> Snapshot:
    """Continue the generations of the builds before: the same content keeps its number, other content gets the next."""
    documents = [build.documents.read(SNAPSHOT) for build in run.builds()]
    known = [msgspec.msgpack.decode(document, type=_Identity) for document in documents if document]
    last = max(known, key=lambda each: each.generation, default=_Identity(0, ""))
    content = digest(spec)
    return Snapshot(generation=last.generation + (last.digest != content), digest=content, spec=spec)


def _allow_many_descriptors() -> None:
    """One client costs up to two descriptors; the soft limit of a login shell is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _complain(complaint: object) -> None:
    sys.stderr.write(f"{complaint}\n")
