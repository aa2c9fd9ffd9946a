"""A TLS handshake never holds up the interpreter of a slow board while a contactor is closed (CP-24, F-E20)."""

import asyncio

from check import equal, true
from rig import Rig

from charger import clock
from charger.errors import StillClosedError
from charger.outlet import limits
from charger.runtime import hold_ups
from sim import ev

HANDSHAKE_MS = 1200  # of an ESP32


async def ticks(rig, ms, step_ms=20):
    """Control ticks for ms while the other tasks run; ticks of 100 ms, which are not late yet, where only minutes matter."""
    for _ in range(ms // step_ms):
        rig.tick(step_ms)
        await asyncio.sleep_ms(0)


def charging_rig(handshake_ms=HANDSHAKE_MS):
    rig = Rig()
    hold_ups.configure(rig.outlets, handshake_ms)
    rig.charge()
    true(rig.outlet.is_closed)
    return rig


def test_begin_withdraws_the_pilot_before_the_contactor_opens():
    rig = charging_rig()
    drawn_when_opened = []

    def watch(_rig):
        if not rig.outlet.is_closed and not drawn_when_opened:
            drawn_when_opened.append(rig.side.ev.i_ma)

    rig.after_tick = watch

    async def run():
        task = asyncio.create_task(hold_ups.begin())
        await ticks(rig, 9000)
        true(task.done())
        true(not rig.outlet.is_closed)
        equal(drawn_when_opened, [0], "the car had stopped")
        equal(rig.outlet.why_paused(), "Paused by the making of a secure connection: 0.0 A")
        await ticks(rig, 20000)
        true(not rig.outlet.is_closed, "open until the end of the operation")
        hold_ups.end()
        await ticks(rig, 20000)
        true(rig.outlet.energised, "the charging goes on afterwards")

    asyncio.run(run())
    equal(hold_ups.interruptions, 1)


def test_a_contactor_counts_as_closed_until_its_contacts_have_opened():
    """The coil is released in a tick, the contacts follow: nothing that holds up the next ticks begins meanwhile."""
    rig = charging_rig()
    rig.side.plug(ev.ABSENT)
    seen = []

    def watch(rig):
        seen.append((rig.outlet.contactor.commanded, rig.side.contactor.closed, hold_ups.must_wait()))

    rig.after_tick = watch
    rig.run(1000)
    true((False, True, True) in seen, "the tick that opens: %s" % seen[:4])
    true((False, True, False) not in seen, seen[:4])
    equal(seen[-1], (False, False, False))


def test_what_erases_flash_opens_the_contactor_first_on_every_board():
    """The confirmation of a new image, the mark of an altered one: NVS, and the record of the slots (45 to 400 ms)."""
    for handshake_ms in (0, HANDSHAKE_MS):
        rig = charging_rig(handshake_ms)
        closed = []

        async def run(rig=rig, closed=closed):
            task = asyncio.create_task(hold_ups.run_open(lambda: closed.append(rig.contacts_closed())))
            await ticks(rig, 9000)
            true(task.done())
            await ticks(rig, 20000)

        asyncio.run(run())
        equal((handshake_ms, closed, rig.outlet.energised, rig.outlet.switch.hot_openings), (handshake_ms, [False], True, 0))


def test_no_contactor_closes_between_begin_and_end_of_any_operation():
    rig = Rig()
    hold_ups.configure(rig.outlets, HANDSHAKE_MS)

    async def run():
        await hold_ups.begin()
        await hold_ups.begin()
        rig.outlet.permit = True
        rig.side.plug(ev.ASKING)
        hold_ups.end()
        await ticks(rig, 15000)
        true(not rig.outlet.is_closed, "the other operation still runs")
        hold_ups.end()
        await ticks(rig, 15000)
        true(rig.outlet.energised)

    asyncio.run(run())
    equal(hold_ups.interruptions, 0)


def test_an_operation_waits_for_a_pause_until_its_patience_ends():
    rig = charging_rig()

    async def run():
        begun = clock.uptime_ms()
        task = asyncio.create_task(hold_ups.wait_for_pause(60000))
        await ticks(rig, 59000)
        true(not task.done())
        true(rig.outlet.energised, "waiting interrupts nothing")
        await ticks(rig, 2000)
        true(task.done())
        true(clock.uptime_ms() - begun >= 60000)

    asyncio.run(run())


def test_an_operation_runs_at_once_when_the_car_pauses():
    rig = charging_rig()

    async def run():
        task = asyncio.create_task(hold_ups.wait_for_pause(600000))
        await ticks(rig, 5000)
        true(not task.done())
        rig.side.plug(ev.IDLE)
        await ticks(rig, 1000)
        true(task.done())

    asyncio.run(run())


def test_a_second_interruption_comes_ten_minutes_after_the_first_at_the_earliest():
    rig = charging_rig()

    async def run():
        for waited in (False, True):
            task = asyncio.create_task(hold_ups.wait_for_pause(0))
            await ticks(rig, 200)
            equal(task.done(), not waited)
            if waited:
                await ticks(rig, 600000, 100)
                true(task.done())
            task = asyncio.create_task(hold_ups.begin())
            await ticks(rig, 9000)
            hold_ups.end()
            await ticks(rig, 20000)
            true(rig.outlet.energised)
        equal(hold_ups.interruptions, 2)

    asyncio.run(run())


def test_a_welded_contactor_refuses_the_operation_instead_of_blocking_it_for_ever():
    rig = charging_rig()
    rig.world.set_fault("PowerSwitchFailure", 1, True)

    class Stuck:
        is_closed = True

        def __init__(self):
            self.limits = limits.Limits(320)

    stuck = Stuck()
    hold_ups.configure([stuck], HANDSHAKE_MS)

    async def run():
        task = asyncio.create_task(hold_ups.begin())
        await ticks(rig, 16000)
        try:
            await task
        except StillClosedError:
            equal(stuck.limits.effective_da, 320)
            return
        raise AssertionError("the operation ran with a closed contactor")

    asyncio.run(run())


def test_a_board_with_a_short_handshake_interrupts_nothing():
    rig = charging_rig(handshake_ms=40)

    async def run():
        await hold_ups.wait_for_pause(0)
        await hold_ups.begin()
        await ticks(rig, 1000)
        true(rig.outlet.energised)
        hold_ups.end()

    asyncio.run(run())
    equal(hold_ups.interruptions, 0)
