"""Ended builds leave their totals: folded into one document, exactly once, however often this is killed on the way.

The document names the builds it holds. It is replaced in one step and the build's files are removed after it; a reader
lists the builds first, reads the document second and leaves out what the document already holds. So no total is ever
missing and none is counted twice.
"""

import msgspec

from gateway.store.rundir import Build, RunDir
from gateway.store.slot import open_readable
from gateway.store.totals import Gauges, SlotReader, Totals

DOCUMENT = "retired"
_LOCK = "retired.lock"


class Retired(msgspec.Struct):
    """What ended builds counted, and which builds that were."""

    builds: list[str] = []
    totals: Totals = msgspec.field(default_factory=Totals)


_DECODER = msgspec.msgpack.Decoder(Retired)


def read_retired(run: RunDir) -> Retired:
    """Return what is folded so far."""
    document = run.documents.read(DOCUMENT)
    return _DECODER.decode(document) if document else Retired()


def fold(run: RunDir, build: Build) -> bool:
    """Fold a build that has ended and whose log lines are written; its lock is held by the caller.

    False while another process folds.
    """
    held = run.hold(_LOCK)
    if held is None:
        return False
    try:
        retired = read_retired(run)
        if build.id not in retired.builds:
            for slot in open_readable(build.slots()):
                SlotReader(slot).add_to(retired.totals, Gauges.NONE)
            retired.builds.append(build.id)
            run.documents.write(DOCUMENT, msgspec.msgpack.encode(retired))
        build.remove()
    finally:
        held.release()
    return True
