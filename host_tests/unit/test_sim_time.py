"""Time of the simulated board: real, scaled, by hand; the real-time clock; the 32-bit task queue."""

import asyncio
import time

import utime
from check import equal, near, raises, true
from loop_turns import cancelled

from sim import rtc, tasks, timebase

WORDS = (64, 32)


async def rest(ms):
    await asyncio.sleep_ms(ms)


def teardown():
    timebase.set_scale(1)


def test_by_hand_time_stands_until_it_is_moved():
    timebase.manual()
    begin = time.ticks_ms()
    utime.sleep_ms(5)
    equal(time.ticks_ms(), begin)
    timebase.advance(1234)
    equal(time.ticks_diff(time.ticks_ms(), begin), 1234)


def test_only_manual_time_is_moved_by_hand():
    timebase.set_scale(1)
    raises(RuntimeError, timebase.advance, 1)


def test_scale_has_bounds():
    raises(ValueError, timebase.set_scale, 0)
    raises(ValueError, timebase.set_scale, 1000000)


def test_waiting_tasks_are_served_in_order_and_at_their_time():
    timebase.manual()
    begin = time.ticks_ms()
    seen = []

    async def sleeper(name, ms):
        for _ in range(3):
            await asyncio.sleep_ms(ms)
            seen.append((name, time.ticks_diff(time.ticks_ms(), begin)))

    async def both():
        await asyncio.gather(sleeper("a", 3000), sleeper("b", 4000))

    asyncio.run(both())
    equal(seen, [("a", 3000), ("b", 4000), ("a", 6000), ("b", 8000), ("a", 9000), ("b", 12000)])


def test_scaled_time_runs_at_its_scale_and_never_faster():
    timebase.set_scale(100)

    async def wait():
        real, begin = utime.ticks_us(), time.ticks_ms()
        for _ in range(250):
            await asyncio.sleep_ms(20)
        return time.ticks_diff(time.ticks_ms(), begin), utime.ticks_diff(utime.ticks_us(), real)

    virtual_ms, real_us = asyncio.run(wait())
    equal(virtual_ms, 5000)
    true(real_us >= 49000, real_us)


def test_code_takes_no_time_when_scaled():
    timebase.set_scale(1000)
    begin = time.ticks_ms()
    utime.sleep_ms(3)
    equal(time.ticks_ms(), begin)


def test_time_goes_on_where_it_was_when_the_scale_changes():
    timebase.set_scale(1)
    begin = time.ticks_ms()
    timebase.set_scale(50)
    asyncio.run(rest(2000))
    timebase.set_scale(1)
    near(time.ticks_diff(time.ticks_ms(), begin), 2000, 50)


def test_ticks_allocate_nothing():
    import micropython

    for prepare in (timebase.manual, lambda: timebase.set_scale(1)):
        prepare()
        micropython.heap_lock()
        time.ticks_ms()
        time.ticks_us()
        micropython.heap_unlock()


def test_epoch_is_the_boards():
    equal(time.gmtime(0), (2000, 1, 1, 0, 0, 0, 5, 1))
    for moment in (0, 762609600, 951868799, 951868800, 1100000000):
        equal(time.mktime(time.gmtime(moment)), moment)


def test_the_clock_follows_virtual_time():
    timebase.manual()
    rtc.set_seconds(1000, 400)
    timebase.advance(2700)
    equal(rtc.now(), (1003, 100))
    equal(time.time(), 1003)


def test_the_kept_memory_has_its_size():
    raises(ValueError, rtc.set_memory, bytes(2049))
    rtc.set_memory(b"kept")
    equal(rtc.memory, b"kept")


def test_the_other_task_queue_outlives_wrapping_ticks():
    """Fourteen virtual days with events, cancellation and time-outs; on 32-bit words ticks wrap on the way."""
    import asyncio.core as core

    before = core.TaskQueue, core.Task
    tasks.install()
    timebase.manual()

    async def story():
        event = asyncio.Event()
        seen = 0

        async def ticker():
            nonlocal seen
            while True:
                await asyncio.sleep_ms(3600000)
                seen += 1
                event.set()

        async def stubborn():
            await asyncio.sleep_ms(100000000)

        task = asyncio.create_task(ticker())
        for _ in range(14 * 24):
            await event.wait()
            event.clear()
        await cancelled(task)
        try:
            await asyncio.wait_for_ms(stubborn(), 1000)
            raise AssertionError("no time-out")
        except asyncio.TimeoutError:
            pass
        return seen

    try:
        equal(asyncio.run(story()), 14 * 24)
    finally:
        core.TaskQueue, core.Task = before
        core.new_event_loop()
