"""The ledger: the totals of the whole gateway, over every build that lives or ever lived in the run directory."""

from pathlib import Path

from gateway.store.retire import read_retired
from gateway.store.rundir import RunDir
from gateway.store.slot import open_readable
from gateway.store.totals import Gauges, SlotReader, Totals


class Ledger:
    """Reads for one build, whose own gauges it trusts most."""

    def __init__(self, run: RunDir, build_id: str) -> None:
        self._run = run
        self._build = build_id
        self._readers: dict[Path, SlotReader] = {}

    def totals(self) -> Totals:
        """Add up everything. No counter ever falls from one call to the next, across kills, upgrades and restarts."""
        readers = self._open()
        retired = read_retired(self._run)
        totals = Totals()
        for build_id, reader in readers:
            if build_id not in retired.builds:
                reader.add_to(totals, self._gauges(build_id, reader.slot.name))
        totals.add(retired.totals)
        return totals

    def _open(self) -> list[tuple[str, SlotReader]]:
        """List the readers of every slot there is, those of our own build first."""
        mine = [path for path in self._readers if path.parent.name == self._build]  # even when deleted under us
        listed = [path for build in self._run.builds() for path in build.slots()]
        paths = [(path.parent.name, path) for path in dict.fromkeys([*mine, *listed])]
        paths.sort(key=lambda found: found[0] != self._build)
        new = open_readable(path for _, path in paths if path not in self._readers)
        known = self._readers | {slot.path: SlotReader(slot) for slot in new}
        self._readers = {path: known[path] for _, path in paths if path in known}
        return [(build_id, self._readers[path]) for build_id, path in paths if path in self._readers]

    def _gauges(self, build_id: str, name: str) -> Gauges:
        if build_id == self._build:
            return Gauges.ALL
        return Gauges.SHARED if name.startswith("worker-") else Gauges.NONE
