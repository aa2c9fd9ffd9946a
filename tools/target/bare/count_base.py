"""The firmware's base: JSON, collections at several sizes of the heap, SHA-256."""

import gc
import hashlib
import json

import counting
import measure

_KB = 1024


def texts():
    """JSON of about 1.2 KB, both ways."""
    message = [2, "id-1", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": {"chargingProfileId": 1, "stackLevel": 1,
               "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [
                   {"startPeriod": 3600 * n, "limit": 6 + n} for n in range(30)]}}}]  # fmt: skip
    text = json.dumps(message)
    measure.call("json.loads.1_KB", json.loads, text)
    measure.call("json.dumps.1_KB", json.dumps, message)


def collections():
    """gc.collect() with so much alive, in lists of small lists as the firmware's objects are."""
    for live_kb in (40, 75, 100, 140):
        held = []
        while gc.mem_alloc() < live_kb * _KB:
            held.append([len(held), None])
            if len(held) % 64 == 0:
                gc.collect()
        gc.collect()
        counting.begin()
        gc.collect()
        print("count", "gc.collect.%d_KiB" % live_kb, counting.end())
        held = None
        gc.collect()


def main():
    """All of it."""
    collections()
    texts()
    block = bytes(4096)
    measure.call("sha256.4_KB", hashlib.sha256, block)


main()
