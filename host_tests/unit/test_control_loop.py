"""The control loop on the simulated timer: ticks whatever the asyncio loop does, and what ends them."""

import asyncio
import gc

from check import equal, true
from machine import Timer
from rig import Rig

from charger import clock
from charger.runtime.control_loop import ControlLoop
from sim import ev, soft_irq, timebase


class Recorder:
    """An outlet and a watchdog that note what is done to them."""

    def __init__(self):
        self.gaps = []
        self.opened = self.fed = 0
        self.dies = False

    def tick(self, dt_ms):
        if self.dies:
            raise ValueError("a fault in the tick")
        self.gaps.append(dt_ms)

    def emergency_open(self):
        self.opened += 1

    def feed(self):
        self.fed += 1


def _started():
    timebase.manual()
    soft_irq.clear()
    seen = Recorder()
    control = ControlLoop(Timer(0), [seen], seen.feed, _nothing)
    control.start()
    return control, seen


def test_ticks_come_each_20_ms_while_no_task_runs():
    control, seen = _started()
    timebase.advance(2000)
    equal((seen.gaps, control.ticks, control.max_gap_ms), ([20] * 100, 100, 20))
    control.stop()
    timebase.advance(2000)
    equal((len(seen.gaps), seen.opened), (100, 1))


def test_after_a_hold_up_in_c_there_is_one_tick_with_its_length_and_none_for_the_callbacks_that_queued_up():
    control, seen = _started()
    timebase.advance(40)
    timebase.hold_up(205)
    timebase.advance(100)
    equal(seen.gaps[:2], [20, 20])
    true(205 <= seen.gaps[2] < 245, seen.gaps)
    true(min(seen.gaps) >= 10, seen.gaps)
    equal(control.max_gap_ms, seen.gaps[2])
    control.stop()


def test_an_exception_in_a_tick_opens_every_contactor_and_ends_ticks_and_feeding():
    control, seen = _started()
    timebase.advance(100)
    fed = seen.fed
    seen.dies = True
    timebase.advance(1000)
    equal((seen.opened, seen.fed, len(seen.gaps), control.failed), (1, fed, 5, True))


async def test_the_loop_s_heartbeat_keeps_the_watchdog_fed_and_its_end_starves_it():
    control, seen = _started()
    task = asyncio.create_task(control.prove_loop())
    await clock.sleep_ms(20000)
    true(seen.fed >= 999, seen.fed)
    task.cancel()
    timebase.advance(7000)
    fed = seen.fed
    true(fed >= 1300, fed)
    timebase.advance(2000)
    starved = seen.fed
    true(starved < fed + 60, (fed, starved))
    timebase.advance(10000)
    equal(seen.fed, starved)
    equal(len(seen.gaps), 39000 // 20, "the ticks go on")
    control.stop()


async def test_the_heartbeat_ends_with_an_error_once_a_tick_has_failed():
    control, seen = _started()
    seen.dies = True
    try:
        await control.prove_loop()
    except RuntimeError as error:
        equal(str(error), "a control tick has failed")
    else:
        raise AssertionError("the heartbeat ended without an error")


def test_a_timer_s_callback_allocates_nothing_with_the_heap_unlocked():
    """Not under heap_lock, which would hide frames that are too large for the C stack."""
    rig = Rig()
    rig.charge()
    control = ControlLoop(Timer(0), rig.outlets, _nothing, _nothing)
    callback = control._callback
    for want in (ev.ASKING, ev.IDLE, ev.ABSENT):
        rig.side.plug(want)
        for _ in range(50):
            rig.tick()
            control._last_ms = clock.ticks_add(clock.ticks_ms(), -20)
            gc.collect()
            before = gc.mem_alloc()
            callback(None)
            equal(gc.mem_alloc() - before, 0)
    equal(control.ticks, 150)


def _nothing():
    pass
