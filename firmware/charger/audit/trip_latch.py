"""The latch of a residual current trip, kept over any restart and power cut: the contactor does not close on a leak (CP-44).

Each outlet has its own value (store/safety_value.py). The loop writes it within about a second of the trip, and again when
the latch has been cleared. Other latches need none: what they guard against is seen anew before the contactor closes.
A unit that has never tripped has no files; the first trip leaves a mark in the non-volatile storage, and from then on both
copies missing means latched. The value is "1" while latched, else "0": the higher one is the safer one.
"""

from charger import log
from charger.audit.events import SAFETY_VALUE
from charger.store.safety_value import SafetyValue, settle


def recover(files: Files, outlet: Outlet, on_event: Callable, marks: Any | None = None) -> None:
    """Before the first tick: latch the outlet if its trip is on flash, or if neither copy is readable. OSError.

    on_event(event, info) reports a damaged, removed or older copy. marks: the KeyStore, see settle().
    """
    kept = _value(files, outlet)
    settle(kept, "1" if kept.value is None else None, on_event, SAFETY_VALUE, marks)
    if kept.value not in (None, "0"):
        outlet.latch_trip()


def write(files: Files, outlet: Outlet, marks: Any | None = None) -> None:
    """Write the other state than `trip_kept`, the one on flash. When the flash refuses, that stays as it is."""
    try:
        kept = _value(files, outlet)
        kept.write("0" if outlet.trip_kept else "1")
        settle(kept, None, log.info, "", marks)  # nothing is at fault: only the mark
    except OSError as error:
        log.error("rcd", "latch not written: " + log.reason(error))
        return
    outlet.trip_kept = not outlet.trip_kept


def _value(files: Files, outlet: Outlet) -> SafetyValue:
    return SafetyValue(files, "rcd%d" % outlet.id, "1", max)
