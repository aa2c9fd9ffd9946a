# Runs inside MicroPython: from the physical event to open contacts, 1,000 random phases of the control tick for each event.
import sys

sys.path.insert(0, "host_tests/unit/support")  # before this folder, which has a reaction.py of its own

from reaction import EVENTS, measure

_COUNT = 1000

for name, change, _ in EVENTS:
    found = sorted(measure(change, _COUNT))
    key = name.replace(" ", "_").replace("'", "")
    print("bench.%s/median" % key, found[_COUNT // 2])
    print("bench.%s/worst" % key, found[-1])
