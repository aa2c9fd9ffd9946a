# Runs inside MicroPython: how long one control tick takes, and what it allocates, while a car charges.
import gc
from array import array

import micropython
import utime

from charger import app as charger_app
from sim import ev, flash, timebase, world

_COUNT = 5000
_LOCKED = 1000


def build():
    """The application on a fresh world with a flash in memory, as start.py would, without its tasks."""
    timebase.manual()
    world.fresh()
    flash.mount(None, "/flash", flash.Flash(None))
    return charger_app.Application()


def step(app, n):
    """20 ms pass; the connectors are polled as often as their task does."""
    timebase.advance(20)
    app.tick(20)
    if n % 5 == 0:
        for connector in app.connectors:
            connector.poll()


def charge(app):
    """Bring connector 1 to state C with the contactor closed and current flowing."""
    world.current().outlets[0].plug(ev.ASKING)
    connector = app.connectors[0]
    for n in range(150):
        step(app, n)
    connector.authorised("BENCH")
    for n in range(500):
        step(app, n)
    if not connector.outlet.energised:
        raise SystemExit("the outlet did not energise: " + connector.why_no_energy())


def measure(app, times):
    """Time each tick alone; the polling between them is not part of it."""
    for n in range(_COUNT):
        timebase.advance(20)
        begin = utime.ticks_us()
        app.tick(20)
        times[n] = utime.ticks_diff(utime.ticks_us(), begin)


def locked(app):
    """Ticks with the heap locked: the first allocation raises MemoryError."""
    micropython.heap_lock()
    try:
        for _ in range(_LOCKED):
            timebase.advance(20)
            app.tick(20)
    finally:
        micropython.heap_unlock()


def main():
    app = build()
    charge(app)
    times = array("l", bytes(_COUNT * array_item()))
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    measure(app, times)
    allocated = gc.mem_alloc() - before
    locked(app)
    ordered = sorted(times)
    print("bench.median_us", ordered[_COUNT // 2])
    print("bench.p99_us", ordered[_COUNT * 99 // 100])
    print("bench.worst_us", ordered[-1])
    print("bench.allocated_bytes", allocated)
    print("bench.locked_ticks", _LOCKED)


def array_item():
    """Bytes of one element of an array of longs on this word size."""
    import struct

    return struct.calcsize("l")


main()
