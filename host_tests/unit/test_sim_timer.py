"""machine.Timer and Pin.irq of the simulated board: soft interrupts between byte codes, exact in virtual time."""

import asyncio
import sys

import machine
import micropython
import utime
from check import equal, raises, true

from sim import launch, soft_irq, timebase, world

_STEP_MS = 5


class Seen:
    """The arguments of the callbacks."""

    def __init__(self):
        self.at = []
        self.began = timebase.ticks_ms()

    def note(self, source):
        """A callback that notes the time."""
        self.at.append(utime.ticks_diff(timebase.ticks_ms(), self.began))


async def rest(ms):
    """A task that waits."""
    await asyncio.sleep_ms(ms)


def setup():
    launch.config["connectors"] = 1
    timebase.manual()
    soft_irq.clear()
    world.fresh()


def teardown():
    soft_irq.clear()
    timebase.set_scale(1)


def test_a_periodic_timer_runs_at_each_due_instant():
    seen = Seen()
    machine.Timer(0).init(mode=machine.Timer.PERIODIC, period=20, callback=seen.note)
    timebase.advance(70)
    equal(seen.at, [20, 40, 60])
    timebase.advance(10)
    equal(seen.at, [20, 40, 60, 80])


def test_a_one_shot_timer_runs_once_and_deinit_stops_one():
    seen = Seen()
    machine.Timer(0, mode=machine.Timer.ONE_SHOT, period=7, callback=seen.note)
    machine.Timer(1, period=5, callback=seen.note)
    timebase.advance(6)
    machine.Timer(1).deinit()
    timebase.advance(100)
    equal(seen.at, [5, 7])


def test_a_frequency_that_is_no_whole_number_of_milliseconds_does_not_drift():
    seen = Seen()
    machine.Timer(2).init(freq=60, callback=seen.note)
    timebase.advance(1000)
    equal(len(seen.at), 60)
    equal(seen.at[:3], [17, 34, 50])


def test_two_timers_run_in_the_order_of_their_instants():
    order = []
    machine.Timer(3).init(period=3, callback=lambda timer: order.append("three"))
    machine.Timer(0).init(period=2, callback=lambda timer: order.append("two"))
    timebase.advance(4)
    equal(order, ["two", "three", "two"])


def test_the_callback_runs_while_python_runs_and_not_only_where_it_waits():
    timebase.set_scale(1)
    seen = Seen()
    machine.Timer(0).init(period=2, callback=seen.note)
    begun = utime.ticks_ms()
    pin = machine.Pin(91)
    while len(seen.at) < 5:
        if sys.maxsize < 1 << 32:
            pin.value()  # no signal with 32-bit words: the next shim lets the callback run
        if utime.ticks_diff(utime.ticks_ms(), begun) > 5000:
            raise AssertionError("the callback does not run inside of a loop")


def test_a_timer_runs_while_asyncio_waits_and_time_sleeps():
    timebase.set_scale(1)
    seen = Seen()
    machine.Timer(0).init(period=2, callback=seen.note)
    asyncio.run(rest(30))
    waited = len(seen.at)
    timebase.sleep_ms(30)
    equal((waited > 3, len(seen.at) > waited + 3), (True, True))


def test_a_task_that_sleeps_longer_than_the_period_does_not_skip_an_instant():
    seen = Seen()
    machine.Timer(0).init(period=20, callback=seen.note)
    asyncio.run(rest(90))
    equal(seen.at, [20, 40, 60, 80])


def test_scaled_time_stops_at_each_due_instant():
    timebase.set_scale(50)
    seen = Seen()
    machine.Timer(0).init(period=20, callback=seen.note)
    asyncio.run(rest(1000))
    equal(seen.at[:50], [20 * n for n in range(1, 51)])


def test_a_callback_due_at_the_instant_of_a_change_to_scaled_time_runs():
    """Real time stops at that very instant, before the signal came: scaled time goes on from there and does not stand."""
    timebase.set_scale(1)
    soft_irq.enter()  # no signal is served
    seen = Seen()
    timer = machine.Timer(0, period=20, callback=seen.note)
    while utime.ticks_diff(timebase.ticks_ms(), seen.began) < 20:
        pass
    timebase.set_scale(100)
    late = utime.ticks_diff(timebase.ticks_ms(), seen.began) // 20  # more than one after a pause of this machine
    soft_irq.leave()
    asyncio.run(asyncio.wait_for_ms(rest(100), 5000))
    timer.deinit()
    true(5 <= len(seen.at) <= 5 + late, "%d callbacks, %d of them late" % (len(seen.at), late))


def test_a_callback_does_not_run_inside_another_one():
    depth = [0, 0]

    def inner(timer):
        depth[1] = max(depth[1], depth[0])

    def outer(timer):
        depth[0] += 1
        timebase.sleep_ms(_STEP_MS)
        for _ in range(50):
            pass
        depth[0] -= 1

    machine.Timer(1).init(mode=machine.Timer.ONE_SHOT, period=2, callback=inner)
    machine.Timer(0).init(mode=machine.Timer.ONE_SHOT, period=1, callback=outer)
    timebase.advance(20)
    equal(depth, [0, 0])


def test_a_long_hold_up_in_c_leaves_eight_callbacks_and_loses_the_others():
    seen = Seen()
    lost = soft_irq.lost
    machine.Timer(0).init(period=20, callback=seen.note)
    timebase.hold_up(400)
    timebase.advance(1)
    equal((seen.at[0], len(seen.at), soft_irq.lost - lost), (400, 8, 12))


def test_a_callback_that_raises_does_not_stop_the_timer():
    runs = []

    def broken(timer):
        runs.append(1)
        raise ValueError("expected in this test")

    machine.Timer(0).init(period=10, callback=broken)
    timebase.advance(30)
    equal(len(runs), 3)


def test_timer_numbers_and_options_are_those_of_the_port():
    raises(ValueError, machine.Timer, 4)
    raises(ValueError, machine.Timer, -1)
    raises(ValueError, lambda: machine.Timer(0, period=20, hard=True))
    equal(machine.Timer(1) is machine.Timer(1), True)


def test_nothing_is_allocated_when_a_timer_fires():
    counted = [0]

    def count(timer):
        counted[0] += 1

    machine.Timer(0).init(period=20, callback=count)
    timebase.advance(20)
    micropython.heap_lock()
    try:
        timebase.advance(100)
    finally:
        micropython.heap_unlock()
    equal(counted[0], 6)


def test_a_trip_of_the_residual_current_monitor_calls_its_handler_at_that_millisecond():
    import board

    seen = Seen()
    trip = machine.Pin(board.OUTLETS[0]["rcd"]["trip"], machine.Pin.IN)
    trip.irq(seen.note, machine.Pin.IRQ_RISING)
    timebase.advance(13)
    world.current().set_fault("GroundFailure", 1, True)
    timebase.advance(100)
    trip.irq(None)
    equal(seen.at, [33])


def test_an_edge_that_the_firmware_causes_calls_the_handler_when_it_comes():
    import board

    seen = Seen()
    rcd = board.OUTLETS[0]["rcd"]
    trip = machine.Pin(rcd["trip"], machine.Pin.IN)
    trip.irq(seen.note)
    test = machine.Pin(rcd["test"], machine.Pin.OUT, value=1)
    asyncio.run(rest(50))
    test.off()
    asyncio.run(rest(50))
    trip.irq(None)
    equal(seen.at, [20, 70])


def test_a_bound_method_of_the_adc_takes_heap_as_on_the_port():
    import board

    adc = machine.ADC(machine.Pin(board.OUTLETS[0]["pilot"]["adc"]), atten=machine.ADC.ATTN_11DB)
    method = uv = None
    refused = False
    adc.read_uv()
    micropython.heap_lock()
    try:
        uv = adc.read_uv()
        method = adc.read_uv
    except MemoryError:
        refused = True
    finally:
        micropython.heap_unlock()
    equal((uv is not None, method, refused), (True, None, True))
