"""Charging profiles in combination: levels, validity, recurrence, units, phases, clearing (F-O1, F-O5, F-O6, F-O22).
In manual time."""

from check import equal, raises_async, true
from ocpp_rig import NOW, Rig
from profiles import install, profile, relative

from charger import clock
from charger.errors import OcppError

HEAP = 16 * 1024 * 1024

SUMMER_TIME = 1774749600  # Sunday 2026-03-29T02:00:00Z, an hour after clocks in Europe went forward
DAY_S = 86400


def limit(rig, number=1):
    return rig.connectors[number - 1].outlet.limits.get("csms")


async def charging(connectors=1, phases=1, utc=NOW, **factory):
    rig = await Rig(connectors, factory=factory, phases=phases, utc=utc).online()
    await rig.charge()
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    return rig


async def clear(rig, **request):
    return (await rig.call("ClearChargingProfile", **request))["status"]


async def scheduled(rig, connector=1, duration=3600, unit="A"):
    """The composite schedule: [(startPeriod, limit)]."""
    answer = await rig.call("GetCompositeSchedule", connectorId=connector, duration=duration, chargingRateUnit=unit)
    return [(p["startPeriod"], p["limit"]) for p in answer["chargingSchedule"]["chargingSchedulePeriod"]]


async def at(rig, utc_s, number=1):
    """The limit at a moment."""
    clock.set_utc(utc_s, "ocpp")
    await rig.seconds(1)
    return limit(rig, number)


def periods(*pairs):
    return {"chargingSchedulePeriod": [{"startPeriod": start, "limit": amps} for start, amps in pairs]}


def begins(utc_s, **schedule):
    return dict(schedule, startSchedule=clock.iso(utc_s))


# --- levels and validity ---


async def test_of_two_profiles_of_the_whole_the_higher_level_holds_even_where_it_allows_more():
    rig = await charging()
    await install(rig, relative(1, "ChargePointMaxProfile", 8, stack=1))
    await install(rig, relative(2, "ChargePointMaxProfile", 12, stack=2))
    equal(limit(rig), 120)
    equal(await clear(rig, id=2), "Accepted")
    equal(limit(rig), 80)


async def test_validity_begins_with_its_first_second_and_ends_before_its_last():
    rig = await charging()
    fields = relative(1, limit=8, validFrom=clock.iso(NOW + 1000), validTo=clock.iso(NOW + 2000))
    equal(await install(rig, fields), "Accepted")
    for moment, wanted in ((NOW + 998, None), (NOW + 1000, 80), (NOW + 1998, 80), (NOW + 2000, None)):
        equal(await at(rig, moment), wanted, str(moment - NOW))


async def test_a_tx_profile_that_is_not_valid_any_more_leaves_it_to_the_default():
    rig = await charging()
    await install(rig, relative(1, limit=10))
    fields = relative(2, "TxProfile", 16, transactionId=101, validTo=clock.iso(clock.utc_s() + 600))
    equal(await install(rig, fields, 1), "Accepted")
    equal(limit(rig), 160)
    await rig.seconds(602)
    equal(limit(rig), 100)


async def test_the_composite_schedule_has_each_end_of_validity_and_each_gap():
    rig = await charging()
    now = clock.utc_s()
    await install(rig, profile(1, limit=8, schedule=begins(now + 600, duration=600)))
    await install(rig, relative(2, limit=20, stack=1, validFrom=clock.iso(now + 900), validTo=clock.iso(now + 1000)))
    equal(await scheduled(rig), [(0, 32), (600, 8), (900, 20), (1000, 8), (1200, 32)])


async def test_profiles_that_are_over_for_good_make_room_for_new_ones():
    rig = await charging(MaxChargingProfilesInstalled=2)
    now = clock.utc_s()
    equal(await install(rig, relative(1, limit=8, validTo=clock.iso(now + 100))), "Accepted")
    equal(await install(rig, profile(2, limit=9, stack=1, schedule=begins(now, duration=100))), "Accepted")
    equal(await install(rig, relative(3, limit=10, stack=2)), "Rejected")
    await rig.seconds(102)
    equal(await install(rig, relative(3, limit=10, stack=2)), "Accepted")
    equal(await install(rig, relative(4, limit=11, stack=3)), "Accepted")
    equal(await install(rig, relative(5, limit=12, stack=4)), "Rejected")
    equal(limit(rig), 110)


# --- recurrence ---


async def test_a_daily_schedule_keeps_its_utc_hour_over_the_change_to_summer_time():
    rig = await charging(utc=SUMMER_TIME - 3 * DAY_S)
    start = SUMMER_TIME - 3 * DAY_S  # as a local time with its offset: 03:00+01:00
    text = clock.iso(start + 3600)[:19] + "+01:00"
    fields = profile(1, limit=8, kind="Recurring", recurrencyKind="Daily", schedule={"startSchedule": text, "duration": 3600})
    equal(await install(rig, fields), "Accepted")
    for day in range(5):
        equal(await at(rig, start + day * DAY_S), 80, str(day))
        equal(await at(rig, start + day * DAY_S + 3598), 80, str(day))
        equal(await at(rig, start + day * DAY_S + 3600), None, str(day))


async def test_a_weekly_schedule_holds_on_its_day_only_and_so_the_composite_says():
    rig = await charging()
    fields = profile(1, limit=8, kind="Recurring", recurrencyKind="Weekly", schedule=begins(NOW + DAY_S, duration=7200))
    equal(await install(rig, fields), "Accepted")
    for day in (0, 1, 2, 7, 8, 9, 15):
        equal(await at(rig, NOW + day * DAY_S + 60), 80 if day in (1, 8, 15) else None, str(day))
    clock.set_utc(NOW, "ocpp")
    await rig.seconds(1)
    shift = clock.utc_s() - NOW
    told = await scheduled(rig, duration=9 * DAY_S)
    equal(told, [(0, 32)] + [(at_s - shift, amps) for at_s, amps in (
        (DAY_S, 8), (DAY_S + 7200, 32), (8 * DAY_S, 8), (8 * DAY_S + 7200, 32))])  # fmt: skip


async def test_a_daily_schedule_longer_than_a_day_begins_again_each_day():
    rig = await charging()
    fields = profile(1, kind="Recurring", recurrencyKind="Daily",
                     schedule=dict(begins(NOW), duration=3 * DAY_S, **periods((0, 8), (3600, 10), (2 * DAY_S, 16))))  # fmt: skip
    equal(await install(rig, fields), "Accepted")
    for day in (0, 1, 5):
        equal(await at(rig, NOW + day * DAY_S + 10), 80, str(day))
        equal(await at(rig, NOW + day * DAY_S + 3600), 100, str(day))
        equal(await at(rig, NOW + day * DAY_S + DAY_S - 2), 100, str(day))


async def test_a_recurring_schedule_of_the_future_begins_with_its_start():
    rig = await charging()
    fields = profile(1, limit=8, kind="Recurring", recurrencyKind="Daily", schedule=begins(NOW + 2 * DAY_S))
    equal(await install(rig, fields), "Accepted")
    equal(limit(rig), None)
    equal(await at(rig, NOW + 2 * DAY_S - 2), None)
    equal(await at(rig, NOW + 2 * DAY_S), 80)


async def test_the_night_between_two_days_of_a_daily_schedule_has_the_lower_level():
    rig = await charging()
    midnight = NOW - NOW % DAY_S
    await install(rig, relative(1, limit=6))
    fields = profile(2, limit=16, stack=3, kind="Recurring", recurrencyKind="Daily",
                     schedule=begins(midnight + 22 * 3600, duration=8 * 3600))  # fmt: skip
    await install(rig, fields)
    for hour, wanted in ((21, 60), (22, 160), (23, 160), (29, 160), (30, 60), (45, 60), (46, 160)):
        equal(await at(rig, midnight + hour * 3600), wanted, str(hour))


# --- units, phases, numbers ---


async def test_watts_at_the_edge_of_6_amperes_on_one_and_three_phases():
    for phases, watts, wanted, status in (
        (1, 1380, 60, "Charging"), (1, 1379.9, 59, "SuspendedEVSE"), (3, 4140, 60, "Charging"), (3, 4139, 59, "SuspendedEVSE"),
        (3, 11040, 160, "Charging"), (1, 7360, 320, "Charging"),
    ):  # fmt: skip
        rig = await charging(phases=phases)
        equal(await install(rig, relative(1, limit=watts, unit="W")), "Accepted")
        await rig.seconds(6)
        equal((limit(rig), rig.connectors[0].status), (wanted, status), "%d phases, %s W" % (phases, watts))
        told = await scheduled(rig, unit="W", duration=0)
        equal(told, [(0, watts if status == "Charging" else 0)])


async def test_two_phases_for_a_three_phase_outlet_are_told_as_three_and_four_are_an_error():
    rig = await charging(phases=3)
    equal(await install(rig, relative(1, limit=10, phases=2)), "Accepted")
    answer = await rig.call("GetCompositeSchedule", connectorId=1, duration=60, chargingRateUnit="W")
    equal(answer["chargingSchedule"]["chargingSchedulePeriod"], [{"startPeriod": 0, "limit": 6900, "numberPhases": 3}])
    for phases in (0, 4):
        error = await raises_async(OcppError, install(rig, relative(1, limit=8, phases=phases)))
        equal(error.code, "PropertyConstraintViolation")
    equal(limit(rig), 100)


async def test_a_least_rate_is_a_hint_and_a_limit_of_many_decimals_is_cut_off():
    rig = await charging()
    equal(await install(rig, relative(1, limit=7.29, schedule={"minChargingRate": 10.5})), "Accepted")
    equal((limit(rig), str(await scheduled(rig, duration=0))), (72, "[(0, 7.2)]"))


async def test_0_amperes_pause_and_their_end_goes_on():
    rig = await charging()
    await install(rig, relative(1, limit=0))
    await rig.shows("SuspendedEVSE")
    equal(await scheduled(rig, duration=0), [(0, 0)])
    equal(await clear(rig), "Accepted")
    await rig.shows("Charging")


async def test_schedules_of_no_duration_or_a_first_period_that_is_not_at_0_are_refused():
    rig = await charging()
    for schedule in ({"duration": 0}, periods((60, 8)), periods((0, 8), (60, 9), (60, 10)), periods((0, 8), (60, 9), (30, 10))):
        equal(await install(rig, relative(1, schedule=schedule)), "Rejected", str(schedule))
    for schedule in ({"duration": -1}, periods((-1, 8)), periods((0, -1)), {"chargingSchedulePeriod": []}):
        await raises_async(OcppError, install(rig, relative(1, schedule=schedule)))
    equal((limit(rig), await clear(rig)), (None, "Unknown"))


async def test_what_a_composite_schedule_cannot_be_made_for():
    rig = await charging(2)
    for number in (-1, 3, 1000):
        answer = await rig.call("GetCompositeSchedule", connectorId=number, duration=60)
        equal(answer, {"status": "Rejected"})
    for wrong in ({"duration": -1}, {"duration": 60, "chargingRateUnit": "kW"}, {}):
        await raises_async(OcppError, rig.call("GetCompositeSchedule", connectorId=1, **wrong))


# --- owners and clearing ---


async def test_a_tx_profile_is_for_the_transaction_that_runs_on_its_connector():
    rig = await charging(2)
    await rig.charge(2, "TAG00002")
    await rig.until(lambda: rig.connectors[1].session.transaction_id == 102)
    for connector, transaction, wanted in (
        (1, 999, "Rejected"), (1, 102, "Rejected"), (2, 101, "Rejected"), (0, 101, "Rejected"), (1, 101, "Accepted"),
    ):  # fmt: skip
        fields = relative(1, "TxProfile", 8, transactionId=transaction)
        equal(await install(rig, fields, connector), wanted, "%d %d" % (connector, transaction))
    equal((limit(rig, 1), limit(rig, 2)), (80, None))
    rig.connectors[0].stop("Local")
    await rig.shows("Finishing")
    equal(await clear(rig, id=1), "Unknown", "it has gone with its transaction")


async def test_filters_of_clearing_are_combined_and_an_id_stands_alone():
    rig = await charging(2)
    everything = [
        (0, relative(1, "ChargePointMaxProfile", 30, stack=1)), (0, relative(2, limit=20, stack=1)),
        (1, relative(3, limit=18, stack=1)), (1, relative(4, limit=16, stack=2)), (2, relative(5, limit=14, stack=1)),
    ]  # fmt: skip
    for request, gone in (
        ({"connectorId": 0, "stackLevel": 1}, (1, 2)),
        ({"stackLevel": 1, "chargingProfilePurpose": "TxDefaultProfile"}, (2, 3, 5)),
        ({"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 2}, (4,)), ({"stackLevel": 3}, ()),
        ({"connectorId": 2, "chargingProfilePurpose": "TxProfile"}, ()), ({"connectorId": 0}, (1, 2)),
        ({"id": 4, "connectorId": 2, "stackLevel": 9, "chargingProfilePurpose": "TxProfile"}, (4,)), ({}, (1, 2, 3, 4, 5)),
    ):  # fmt: skip
        for connector, fields in everything:
            await install(rig, fields, connector)
        equal(await clear(rig, **request), "Accepted" if gone else "Unknown", str(request))
        left = []
        for number in range(1, 6):
            if await clear(rig, id=number) == "Accepted":
                left.append(number)
        equal(left, [number for number in range(1, 6) if number not in gone], str(request))


async def test_the_sum_of_all_is_at_most_that_of_the_whole_in_both_units():
    rig = await charging(2, phases=3)
    await rig.charge(2, "TAG00002")
    await install(rig, relative(1, limit=10), 1)
    await install(rig, relative(2, limit=14), 2)
    equal((await scheduled(rig, 0, 0), await scheduled(rig, 0, 0, "W")), ([(0, 24)], [(0, 24 * 690)]))
    await install(rig, relative(3, "ChargePointMaxProfile", 13800, unit="W"))
    equal((await scheduled(rig, 0, 0), await scheduled(rig, 0, 0, "W")), ([(0, 20)], [(0, 13800)]))
    equal((limit(rig, 1), limit(rig, 2)), (100, 100))


async def test_a_relative_schedule_in_a_session_is_told_from_now_on():
    rig = await charging()
    fields = relative(1, "TxProfile", transactionId=101, schedule=periods((0, 8), (1200, 12)))
    equal(await install(rig, fields, 1), "Accepted")
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    begun = rig.connectors[0].session.start_uptime_ms // 1000
    await rig.seconds(300)
    (first, amps), (second, more) = await scheduled(rig)
    equal((first, amps, more), (0, 8, 12))
    true(abs(second - (1200 - (clock.uptime_s() - begun))) <= 1, str(second))


async def test_a_default_that_names_a_transaction_and_a_level_at_its_limit_are_taken():
    rig = await charging()
    equal(await install(rig, relative(-7, limit=9, stack=10, transactionId=999)), "Accepted")
    equal(limit(rig), 90)
    equal(await install(rig, relative(8, limit=9, stack=11)), "Rejected")
