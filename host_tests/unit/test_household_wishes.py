"""Wishes of a household at odd times: departures, prices, changes of the clocks and power cuts."""

from check import equal, true
from household_rig import DONE, EVENING, HOUR_S, OVER, RUNS, WAITS, Home, home

from charger import clock
from charger.commands import planning
from charger.grid import departure, tariff

HEAP = 16 * 1024 * 1024


# --- departures ---


async def test_a_departure_in_this_minute_is_tomorrows():
    unit = await home()
    await unit.wants("18:00", 7.36)
    unit.prices(*([30] * 20 + [10] + [30] * 3))
    await unit.begin()
    equal((unit.now(), unit.times().slots), ((0, WAITS), [(EVENING + 20 * HOUR_S, EVENING + 21 * HOUR_S)]))


async def test_a_departure_that_is_past_today_is_tomorrows():
    unit = await home()
    await unit.wants("17:59", 7.36)
    unit.prices(*([30] * 20 + [10] + [30] * 3))
    await unit.begin()
    equal(unit.now(), (0, WAITS))


async def test_a_departure_set_in_a_session_is_the_next_one_from_then_on():
    unit = await home()
    await unit.wants("20:00", 7)
    await unit.begin()
    await unit.at(EVENING + 3 * HOUR_S)
    equal(unit.now(), (320, OVER))
    await unit.wants("20:30", 7.36)  # it is 21:00: tomorrow's
    unit.prices(*([30] * 20 + [10] + [30] * 3))
    await unit.rig.seconds(2)
    equal(unit.now(), (0, WAITS))
    await unit.rig.power_cut()
    again = Home(await unit.rig.online())
    await again.begin()
    equal(again.now(), (0, WAITS), "kept over a restart")


async def test_a_wish_set_with_a_clock_that_was_ahead_holds_all_the_same():
    unit = await home(utc=EVENING + 400 * 86400)
    await unit.wants("07:00", 7)
    await unit.at(EVENING)
    unit.prices(*([30] * 12 + [10]))
    await unit.begin()
    equal(unit.now(), (0, WAITS))


async def test_departures_of_older_firmware_and_damaged_ones_are_read():
    unit = await home()
    damaged = {"1": [420]}, {"1": 5}, [1], {"1": ["x", 5]}
    for kept, wish in [({"1": [420, 5000]}, {"1": (420, 5000, 0)})] + [(each, {}) for each in damaged]:
        unit.files.write_json(departure.DEPARTURES, kept)
        equal(departure.kept(unit.files), wish)


async def test_a_target_that_is_reached_early_ends_and_a_higher_one_goes_on():
    unit = await home()
    await unit.wants("07:00", 5)
    await unit.begin()
    await unit.takes(5000, 901)
    equal(unit.now(), (0, DONE))
    await unit.wants("07:00", 8)
    await unit.rig.seconds(2)
    equal(unit.now(), (320, RUNS))
    await unit.wants("07:00", 4)
    await unit.rig.seconds(2)
    equal(unit.now(), (0, DONE), "less than the car has")


async def test_two_wishes_within_a_second_leave_the_second():
    unit = await home()
    unit.prices(*([30] * 12 + [10]))
    await unit.begin()
    await unit.wants("07:00", 100)
    await unit.wants("07:00", 7)
    await unit.rig.seconds(2)
    equal(unit.now(), (0, WAITS))


async def test_a_departure_that_is_removed_while_it_waits_begins_at_once():
    unit = await home()
    await unit.wants("07:00", 7)
    unit.prices(*([30] * 12 + [10]))
    await unit.begin()
    await planning.COMMANDS["set_plan"][2](unit, "owner", {}, "page")
    await unit.rig.seconds(2)
    equal(unit.now(), (320, ""))


async def test_the_departure_of_one_outlet_moves_no_other():
    unit = await home(connectors=2)
    await unit.wants("07:00", 7, connector=2)
    unit.prices(*([30] * 12 + [10]))
    await unit.begin(1)
    await unit.begin(2)
    equal((unit.now(1), unit.now(2)), ((320, ""), (0, WAITS)))


async def test_a_car_that_leaves_while_its_plan_is_worked_out_leaves_nothing_behind():
    unit = await home()
    await unit.wants("07:00", 7)
    await unit.rig.plug()
    unit.rig.cp.tag_shown(unit.connectors[0], "TAG00001")
    await unit.rig.until(lambda: unit.planner.lanes[0].work is not None)
    await unit.rig.plug(plugged=False)
    await unit.rig.until(lambda: unit.connectors[0].session is None)
    lane = unit.planner.lanes[0]
    equal((lane.work, lane.starting, lane.why, lane.wanted), (None, None, "", {}))


# --- a change of the clocks ---


async def test_a_departure_that_the_clocks_leave_out_is_never_in_the_past():
    unit = await home("GB")
    zone = unit.planner.hours().zone
    change = clock.utc_of(2026, 3, 29, 1)  # 01:00 becomes 02:00
    for after, minute, leave in (
        (change - 4 * HOUR_S, 118, change - 120),  # 01:58 is left out: 00:58, the earlier reading
        (change - 60, 118, change + 58 * 60),  # and 02:58 where that is over
        (change - 60, 120, change), (change - 60, 59, change - 60 + 23 * HOUR_S),
        (change, 120, change + 24 * HOUR_S),
    ):  # fmt: skip
        equal(departure.next_departure(zone, minute, after), leave)
        true(leave > after)


async def test_a_departure_of_the_hour_that_comes_twice_is_the_first_of_both():
    unit = await home("GB")
    zone = unit.planner.hours().zone
    change = clock.utc_of(2026, 10, 25, 1)  # 02:00 becomes 01:00
    equal(departure.next_departure(zone, 90, change - 4 * HOUR_S), change - 1800)
    true(departure.next_departure(zone, 90, change - 1800) > change)


async def test_the_night_of_a_change_has_an_hour_less_to_charge_in():
    unit = await home("GB", utc=clock.utc_of(2026, 3, 28, 22))
    await unit.wants("07:00", 62)  # 30,326 s of the 28,800
    await unit.begin()
    equal((unit.times().missing_s > 0, unit.now()[0]), (True, 320))


# --- prices ---


async def test_times_without_a_price_between_others_are_taken_last():
    unit = await home()
    tariff.add(unit.files, EVENING, EVENING, HOUR_S, [900, 800])
    tariff.add(unit.files, EVENING, EVENING + 5 * HOUR_S, HOUR_S, [950])
    await unit.wants("07:00", 3 * 7.36 + 1)
    await unit.begin()
    times = unit.times().slots
    equal(times, [(clock.utc_s(), times[0][1]), (EVENING + 5 * HOUR_S, EVENING + 6 * HOUR_S)])
    true(HOUR_S * 2 < times[0][1] - EVENING < HOUR_S * 3)


async def test_prices_that_overlap_are_those_that_came_last():
    unit = await home()
    unit.prices(10, 10, 10, 10)
    unit.prices(50, 50, start=EVENING + 1800)
    told = [tariff.price_at(tariff.kept(unit.files), EVENING + half * 1800)[0] for half in range(6)]
    equal(told, [tariff.UNKNOWN, 50, 50, 50, 50, tariff.UNKNOWN], "a slot that would be cut is not known")


async def test_the_lowest_of_prices_below_zero_is_taken():
    unit = await home()
    await unit.wants("07:00", 7.36)
    unit.prices(-100, -300, -200, -1)
    await unit.begin()
    equal(unit.times().slots, [(EVENING + HOUR_S, EVENING + 2 * HOUR_S)])


async def test_prices_that_are_over_and_prices_of_next_week_change_nothing():
    unit = await home()
    await unit.wants("07:00", 7)
    tariff.add(unit.files, EVENING, EVENING - 40 * HOUR_S, HOUR_S, [5] * 30)
    unit.prices(1, 1, start=EVENING + 170 * HOUR_S)
    await unit.begin()
    equal(unit.now(), (320, RUNS))


async def test_new_prices_in_a_chosen_time_stop_it_and_in_a_wait_begin_it():
    unit = await home()
    await unit.wants("07:00", 7)
    unit.prices(10, 30, 30)
    await unit.begin()
    equal(unit.now(), (320, RUNS))
    unit.prices(30, 30, 10)
    await unit.rig.seconds(2)
    equal(unit.now(), (0, WAITS))
    unit.prices(10, 30, 30)
    await unit.rig.seconds(2)
    equal(unit.now(), (320, RUNS))


async def test_prices_that_come_with_an_hour_that_has_begun_start_in_its_middle():
    unit = await home(utc=EVENING + 1200)
    await unit.wants("07:00", 7.36)
    unit.prices(10, 20, 30, start=EVENING)
    await unit.begin()
    equal(unit.times().slots, [(clock.utc_s(), clock.utc_s() + HOUR_S)])


# --- power cuts and the clock ---


async def test_a_power_cut_in_a_chosen_time_goes_on_with_the_rest_of_the_energy():
    unit = await home()
    await unit.wants("07:00", 10)
    await unit.begin()
    await unit.takes(8000, 2)
    await unit.rig.power_cut()
    again = Home(await unit.rig.online())
    await again.begin()
    equal(again.now(), (320, RUNS))
    wanted_s = sum([end - start for start, end in again.times().slots])
    true(wanted_s in (2000 * 3600 // 7360, 10000 * 3600 // 7360), wanted_s)  # the same session, or one of its own


async def test_without_the_clock_it_charges_and_waits_again_when_the_clock_comes():
    unit = await home("GB")
    clock._zero_s = None
    await unit.wants("07:00", 7)
    await unit.begin()
    equal(unit.now(), (320, ""))
    clock.set_utc(EVENING, "test")
    await unit.rig.seconds(2)
    equal(unit.now(), (0, WAITS))


async def test_a_plan_is_shown_as_none_without_the_clock():
    unit = await home()
    clock._zero_s = None
    await unit.wants("07:00", 7)
    shown = await planning.COMMANDS["plan"][2](unit, "owner", {}, "page")
    equal((shown["depart"], shown["energy_wh"], shown["times"], shown["missing_s"]), ("07:00", 7000, [], 0))


async def test_a_clock_that_is_set_back_and_on_moves_the_chosen_times():
    unit = await home()
    await unit.wants("07:00", 7)
    unit.prices(*([30] * 6 + [10] * 3 + [30] * 4))
    await unit.begin()
    for hours, da in ((7, 320), (1, 0), (6, 320), (-48, 320), (2, 0)):
        await unit.at(EVENING + hours * HOUR_S)
        equal((hours, unit.now()[0]), (hours, da))
