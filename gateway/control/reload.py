"""Reload: a changed spec is validated whole, then applied by every worker, or refused and nothing changes.

The order keeps requests alive: first the workers learn where the new targets live beside the old ones, and the keys of new
issuers, then the new snapshot, and only then are the old targets forgotten. The generation never decreases.
"""

import asyncio
import logging
from enum import StrEnum

import msgspec

from exporters.catalog.gateway import RELOADS
from gateway.control.endpoints import Publisher
from gateway.control.jwks import Jwks
from gateway.control.waiting import until
from gateway.control.workers import Workers
from gateway.core.snapshot import SNAPSHOT, Snapshot, digest, read_snapshot
from gateway.spec.load import load
from gateway.spec.problem import Problem, SpecErrors
from gateway.spec.upgrade import settle
from gateway.store.process import Process
from gateway.store.slot import Slot, Word

logger = logging.getLogger("casino.control")

TOLD = 5
"""Mistakes of a refused spec that are logged; the answer to POST /reload has them all."""
FIRST_LOOK_SECONDS = 2.0
"""How long new targets may take to be looked up and checked before traffic may go there."""
APPLY_SECONDS = 3.0


class Result(StrEnum):
    """What became of a reload."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


class NotWrittenError(Exception):
    """A sound spec could not be published, since its documents cannot be written; says where and why."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a reload; `generation` and `digest` are what runs now, whatever was asked for."""

    result: Result
    generation: int
    digest: str
    applied: tuple[str, ...] = ()
    """Workers that run this generation."""
    waiting: tuple[str, ...] = ()
    """Living workers that have not taken it up within three seconds; they will."""
    needs_upgrade: tuple[str, ...] = ()
    """Settings that differ from what runs and wait for `casino serve --upgrade`."""
    problems: tuple[Problem, ...] = ()
    """Mistakes of a refused spec, warnings of an applied one."""
    reason: str = ""
    """Why it failed."""


class Reloader:
    """Holds the snapshot in force and replaces it."""

    def __init__(self, process: Process, workers: Workers, publisher: Publisher, jwks: Jwks) -> None:
        self._process = process
        self._workers = workers
        self._publisher = publisher
        self._jwks = jwks
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[Outcome]] = set()
        self.snapshot = read_snapshot(process.build.documents.read(SNAPSHOT))
        for result in Result:
            process.slot.tally.index(RELOADS, (result.value,))
        self.last: Outcome | None = None
        """What became of the last reload; None before the first one of this process."""
        self._needs_upgrade: tuple[str, ...] = ()

    def resume(self) -> None:
        """Begin with the snapshot that is there."""
        self._publisher.resume(self.snapshot.spec)
        self._jwks.follow(self.snapshot.spec)
        self._process.slot.words[Word.GENERATION] = self.snapshot.generation

    async def first_look(self) -> None:
        """Wait until every target was looked up and checked and every issuer asked once, but not for long."""
        await until(lambda: self._publisher.informed() and self._jwks.informed(), FIRST_LOOK_SECONDS)

    async def reload(self) -> Outcome:
        """Read the spec again and apply it. Whoever asked may leave: what was begun is finished.

        Raises:
            NotWrittenError: the disk does not take it, so that what ran before runs on. It is worth another try.
        """
        task = asyncio.create_task(self._reload_in_turn())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _reload_in_turn(self) -> Outcome:
        async with self._turn:
            try:
                return self._note(await self._reload())
            except OSError as fault:
                # a write that fails does not say on which file
                reason = f"{self._process.build.path} cannot be written: {fault.strerror or fault}"
                self._note(msgspec.structs.replace(self._outcome(Result.FAILED, ()), reason=reason))
                raise NotWrittenError(reason) from fault

    def _note(self, outcome: Outcome) -> Outcome:
        self._process.slot.tally.add(RELOADS, (outcome.result.value,))
        _tell(outcome)
        self.last = outcome
        return outcome

    async def _reload(self) -> Outcome:
        try:
            loaded = await asyncio.to_thread(load, self._process.spec_path, self._process.stage)
        except SpecErrors as refused:
            return self._outcome(Result.REFUSED, tuple(refused.problems))
        spec, self._needs_upgrade = settle(self.snapshot.spec, loaded.spec)
        if digest(spec) == self.snapshot.digest:
            return self._outcome(Result.UNCHANGED, loaded.warnings)
        await self._apply(Snapshot(generation=self._next_generation(), digest=digest(spec), spec=spec))
        return self._outcome(Result.APPLIED, loaded.warnings)

    async def _apply(self, new: Snapshot) -> None:
        old, control = self.snapshot, self._process.slot
        try:
            self._publisher.follow(old.spec, new.spec)
            self._jwks.follow(old.spec, new.spec)
            await self.first_look()
            self._publisher.tick()
            edition, keys = self._publisher.published.edition, self._jwks.published.edition
            applied = self._workers.applied
            await until(lambda: applied(Word.EDITION, edition) and applied(Word.KEYSETS, keys), APPLY_SECONDS)
            self._process.build.documents.write(SNAPSHOT, msgspec.msgpack.encode(new))
            self.snapshot = new
            control.words[Word.GENERATION] = new.generation
            await until(lambda: self._workers.applied(Word.GENERATION, new.generation), APPLY_SECONDS)
        finally:
            self._publisher.follow(self.snapshot.spec)
            self._jwks.follow(self.snapshot.spec)

    def _next_generation(self) -> int:
        """One more than anything this gateway ever ran, whoever remembers it."""
        slots: tuple[Slot, ...] = (self._process.slot, *self._workers.slots)
        return max(self.snapshot.generation, *(slot.words[Word.GENERATION] for slot in slots)) + 1

    def _outcome(self, result: Result, problems: tuple[Problem, ...]) -> Outcome:
        generation = self.snapshot.generation
        live = self._workers.live()
        return Outcome(
            result,
            generation,
            self.snapshot.digest,
            applied=tuple(slot.name for slot in live if slot.words[Word.GENERATION] >= generation),
            waiting=tuple(slot.name for slot in live if slot.words[Word.GENERATION] < generation),
            needs_upgrade=self._needs_upgrade,
            problems=problems,
        )


def _tell(outcome: Outcome) -> None:
    fields: dict[str, object] = {"casino.generation": outcome.generation, "casino.digest": outcome.digest}
    if outcome.needs_upgrade:
        fields["casino.needs_upgrade"] = outcome.needs_upgrade
    if outcome.result is Result.REFUSED:
        told = [str(problem) for problem in outcome.problems[:TOLD]]
        logger.error("reload_refused", extra={"fields": {**fields, "error.message": "\n".join(told)}})
    elif outcome.result is Result.FAILED:
        logger.error("reload_failed", extra={"fields": {**fields, "error.message": outcome.reason}})
    elif outcome.result is Result.APPLIED:
        logger.info("reload_applied", extra={"fields": fields})
