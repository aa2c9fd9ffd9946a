# Runs inside MicroPython: how long one control tick takes while a car charges, each with the heap locked, so that an
# allocation would end the measurement with MemoryError. Time is moved by hand; the other tasks run between the ticks.
import asyncio
import struct
from array import array

import board
import micropython
import utime

from charger import app as charger_app
from charger.config import configuration
from charger.drivers.meters import calibration
from charger.store.files import Files
from sim import ev, flash, timebase, world

_COUNT = 5000
_TICK_MS = 20
_LONG = "l"


async def build():
    """The application on a fresh world with a flash in memory, calibrated as the factory does."""
    timebase.manual()
    world.fresh()
    flash.mount(None, board.FLASH_ROOT, flash.Flash(None))
    entries = {outlet.id: outlet.meter.factory() for outlet in world.current().outlets}
    files = Files(board.FLASH_ROOT)
    files.write_json(calibration.FILE, calibration.stored_form(entries))
    files.write_json(configuration.FILE, {"Country": "none"})  # no delay before the current flows
    app = charger_app.Application()
    await app.build()
    return app


async def poll(app):
    """The application's own poll task, ten times a second, without the card reader."""
    while True:
        for connector in app.connectors:
            connector.poll()
        await asyncio.sleep_ms(100)


async def charge(app):
    """Bring connector 1 to state C with the contactor closed and current flowing."""
    connector = app.connectors[0]
    world.current().outlets[0].plug(ev.ASKING)
    for n in range(1000):
        if n == 150:
            connector.authorised("BENCH")
        app.control.step(_TICK_MS)
        await asyncio.sleep_ms(_TICK_MS)
    if not connector.outlet.energised:
        raise SystemExit("the outlet did not energise: " + connector.why_no_energy())


async def measure(app, times):
    """Time each tick alone."""
    for n in range(_COUNT):
        micropython.heap_lock()
        begin = utime.ticks_us()
        app.control.step(_TICK_MS)
        times[n] = utime.ticks_diff(utime.ticks_us(), begin)
        micropython.heap_unlock()
        await asyncio.sleep_ms(_TICK_MS)


async def main():
    app = await build()
    jobs = [asyncio.create_task(meter.run()) for meter in app.meters]
    jobs.append(asyncio.create_task(poll(app)))
    jobs.append(asyncio.create_task(app.control.prove_loop()))
    await charge(app)
    times = array(_LONG, bytes(_COUNT * struct.calcsize(_LONG)))
    await measure(app, times)
    if not app.connectors[0].outlet.energised:
        raise SystemExit("the outlet let go: " + app.connectors[0].why_no_energy())
    for job in jobs:
        job.cancel()
    ordered = sorted(times)
    print("bench.ticks", _COUNT)
    print("bench.median_us", ordered[_COUNT // 2])
    print("bench.p99_us", ordered[_COUNT * 99 // 100])
    print("bench.worst_us", ordered[-1])


asyncio.run(main())
