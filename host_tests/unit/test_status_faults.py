"""Faults that come and go: the first one and the last state are told, what repeats in between ever more seldom (OCPP-82)."""

from check import equal, near, true
from ocpp_rig import Rig

from charger import clock

HEAP = 16 * 1024 * 1024


class Fault:
    CODE, INFO, FAULTED = "GroundFailure", "first", True


class Another:
    CODE, INFO, FAULTED = "OverVoltage", "second", True


def told(rig):
    """(status, error code) of connector 1's notifications."""
    return [(p["status"], p["errorCode"]) for p in rig.link.of("StatusNotification") if p["connectorId"] == 1]


async def troubled(**factory):
    """A rig that looks often enough, without messages so far."""
    rig = await Rig(factory=dict(factory, ConnectionTimeOut=3600)).online()
    rig.poll_ms = 500
    rig.link.sent.clear()
    return rig


async def flap(rig, fault, times, there_s=5, gone_s=5):
    """The fault comes and goes so often."""
    outlet = rig.connectors[0].outlet
    for _ in range(times):
        outlet.fault = fault
        await rig.seconds(there_s)
        outlet.fault = None
        await rig.seconds(gone_s)


FAULTED, FREE = ("Faulted", "GroundFailure"), ("Available", "NoError")


async def test_a_fault_each_ten_seconds_is_told_and_its_end_once_it_lasts():
    for least_s in (0, 3):
        rig = await troubled(MinimumStatusDuration=least_s)
        await flap(rig, Fault, 70)
        equal(told(rig), [FAULTED, FREE, FAULTED], "of 140 changes")
        ended_s = clock.utc_s() - 5
        await rig.seconds(12)
        equal(told(rig), [FAULTED, FREE, FAULTED, FREE], "it has lasted 10 s")
        near(clock.parse_iso(rig.link.of("StatusNotification")[-1]["timestamp"])[0], ended_s, 2)
        await flap(rig, Fault, 1, 5, 12)
        equal(told(rig)[4:], [FAULTED], "ten minutes of peace run from the last fault, told or not")


async def test_each_time_its_end_has_to_last_longer_and_ten_minutes_of_peace_start_anew():
    rig = await troubled()
    for calm_s in (0, 10, 20, 40, 80, 160, 320, 320):
        rig.link.sent.clear()
        await flap(rig, Fault, 1, 2, max(calm_s - 2, 1))
        equal(told(rig), [FAULTED] if calm_s else [FAULTED, FREE], "the fault at once, its end after %d s" % calm_s)
        await rig.seconds(4)
        equal(told(rig), [FAULTED, FREE])
    await rig.seconds(600)
    rig.link.sent.clear()
    await flap(rig, Fault, 1, 2, 1)
    equal(told(rig), [FAULTED, FREE])


async def test_a_fault_of_another_kind_is_told_at_once_and_two_in_turn_are_told_more_seldom():
    rig = await troubled()
    await flap(rig, Fault, 10)
    rig.link.sent.clear()
    await flap(rig, Another, 1, 1, 0)
    equal(told(rig), [("Faulted", "OverVoltage")])
    for _ in range(60):
        await flap(rig, Fault, 1, 3, 0)
        await flap(rig, Another, 1, 3, 0)
    true(len(told(rig)) <= 4, "of 120 changes: %s" % told(rig))
    rig.connectors[0].outlet.fault = Fault
    await rig.seconds(330)
    equal(told(rig)[-1], FAULTED, "the one that stays")
    rig.connectors[0].outlet.fault = None
    await rig.seconds(330)
    equal(told(rig)[-1], FREE)


async def test_a_use_that_begins_while_the_end_of_a_fault_waits_is_told_at_once():
    rig = await troubled()
    await flap(rig, Fault, 8)
    rig.link.sent.clear()
    await rig.plug()
    await rig.seconds(1)
    equal(told(rig), [("Preparing", "NoError")])


async def test_a_warning_that_stays_delays_no_status():
    rig = await troubled()

    class Beside:
        CODE, INFO, FAULTED = "ReaderFailure", "warning", False

    rig.connectors[0].outlet.fault = Beside
    for _ in range(6):
        rig.link.sent.clear()
        await rig.plug()
        await rig.seconds(2)
        await rig.plug(plugged=False)
        await rig.seconds(2)
        equal([status for status, _ in told(rig)][-2:], ["Preparing", "Available"])


async def test_a_fault_of_the_whole_charger_is_told_as_seldom():
    rig = await troubled()
    outlet = rig.connectors[0].outlet
    for _ in range(60):
        outlet.board_guard = Fault
        await rig.seconds(5)
        outlet.board_guard = None
        await rig.seconds(5)
    equal(rig.statuses(0), ["Faulted", "Available", "Faulted"])
    await rig.seconds(12)
    equal(rig.statuses(0)[3:], ["Available"])
