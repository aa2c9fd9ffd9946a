"""Runs inside MicroPython: {"zone": text, "moments": [UTC seconds]} on stdin; answers {"offsets": [s], "changes": [UTC s]}."""

import json
import sys

from charger.grid.time_zone import TimeZone

case = json.loads(sys.stdin.readline())
zone = TimeZone(case["zone"])
changes = [case["moments"][0]]
while changes[-1] < case["moments"][-1]:
    changes.append(zone.next_change(changes[-1]))
print(json.dumps({"offsets": [zone.offset_s(moment) for moment in case["moments"]], "changes": changes[1:]}))
