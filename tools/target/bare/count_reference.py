"""The reference workload of the simulator's pace: its instructions tie a PC's speed to a board's."""

import gc

import counting

from sim import pace_reference

for _ in range(2):
    gc.collect()
    counting.begin()
    value = pace_reference.run()
    counted = counting.end()
    if value != pace_reference.CHECK:
        raise RuntimeError("the reference workload returned %d" % value)
print("count reference", counted)
