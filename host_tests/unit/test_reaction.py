"""Fast to open: from the event to open contacts, whenever in the tick it comes (CP-24, CP-9, CP-27, CP-43, CP-47)."""

from check import true
from reaction import EVENTS, measure


def test_every_event_opens_in_time():
    for name, change, worst_ms in EVENTS:
        found = measure(change, 25)
        true(0 < min(found) and max(found) <= worst_ms, "%s: %d to %d ms" % (name, min(found), max(found)))


def test_over_current_is_not_called_before_its_time_cp47():
    """2 x is borne for 0.1 s: an inrush is none."""
    name, change, _ = EVENTS[-1]
    true(min(measure(change, 25, 2)) > 100, name)
