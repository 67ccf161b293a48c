"""Keeps the issuers' key sets fresh and hands them to the workers; the last good one holds whatever happens to the issuer.

One task for each issuer asks again in time, or earlier when a worker met a key id it does not know, but never because of
that within `LEAST_SECONDS` of the time before: who sends made-up key ids cannot make the gateway knock on the issuer's door.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from exporters.catalog.gateway import KEY_FETCHES, KEY_MISSES
from gateway.control.fetch import Fault, Fetched, FetchError, fetch_url, read_file
from gateway.control.tail import Tail
from gateway.control.tasks import Tasks
from gateway.control.waiting import drifting
from gateway.core.keyset import KEYSETS, NO_KEYS, BadKeySet, Defect, KeySet, KeySets, read_set
from gateway.spec.consumer import Issuer
from gateway.spec.model import Spec
from gateway.store.process import Process
from gateway.store.rundir import Documents
from gateway.store.slot import Slot, Word
from gateway.store.stamp import stamp

logger = logging.getLogger("casino.control")

LEAST_SECONDS = 10.0
RETRY_SECONDS, MOST_RETRY_SECONDS = 1.0, 30.0
POLL_SECONDS = 0.05
FILE_SECONDS = 1.0

Place = tuple[str, str]
"""An issuer's name, and the URL or file of its set."""
_GOOD = "good"
_RESULTS = (_GOOD, *Fault, *Defect)


class Jwks:
    """The key sets of all issuers."""

    def __init__(self, process: Process, workers: Iterable[Slot], tasks: Tasks) -> None:
        self._documents = process.build.documents
        self._slot = process.slot
        self._tasks = tasks
        self._tails = [Tail(slot, KEY_MISSES) for slot in workers]
        self._missed: set[str] = set()
        self._asked: set[Place] = set()
        self.published = _remembered(process)
        self._sets = dict(self.published.sets)
        self._is_told = False
        """Whether the log says that the sets cannot be written now."""
        self.tick()
        self._missed.clear()  # what was met before this process began, its predecessor was asked for

    def follow(self, *specs: Spec) -> None:
        """Keep the sets of these specs' issuers; two of them while one takes the place of the other."""
        issuers: dict[Place, Issuer] = {}
        for spec in specs:
            for name, issuer in spec.issuers.items():
                source = issuer.url or issuer.file
                if source is not None:
                    issuers[name, source] = issuer
                    for result in _RESULTS:
                        self._slot.tally.index(KEY_FETCHES, (name, str(result)))
        self._sets = {place: self._sets.get(place, NO_KEYS) for place in issuers}
        self._asked &= issuers.keys()
        self._tasks.keep({(place, issuer): partial(self._keep, place, issuer) for place, issuer in issuers.items()})
        self._publish()

    def informed(self) -> bool:
        """Say whether every issuer was asked at least once, with whatever result."""
        return self._asked >= self._sets.keys()

    def tick(self) -> None:
        """Learn which issuers' keys the workers miss, and write what could not be written before."""
        for tail in self._tails:
            self._missed.update(issuer for _, (issuer,), _ in tail.news())
        if self._is_told:
            self._publish()

    def keys(self) -> Mapping[str, KeySet]:
        """Return the sets by the issuer's name."""
        return {name: keys for (name, _), keys in self._sets.items()}

    async def _keep(self, place: Place, issuer: Issuer) -> None:
        if issuer.url is not None:
            await self._keep_asking(place, issuer, issuer.url)
        else:
            await self._keep_reading(place, issuer, Path(place[1]))

    async def _keep_asking(self, place: Place, issuer: Issuer, url: str) -> None:
        retry = RETRY_SECONDS
        while True:
            self._missed.discard(place[0])
            fetched = await self._take(place, issuer, fetch_url(url))
            if fetched is not None:
                pause, retry = _pause(issuer.refresh_seconds, fetched.max_age_seconds), RETRY_SECONDS
            else:
                pause, retry = retry, min(2 * retry, MOST_RETRY_SECONDS)
            await self._rest(place[0], drifting(pause))

    async def _rest(self, name: str, pause_seconds: float) -> None:
        begun = time.monotonic()
        due, least = begun + pause_seconds, begun + LEAST_SECONDS
        while (now := time.monotonic()) < due and not (name in self._missed and now >= least):
            await asyncio.sleep(POLL_SECONDS)

    async def _keep_reading(self, place: Place, issuer: Issuer, path: Path) -> None:
        while True:
            seen = stamp(path)
            await self._take(place, issuer, asyncio.to_thread(read_file, path))
            while stamp(path) == seen:
                await asyncio.sleep(FILE_SECONDS)

    async def _take(self, place: Place, issuer: Issuer, fetching: Coroutine[Any, Any, Fetched]) -> Fetched | None:
        """Hold what is fetched if it is good, and return it; else go on with what is held."""
        try:
            fetched = await fetching
            keys = read_set(fetched.data, issuer.algorithms)
        except (FetchError, BadKeySet) as fault:
            fields = {"casino.issuer": place[0], "event.reason": fault.why}
            logger.warning("issuer_keys_not_taken", extra={"fields": fields})
            self._note(place, fault.why)
            return None
        if keys != self._sets[place].keys:
            logger.info("issuer_keys_changed", extra={"fields": {"casino.issuer": place[0], "casino.keys": len(keys)}})
        self._note(place, _GOOD, keys=keys, taken=time.time())
        return fetched

    def _note(self, place: Place, result: str, **news: object) -> None:
        held = self._sets[place]
        self._asked.add(place)
        self._slot.tally.add(KEY_FETCHES, (place[0], result))
        self._sets[place] = msgspec.structs.replace(held, asked=held.asked + 1, **news)
        self._publish()

    def _publish(self) -> None:
        """Write what has changed; what a full disk does not take is written at a later tick, and no issuer is asked anew."""
        if self._sets != self.published.sets or (self._sets and not self.published.edition):
            new = KeySets(edition=self.published.edition + 1, sets=dict(self._sets))
            try:
                self._documents.write(KEYSETS, msgspec.msgpack.encode(new))
            except OSError as fault:
                self._tell_once(fault)
                return
            self.published, self._is_told = new, False
        self._slot.words[Word.KEYSETS] = self.published.edition

    def _tell_once(self, fault: OSError) -> None:
        if not self._is_told:
            logger.error("issuer_keys_not_written", extra={"fields": {"error.message": fault.strerror or str(fault)}})
        self._is_told = True


def _pause(refresh_seconds: float, max_age_seconds: float | None) -> float:
    """How long a set is used: the issuer may shorten what the spec says, but not to nothing."""
    if max_age_seconds is None:
        return refresh_seconds
    return min(refresh_seconds, max(max_age_seconds, LEAST_SECONDS))


def _remembered(process: Process) -> KeySets:
    """Find what a predecessor published, in this build or the one before, whose issuers may be down just now."""
    for build in reversed(process.run.builds()):
        found = _read(build.documents)
        if found is not None:
            own = build.id == process.build.id
            return found if own else KeySets(edition=0, sets=found.sets)
    return KeySets(edition=0, sets={})


def _read(documents: Documents) -> KeySets | None:
    """Read a document that another release may have written."""
    data = documents.read(KEYSETS)
    try:
        return msgspec.msgpack.decode(data, type=KeySets) if data else None
    except msgspec.MsgspecError:
        return None
