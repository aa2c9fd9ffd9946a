# Runs inside MicroPython: a history of 13 months with three sessions a day, and the duration of each of its views.
import asyncio
import gc
import os

import utime

from charger import clock
from charger.metering.charging_session import Session
from charger.metering.history import History
from charger.store.files import Files
from sim import flash, timebase

_DAYS = 396
_A_DAY = 3
_BEGIN_S = 1830297600  # 2028-01-01
_DAY_S = 86400
_ROUNDS = 5


def fill(history):
    """Add three sessions a day, 8 to 20 kWh, each with its card; return their number."""
    wh = 0
    number = 0
    for day in range(_DAYS):
        for turn in range(_A_DAY):
            number += 1
            session = Session(number, 1, "BENCH%04d" % (number % 7), wh)
            session.start_utc = _BEGIN_S + day * _DAY_S + turn * 28800
            wh += 8000 + number * 37 % 12000
            session.stop_wh = wh
            session.stop_utc = session.start_utc + 7200
            session.stop_reason = "EVDisconnected"
            history.add(session)
    return number


def median_us(function):
    """Median duration of some calls, each after a garbage collection."""
    taken = []
    for _ in range(_ROUNDS):
        gc.collect()
        begin = utime.ticks_us()
        function()
        taken.append(utime.ticks_diff(utime.ticks_us(), begin))
    return sorted(taken)[_ROUNDS // 2]


def main():
    timebase.manual()
    flash.mount(os.getenv("BENCH_FOLDER") + "/flash.bin")
    files = Files("/flash")
    clock.boot_id = 1
    now = _BEGIN_S + _DAYS * _DAY_S
    clock.set_utc(now, "bench")
    history = History(files)
    fill(history)
    print("bench.sessions", len(history))
    print("bench.page_us", median_us(history.page))
    print("bench.months_us", median_us(lambda: asyncio.run(history.months(now))))
    print("bench.year_us", median_us(lambda: asyncio.run(history.year(now))))
    print("bench.open_us", median_us(lambda: History(files)))


main()
