"""Cases from the field about charging profiles: their owners, and the composite schedule against the current. In manual time."""

import asyncio

from check import equal, true
from ocpp_rig import Rig
from profiles import Fault, install
from profiles import relative as profile

from charger import clock
from charger.metering import measurands

HEAP = 16 * 1024 * 1024


async def scheduled(rig, connector=1, unit="A", duration=0):
    """(limit, phases) of the composite schedule for now."""
    answer = await rig.call("GetCompositeSchedule", connectorId=connector, duration=duration, chargingRateUnit=unit)
    period = answer["chargingSchedule"]["chargingSchedulePeriod"][0]
    return str(period["limit"]), period["numberPhases"]


async def start(rig, tag="A", connector=1, **fields):
    fields = fields or {"limit": 6}
    fields["purpose"] = "TxProfile"
    answer = await rig.call("RemoteStartTransaction", idTag=tag, connectorId=connector, chargingProfile=profile(**fields))
    return answer["status"]


def limit(rig, number=1):
    return rig.connectors[number - 1].outlet.limits.get("csms")


def card(rig, tag, number=1):
    rig.cp.tag_shown(rig.connectors[number - 1], tag)


async def test_f_o1_a_duration_of_0_gives_the_period_of_now():
    rig = await Rig().online()
    await install(rig, profile(limit=10))
    for connector in (0, 1):
        answer = await rig.call("GetCompositeSchedule", connectorId=connector, duration=0)
        schedule = answer["chargingSchedule"]
        equal((schedule["duration"], len(schedule["chargingSchedulePeriod"])), (0, 1))


async def test_f_s1_a_daily_profile_and_the_longest_duration_end_in_slices():
    rig = await Rig().online()
    await install(rig, profile(kind="Recurring", recurrencyKind="Daily"))
    for connector in (0, 1):
        turns = []

        async def others(turns=turns):
            while True:
                turns.append(1)
                await clock.sleep_ms(0)

        task = asyncio.create_task(others())
        answer = await rig.call("GetCompositeSchedule", connectorId=connector, duration=(1 << 63) - 1)
        task.cancel()
        equal(len(answer["chargingSchedule"]["chargingSchedulePeriod"]), 1)
        true(365 * 86400 <= answer["chargingSchedule"]["duration"] < 500 * 86400)
        true(len(turns) > 365, "others ran between two steps: %d times" % len(turns))


async def test_f_o4_a_profile_that_came_with_a_start_is_not_that_of_another_card():
    rig = await Rig().online()
    equal(await start(rig, "A"), "Accepted")
    await rig.until(lambda: rig.statuses()[-1] == "Preparing")
    card(rig, "B")
    await rig.seconds(1)
    await rig.plug()
    equal((await rig.sent("StartTransaction"))["idTag"], "B")
    equal(limit(rig), None)
    equal(await rig.call("ClearChargingProfile"), {"status": "Unknown"})


async def test_f_o4_the_card_of_the_start_itself_keeps_its_profile():
    rig = await Rig().online()
    await start(rig, "A")
    await rig.seconds(1)
    card(rig, "A")
    await rig.seconds(1)
    await rig.plug()
    equal(limit(rig), 60)


async def test_f_o4_a_start_that_is_refused_times_out_or_is_faulted_leaves_no_profile():
    for end in ("refused", "time-out", "fault", "unavailable", "unlock"):
        rig = await Rig(factory={"AuthorizeRemoteTxRequests": "true", "ConnectionTimeOut": 5}).online()
        if end == "refused":
            rig.link.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
        equal(await start(rig, "A"), "Accepted")
        await rig.seconds(1)
        if end == "time-out":
            await rig.seconds(6)
        elif end == "fault":
            rig.connectors[0].outlet.fault = Fault
            await rig.seconds(1)
            rig.connectors[0].outlet.fault = None
        elif end == "unavailable":
            await rig.call("ChangeAvailability", connectorId=1, type="Inoperative")
            await rig.call("ChangeAvailability", connectorId=1, type="Operative")
        elif end == "unlock":
            rig.connectors[0].cancel_pending()
        await rig.seconds(1)
        rig.link.answers.clear()
        await rig.charge(tag="A")
        equal(limit(rig), None, end)
        true(not rig.cp.smart_charging()._promised(), end)


async def test_f_o4_a_second_start_has_its_own_profile_and_not_that_of_the_first():
    rig = await Rig().online()
    await start(rig, "A", number=1, limit=6)
    await rig.seconds(1)
    card(rig, "B")
    await rig.seconds(1)
    rig.connectors[0].cancel_pending()
    equal(await start(rig, "C", number=2, limit=9), "Accepted")
    await rig.plug()
    await rig.until(lambda: rig.connectors[0].session is not None)
    equal((rig.connectors[0].session.id_tag, limit(rig)), ("C", 90))


async def test_f_o4_the_profile_of_a_session_goes_before_the_start_that_waits_for_its_end():
    rig = await Rig().online()
    await rig.plug()
    await start(rig, "A", number=1, limit=6)
    await rig.until(lambda: rig.connectors[0].session is not None)
    rig.connectors[0].outlet.settle = lambda: None
    rig.connectors[0].stop("Remote")
    equal(await start(rig, "B", number=2, limit=9), "Accepted")
    await rig.seconds(1)
    equal(limit(rig), 60)
    del rig.connectors[0].outlet.settle
    await rig.until(lambda: rig.connectors[0].session is not None and rig.connectors[0].session.id_tag == "B")
    equal(limit(rig), 90)


async def test_f_o4_a_start_is_only_accepted_when_there_is_room_for_its_profile_and_the_room_is_kept():
    rig = await Rig(2, factory={"MaxChargingProfilesInstalled": 2}).online()
    equal(await install(rig, profile(1, stack=1)), "Accepted")
    equal(await start(rig, "A", 1, number=5, limit=6), "Accepted")
    equal(await install(rig, profile(2, stack=2)), "Rejected", "the last place is promised")
    equal(await start(rig, "B", 2, number=6, limit=7), "Rejected")
    equal(await install(rig, profile(1, stack=3, limit=12)), "Accepted", "in place of another")
    await rig.plug(1)
    await rig.until(lambda: rig.connectors[0].session is not None)
    equal(limit(rig), 60)
    rig.connectors[0].stop("Local")
    await rig.until(lambda: rig.connectors[0].session is None)
    equal(await start(rig, "B", 2, number=6, limit=7), "Accepted")
    await rig.until(lambda: rig.connectors[1].pending is not None)
    rig.connectors[1].cancel_pending()
    equal(await install(rig, profile(2, stack=2)), "Accepted", "the promise is over")
    equal(await start(rig, "B", 2, number=6, limit=7), "Rejected")


async def test_f_o5_composite_schedule_of_connector_0_is_the_sum():
    rig = await Rig(2).online()
    await rig.charge(1, "A")
    await rig.charge(2, "B")
    equal((await scheduled(rig, 0), await scheduled(rig, 0, "W")), (("64", 1), ("14720", 1)))
    await install(rig, profile(limit=20))
    equal((await scheduled(rig, 0), await scheduled(rig, 0, "W"), await scheduled(rig, 1)), (("40", 1), ("9200", 1), ("20", 1)))
    await rig.seconds(1)
    equal(sum(connector.outlet.offered_da for connector in rig.connectors), 400)
    await install(rig, profile(2, "ChargePointMaxProfile", limit=25, kind="Absolute"), 0)
    equal((await scheduled(rig, 0), await scheduled(rig, 1), await scheduled(rig, 2)), (("25", 1), ("12.5", 1), ("12.5", 1)))
    equal((limit(rig, 1), limit(rig, 2)), (125, 125))


async def test_f_o5_one_phase_outlets_on_different_phases_of_one_supply():
    rig = Rig(2)
    rig.cp.supply_da = 250
    rig.connectors[1].outlet.rotation = 1
    await rig.online()
    equal((await scheduled(rig, 0), await scheduled(rig, 1)), (("25", 1), ("25", 1)))
    rig.connectors[1].outlet.rotation = 0
    equal(await scheduled(rig, 0), ("25", 1))


async def test_f_o6_a_limit_in_watts_on_three_phases_is_reported_as_it_is_done():
    rig = await Rig(phases=3).online()
    await rig.charge()
    await install(rig, profile(limit=3680, unit="W", phases=1))
    await rig.until(lambda: rig.statuses()[-1] == "SuspendedEVSE")
    equal((limit(rig), await scheduled(rig), await scheduled(rig, unit="W")), (53, ("0", 3), ("0", 3)))
    await install(rig, profile(limit=11000, unit="W"))
    await rig.until(lambda: rig.statuses()[-1] == "Charging")
    equal((limit(rig), await scheduled(rig), await scheduled(rig, unit="W")), (159, ("15.9", 3), ("11000", 3)))


async def test_f_o6_amperes_for_one_phase_are_reported_for_all_phases_that_they_flow_on():
    rig = await Rig(phases=3).online()
    await rig.charge()
    await install(rig, profile(limit=10, phases=1))
    await rig.seconds(1)
    equal((await scheduled(rig), await scheduled(rig, unit="W")), (("10", 3), ("6900", 3)))
    names = ["Current.Offered", "Power.Offered"]
    values = [value["value"] for value in measurands.sampled(names, rig.connectors[0], "Trigger")]
    equal(values, ["10.0", "6900"])


async def test_f_o6_local_limits_are_told_too():
    rig = await Rig().online()
    await rig.charge()
    await install(rig, profile(limit=20))
    rig.connectors[0].outlet.limits.set("temperature", 90)
    equal((await scheduled(rig), await scheduled(rig, unit="W"), await scheduled(rig, 0)), (("9", 1), ("2070", 1), ("9", 1)))
    rig.connectors[0].outlet.limits.set("user", 50)
    equal(await scheduled(rig), ("0", 1))


async def test_f_o22_the_highest_stack_level_decides_whichever_connector_it_is_for():
    rig = await Rig().online()
    await rig.charge()
    await install(rig, profile(1, limit=16, stack=0), 1)
    await install(rig, profile(2, limit=10, stack=1), 0)
    equal((limit(rig), await scheduled(rig)), (100, ("10", 1)))
    await install(rig, profile(3, limit=14, stack=1), 1)
    equal(limit(rig), 140, "the connector's own at the same level")
    await install(rig, profile(4, "TxProfile", limit=20, stack=0), 1)
    equal(limit(rig), 200, "a TxProfile goes before them all")


async def test_f_o22_a_higher_level_that_is_not_valid_yet_leaves_it_to_the_lower():
    rig = await Rig().online()
    await rig.charge()
    await install(rig, profile(1, limit=16, stack=0), 1)
    await install(rig, profile(2, limit=10, stack=1, validFrom=clock.iso(clock.utc_s() + 30)), 0)
    equal(limit(rig), 160)
    await rig.seconds(32)
    equal(limit(rig), 100)
