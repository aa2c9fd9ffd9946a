# Runs inside MicroPython: from the physical event to open contacts, 1,000 phases of the control tick for each event.
import sys

sys.path.append("host_tests/unit/support")

from reaction import EVENTS, measure

_COUNT = 1000

for name, change in EVENTS:
    found = sorted(measure(change, _COUNT))
    key = name.replace(" ", "_").replace("'", "")
    print("bench.%s/median" % key, found[_COUNT // 2])
    print("bench.%s/worst" % key, found[-1])
