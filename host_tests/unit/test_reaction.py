"""Fast to open: from the event to open contacts within 60 ms, whenever in the tick it comes (CP-24, CP-9, CP-27, CP-43)."""

from check import true
from reaction import EVENTS, measure

WORST_MS = 60
TIMEOUT = 60


def test_every_event_opens_in_time():
    for name, change in EVENTS:
        found = measure(change, 40)
        true(0 < min(found) and max(found) <= WORST_MS, "%s: %d to %d ms" % (name, min(found), max(found)))
