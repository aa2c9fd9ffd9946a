"""A counter that runs while this process does: the time of the simulated chargers that it controls stands still otherwise.

A machine with too little processor time may hold a test up for seconds; the chargers in their own processes would live on, five
or more times as fast, between two commands of the test that belong together.
"""

import os
import threading
import time

_INTERVAL_S = 0.02  # a charger lets 0.1 s of real time pass after the last count that it has seen

_counting = {}  # process id: path of its counter


def path():
    """The counter of this process, a file of one byte in memory; the first call makes it and starts to count."""
    owner = os.getpid()
    if owner not in _counting:  # a child of a process has its own
        descriptor = os.memfd_create("run counter")
        os.write(descriptor, bytes(1))
        _counting[owner] = f"/proc/{owner}/fd/{descriptor}"
        threading.Thread(target=_count, args=(descriptor,), daemon=True, name="run counter").start()
    return _counting[owner]


def _count(descriptor):
    number = 0
    while True:
        number = (number + 1) % 256
        os.pwrite(descriptor, bytes((number,)), 0)
        time.sleep(_INTERVAL_S)
