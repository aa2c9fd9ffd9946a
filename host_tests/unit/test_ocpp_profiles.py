"""Charging profiles as messages and as limits: who may install what, what replaces what, what stays (OCPP-66, 100 to 109)."""

import profiles
from check import equal, raises, true
from ocpp_rig import Rig
from profiles import charging, clear, limit, profile

from charger import clock, validate
from charger.errors import InvalidValueError, OcppError
from charger.ocpp.v16.charging_profile import ChargingProfile, decimal, tenths

HEAP = 16 * 1024 * 1024


async def install(rig, fields, connector=1):
    return await profiles.install(rig, fields, connector)


async def test_a_tx_profile_needs_its_transaction_and_ends_with_it_ocpp100():
    rig = await Rig().online()
    equal(await install(rig, profile(purpose="TxProfile")), "Rejected")
    rig = await charging()
    equal(await install(rig, profile(purpose="TxProfile", transactionId=999)), "Rejected")
    equal(await install(rig, profile(purpose="TxProfile"), 0), "Rejected")
    equal(await install(rig, profile(purpose="TxProfile", transactionId=101)), "Accepted")
    equal((limit(rig), rig.connectors[0].outlet.limits.ruling), (100, "csms"))
    rig.connectors[0].stop("Local")
    await rig.until(lambda: rig.connectors[0].session is None)
    equal(limit(rig), None)
    equal(await clear(rig), "Unknown")


async def test_tx_default_applies_to_a_running_transaction_and_a_tx_profile_goes_before_it_ocpp105():
    rig = await charging()
    await install(rig, profile(1, limit=16))
    equal(limit(rig), 160)
    await install(rig, profile(2, purpose="TxProfile", limit=20, transactionId=101))
    equal(limit(rig), 200)
    equal(await clear(rig, id=2), "Accepted")
    equal(limit(rig), 160)
    equal(await clear(rig, id=1), "Accepted")
    equal(limit(rig), None)


async def test_a_connectors_default_goes_before_that_of_all_at_the_same_stack_level():
    rig = await charging(2)
    await install(rig, profile(1, limit=16, stack=5), 0)
    await install(rig, profile(2, limit=20, stack=5), 2)
    equal((limit(rig, 1), limit(rig, 2)), (160, 200))


async def test_profile_replaces_that_of_its_id_or_of_its_purpose_and_stack_level_ocpp102():
    rig = await charging()
    await install(rig, profile(1, limit=16, stack=1))
    await install(rig, profile(2, limit=14, stack=1))
    equal(await clear(rig, id=1), "Unknown", "same stack level, purpose and connector")
    equal(limit(rig), 140)
    await install(rig, profile(2, limit=12, stack=3))
    equal(await clear(rig, stackLevel=1), "Unknown", "same id")
    equal(limit(rig), 120)
    await install(rig, profile(3, limit=9, stack=3, validFrom=clock.iso(clock.utc_s() + 50)))
    equal(limit(rig), None, "the new one is not valid yet, the old one is gone")
    await rig.seconds(52)
    equal(limit(rig), 90)


async def test_the_periods_of_a_schedule_come_and_go_by_themselves():
    rig = await charging()
    await install(rig, profile(schedule={
        "startSchedule": clock.iso(clock.utc_s()), "duration": 40,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}, {"startPeriod": 20, "limit": 6.5}],
    }))  # fmt: skip
    seen = []
    for _ in range(8):
        seen.append(limit(rig))
        await rig.seconds(7)
    equal(seen, [100, 100, 100, 65, 65, 65, None, None])


async def test_below_six_amperes_the_car_is_held_and_comes_back_ocpp107():
    rig = await charging()
    await install(rig, profile(limit=5.9))
    await rig.until(lambda: rig.statuses()[-1] == "SuspendedEVSE")
    await install(rig, profile(limit=6))
    await rig.until(lambda: rig.statuses()[-1] == "Charging")
    equal(limit(rig), 60)


async def test_watts_count_for_all_phases_that_are_wired_ocpp106():
    for phases, number, wanted in ((1, None, 160), (1, 3, 160), (3, None, 53), (3, 1, 53)):
        rig = await Rig(phases=phases).online()
        fields = profile(unit="W", limit=3680)
        if number is not None:
            fields["chargingSchedule"]["chargingSchedulePeriod"][0]["numberPhases"] = number
        equal(await install(rig, fields), "Accepted")
        equal(limit(rig), wanted)


async def test_profiles_beyond_the_units_limits_are_rejected_and_change_nothing_ocpp102():
    rig = await Rig(factory={"ChargeProfileMaxStackLevel": 2, "ChargingScheduleMaxPeriods": 2,
                             "MaxChargingProfilesInstalled": 2, "ChargingScheduleAllowedChargingRateUnit": "Current",
                             }).online()  # fmt: skip
    periods = [{"startPeriod": n, "limit": 8} for n in range(3)]
    soon, later = clock.iso(clock.utc_s() + 10), clock.iso(clock.utc_s() + 20)
    for wrong in (
        profile(stack=3), profile(schedule={"chargingSchedulePeriod": periods}), profile(unit="W"),
        profile(schedule={"chargingSchedulePeriod": [{"startPeriod": 1, "limit": 8}]}),
        profile(schedule={"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}, {"startPeriod": 0, "limit": 9}]}),
        profile(kind="Recurring"), profile(validFrom=later, validTo=soon), profile(validFrom=soon, validTo=soon),
        profile(schedule={"duration": 0}), profile(purpose="ChargePointMaxProfile"),
    ):  # fmt: skip
        equal(await install(rig, wrong), "Rejected", str(wrong))
    for schedule in ({"duration": 600}, {"chargingSchedulePeriod": periods[:2]}):
        wrong = profile(purpose="ChargePointMaxProfile", kind="Relative", schedule=schedule)
        equal(await install(rig, wrong, 0), "Rejected", "relative to no transaction")
    fields = profile(kind="Recurring", recurrencyKind="Daily")
    fields["chargingSchedule"].pop("startSchedule")
    equal(await install(rig, fields), "Rejected")
    equal(limit(rig), None)
    for number, wanted in ((0, "Accepted"), (1, "Accepted"), (2, "Rejected")):
        equal(await install(rig, profile(number, stack=number)), wanted)
    equal(await install(rig, profile(7, stack=1, limit=7)), "Accepted", "in place of another there is room")


async def test_forms_that_are_wrong_are_errors_of_the_message_ocpp20():
    rig = await Rig().online()
    for changes, code in (
        ({"chargingProfileKind": "Sometimes"}, "PropertyConstraintViolation"),
        ({"chargingProfilePurpose": "txprofile"}, "PropertyConstraintViolation"),
        ({"recurrencyKind": "Monthly"}, "PropertyConstraintViolation"),
        ({"stackLevel": -1}, "PropertyConstraintViolation"), ({"stackLevel": 1.5}, "TypeConstraintViolation"),
        ({"validFrom": "tomorrow"}, "PropertyConstraintViolation"), ({"chargingSchedule": []}, "TypeConstraintViolation"),
        ({"chargingSchedule": {}}, "OccurenceConstraintViolation"),
        ({"schedule": {"chargingRateUnit": "kW"}}, "PropertyConstraintViolation"),
        ({"schedule": {"chargingSchedulePeriod": []}}, "PropertyConstraintViolation"),
        ({"limit": -1}, "PropertyConstraintViolation"), ({"limit": "10"}, "TypeConstraintViolation"),
        ({"limit": float("nan")}, "PropertyConstraintViolation"), ({"limit": None}, "TypeConstraintViolation"),
    ):  # fmt: skip
        try:
            await install(rig, profile(**changes))
            raise AssertionError("taken: %s" % changes)
        except OcppError as error:
            equal(error.code, code, str(changes))
    for number in (2, -1):
        try:
            await install(rig, profile(), number)
            raise AssertionError("taken")
        except OcppError as error:
            equal(error.code, "PropertyConstraintViolation")


async def test_clearing_ocpp109():
    rig = await Rig(2).online()

    async def fill():
        await install(rig, profile(1, "ChargePointMaxProfile", stack=0), 0)
        await install(rig, profile(2, stack=0), 0)
        await install(rig, profile(3, stack=1), 1)
        await install(rig, profile(4, stack=1), 2)

    async def left():
        found = []
        for number in (1, 2, 3, 4):
            if await clear(rig, id=number) == "Accepted":
                found.append(number)
        return found

    for request, wanted in (
        ({}, []), ({"id": 3, "connectorId": 2, "stackLevel": 9}, [1, 2, 4]), ({"connectorId": 0}, [3, 4]),
        ({"connectorId": 1}, [1, 2, 4]), ({"chargingProfilePurpose": "TxDefaultProfile"}, [1]),
        ({"stackLevel": 1}, [1, 2]), ({"connectorId": 2, "stackLevel": 0}, [1, 2, 3, 4]), ({"id": 9}, [1, 2, 3, 4]),
    ):  # fmt: skip
        await fill()
        equal(await clear(rig, **request), "Unknown" if wanted == [1, 2, 3, 4] else "Accepted", str(request))
        equal(await left(), wanted, str(request))


async def test_unknown_time_leaves_only_relative_profiles_in_force():
    rig = await Rig().online()
    await install(rig, profile(1, limit=8))
    await install(rig, profile(2, limit=20, kind="Relative", stack=1))
    await rig.power_cut(utc=False)
    equal(limit(rig), 200)
    clock.set_utc(1790000500, "ocpp")
    rig.cp.smart_charging().recompute()
    equal(limit(rig), 200)
    await clear(rig, id=2)
    equal(limit(rig), 80)


async def test_total_limit_is_shared_by_need_and_no_outlet_gets_below_six_ampere():
    rig = await charging(3)
    for total, wanted in ((96, (320, 320, 320)), (30, (100, 100, 100)), (18, (60, 60, 60)), (17, (85, 85, 0)),
                          (11, (110, 0, 0)), (5, (50, 0, 0))):  # fmt: skip
        await install(rig, profile(1, "ChargePointMaxProfile", limit=total), 0)
        equal(tuple([limit(rig, n) for n in (1, 2, 3)]), wanted, str(total))
    await install(rig, profile(1, "ChargePointMaxProfile", limit=40), 0)
    await install(rig, profile(2, limit=8), 2)
    equal(tuple([limit(rig, n) for n in (1, 2, 3)]), (160, 80, 160))
    rig.connectors[0].stop("Local")
    await rig.until(lambda: rig.connectors[0].session is None)
    equal((limit(rig, 2), limit(rig, 3)), (80, 320))


async def test_a_remote_start_brings_its_profile_ocpp66():
    rig = await Rig().online()
    for wrong in (profile(), profile(purpose="TxProfile", transactionId=5), profile(purpose="TxProfile", stack=99)):
        equal(await rig.call("RemoteStartTransaction", idTag="T", connectorId=1, chargingProfile=wrong),
              {"status": "Rejected"})  # fmt: skip
    good = profile(purpose="TxProfile", limit=13, kind="Relative")
    equal(await rig.call("RemoteStartTransaction", idTag="T", connectorId=1, chargingProfile=good),
          {"status": "Accepted"})  # fmt: skip
    await rig.until(lambda: rig.connectors[0].pending is not None)
    equal(limit(rig), None)
    await rig.plug()
    await rig.until(lambda: rig.connectors[0].session is not None)
    equal(limit(rig), 130)
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    equal(await install(rig, profile(9, "TxProfile", limit=9, transactionId=101)), "Accepted")
    equal((limit(rig), await clear(rig, id=1)), (90, "Unknown"))


async def test_the_profile_of_a_remote_start_that_came_to_nothing_is_forgotten():
    rig = await Rig(factory={"ConnectionTimeOut": 5}).online()
    good = profile(purpose="TxProfile", limit=13, kind="Relative")
    await rig.call("RemoteStartTransaction", idTag="T", connectorId=1, chargingProfile=good)
    await rig.seconds(10)
    await rig.charge()
    equal(limit(rig), None)


async def test_without_smart_charging_the_profile_of_a_remote_start_is_ignored():
    rig = await Rig(factory={"SupportedFeatureProfiles": "Core"}).online()
    equal(await rig.call("RemoteStartTransaction", idTag="T", connectorId=1, chargingProfile=profile()),
          {"status": "Accepted"})  # fmt: skip
    try:
        await install(rig, profile())
        raise AssertionError("taken")
    except OcppError as error:
        equal(error.code, "NotSupported")


async def test_composite_schedule_as_a_message_ocpp108():
    rig = await Rig(factory={"CompositeScheduleDefaultLimitAmps": 48, "CompositeScheduleDefaultNumberPhases": 3}).online()
    now = clock.utc_s()
    await install(rig, profile(limit=8.3, schedule={"startSchedule": clock.iso(now), "duration": 300}))
    answer = await rig.call("GetCompositeSchedule", connectorId=1, duration=600)
    periods = answer["chargingSchedule"].pop("chargingSchedulePeriod")
    equal(answer, {"status": "Accepted", "connectorId": 1, "scheduleStart": clock.iso(now),
                   "chargingSchedule": {"duration": 600, "chargingRateUnit": "A"}})  # fmt: skip
    equal([(p["startPeriod"], str(p["limit"]), p["numberPhases"]) for p in periods], [(0, "8.3", 3), (300, "48", 3)])
    for number in (2, -1):
        equal(await rig.call("GetCompositeSchedule", connectorId=number, duration=1), {"status": "Rejected"})
    clock._zero_s = None
    equal(await rig.call("GetCompositeSchedule", connectorId=1, duration=1), {"status": "Rejected"})


async def test_a_composite_schedule_that_would_not_end_is_shortened_in_time():
    rig = await Rig().online()
    await install(rig, profile(kind="Recurring", recurrencyKind="Daily", schedule={
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}, {"startPeriod": 3600, "limit": 16}]}))  # fmt: skip
    answer = await rig.call("GetCompositeSchedule", connectorId=1, duration=1 << 40)
    periods = answer["chargingSchedule"]["chargingSchedulePeriod"]
    equal(len(periods), 60)
    true(periods[-1]["startPeriod"] < answer["chargingSchedule"]["duration"] < 32 * 86400)


def test_tenths_survive_binary_fractions_sch4():
    for number in range(10000):
        equal(tenths(number / 10), number)
    equal([tenths(v) for v in (16, 16.0, 21.4, 6.55, 0.05)], [160, 160, 214, 65, 0])
    equal([str(decimal(v)) for v in (0, 5, 60, 214)], ["0", "0.5", "6", "21.4"])


def test_senseless_profiles_are_refused_with_the_reason():
    clock.set_utc(1790000000, "test")
    error = raises(ValueError, ChargingProfile, 1, profile(kind="Recurring"))
    equal(str(error), "recurring without a kind")
    raises(InvalidValueError, validate.check, ("num", 0, None), float("inf"))
