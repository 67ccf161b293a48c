"""What the slots of one build have counted."""

from collections.abc import Iterable

from gateway.store.slot import Slot
from gateway.store.totals import Gauges, SlotReader, Totals


def read_totals(slots: Iterable[Slot]) -> Totals:
    totals = Totals()
    for slot in slots:
        SlotReader(slot).add_to(totals, Gauges.ALL)
    return totals
