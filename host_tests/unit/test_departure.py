"""The owner's departure over a whole charge point: cheap times within the hours, never above the back end's limit."""

from check import equal, raises, true
from ocpp_rig import Rig
from profiles import profile
from thing import Thing

from charger import clock
from charger.grid import departure, planner, tariff
from charger.grid.random_delay import draw
from charger.outlet import limits
from charger.runtime.cooperative import run_now

HEAP = 16 * 1024 * 1024
EVENING = clock.utc_of(2026, 1, 12, 18)  # a Monday in winter: local time is UTC
HOUR_S = 3600
SEVEN = 7 * 60


async def unit(country="none", delay_s=0, utc=EVENING, **factory):
    planner.draw = draw if delay_s is None else lambda _most_s: delay_s
    return await Rig(factory=factory, utc=utc, country=country).online()


def wants(rig, wh, minute=SEVEN):
    departure.keep(rig.files, 1, (minute, wh))
    run_now(rig.planner.replan())


def prices(rig, *hours, start=EVENING):
    tariff.add(rig.files, clock.utc_s(), start, HOUR_S, list(hours))
    run_now(rig.planner.replan())


async def begin(rig):
    await rig.plug()
    connector = rig.connectors[0]
    rig.cp.tag_shown(connector, "TAG00001")
    await rig.until(lambda: connector.session is not None)
    return connector


async def expect_da(rig, da, source=None):
    """After two seconds the limit is this, and comes from this source."""
    await rig.seconds(2)
    limits = rig.connectors[0].outlet.limits
    equal((limits.effective_da, source or limits.ruling), (da, limits.ruling))


def plan(rig):
    return rig.planner.lane_report(rig.connectors[0])


async def test_it_waits_for_the_cheapest_hours_and_says_so():
    rig = await unit()
    wants(rig, 7000)  # 7.36 kW by one phase of 32 A: 3,424 s
    prices(rig, *[30, 30, 30, 30, 30, 30, 10, 20, 30, 30, 30, 30, 30])
    connector = await begin(rig)
    await expect_da(rig, 0, "plan")
    equal(plan(rig)["why"], "waits for the cheapest times before the departure")
    planned = run_now(rig.planner.plan(rig.planner.lane(connector)))
    equal(planned.slots, [(EVENING + 6 * HOUR_S, EVENING + 6 * HOUR_S + 7000 * 3600 // 7360)])
    clock.set_utc(EVENING + 6 * HOUR_S, "test")
    await rig.seconds(3)
    equal((connector.outlet.limits.effective_da, plan(rig)["why"]), (320, "a chosen time before the departure"))


async def test_a_plan_made_before_the_cable_is_read_is_made_again_when_it_is():
    """Until then 6 A are counted with, which may take hours that are not the cheapest."""
    rig = await unit()
    wants(rig, 2000)
    prices(rig, *[30, 30, 30, 10, 30, 30, 30, 30, 30])
    outlet = rig.connectors[0].outlet
    outlet.cable = Thing(rating_da=0)
    outlet.allowed_da = lambda *but: min(outlet.cable.rating_da, outlet.limits.without(*but))
    connector = await begin(rig)
    lane = rig.planner.lane(connector)
    await rig.seconds(3)
    equal(sum([end - start for start, end in run_now(rig.planner.plan(lane)).slots]), 2000 * 3600 // 1380)
    true(0 <= lane.plan_until - clock.utc_s() <= 2, "looked at again")
    outlet.cable.rating_da = 320
    await rig.seconds(5)
    equal(run_now(rig.planner.plan(lane)).slots, [(EVENING + 3 * HOUR_S, EVENING + 3 * HOUR_S + 2000 * 3600 // 7360)])
    true(lane.plan_until - clock.utc_s() > 600)


async def test_the_energy_that_was_wanted_ends_the_flow_and_no_other_departure_begins_it():
    rig = await unit()
    wants(rig, 5000)
    connector = await begin(rig)
    await rig.seconds(3)
    equal(connector.outlet.limits.effective_da, 320, "without prices it begins at once")
    rig.meters[0].total_wh += 5000
    await rig.seconds(901)
    equal((connector.outlet.limits.effective_da, plan(rig)["why"]), (0, "the car has the energy that was wanted"))
    clock.set_utc(EVENING + 15 * HOUR_S, "test")
    await rig.seconds(3)
    equal(connector.outlet.limits.effective_da, 0)


async def test_a_departure_that_cannot_be_met_charges_whenever_it_may():
    rig = await unit()
    wants(rig, 150000)
    prices(rig, 50, 10, 50)
    connector = await begin(rig)
    await rig.seconds(3)
    equal(connector.outlet.limits.effective_da, 320)
    true(plan(rig)["why"].startswith("the departure cannot be met"))
    true(run_now(rig.planner.plan(rig.planner.lane(connector))).missing_s > 0)
    clock.set_utc(EVENING + 14 * HOUR_S, "test")
    await rig.seconds(3)
    equal((connector.outlet.limits.effective_da, plan(rig)["why"]), (320, "the departure is over"))


async def test_cheap_times_outside_the_charging_hours_are_not_taken():
    rig = await unit("GB")
    wants(rig, 5000)
    prices(rig, 1, 1, 1, 40, 40, 40, 30, 40, 40, 40, 40, 40, 40)
    connector = await begin(rig)
    planned = run_now(rig.planner.plan(rig.planner.lane(connector)))
    equal(planned.slots, [(EVENING + 6 * HOUR_S, EVENING + 6 * HOUR_S + 5000 * 3600 // 7360)])
    equal(connector.outlet.limits.effective_da, 0)


async def test_the_times_are_moved_by_what_the_random_delay_makes_of_them():
    rig = await unit("GB")
    wants(rig, 7360)
    prices(rig, *([40] * 6 + [30, 10, 40, 40, 40, 40, 40]))
    await begin(rig)
    planned = run_now(rig.planner.plan(rig.planner.lane(rig.connectors[0])))
    cheap = EVENING + 7 * HOUR_S
    equal(planned.slots, [(cheap - 300, cheap + HOUR_S - 300)], "up to ten minutes earlier, as what follows is dearer")
    rig.connectors[0].outlet.limits.set("user", 80)  # a quarter of the power: the night is hardly enough
    rig.config.put("RandomDelayMax", 1800)
    wants(rig, 16000)
    planned = run_now(rig.planner.plan(rig.planner.lane(rig.connectors[0])))
    seconds = sum([end - start for start, end in planned.slots])
    equal(seconds, 16000 * 3600 // 1840 + 1800 - planned.missing_s, "with the delay to spare")


async def test_of_a_flow_that_ends_the_delay_gives_a_part():
    rig = await unit("GB", utc=EVENING + 6 * HOUR_S)
    wants(rig, 7360)
    prices(rig, 20, 30, start=EVENING + 6 * HOUR_S)
    connector = await begin(rig)
    await rig.seconds(3)
    rig.planner.skip_delay(connector, "owner")
    planned = run_now(rig.planner.plan(rig.planner.lane(connector)))
    true(connector.outlet.energised)
    equal(sum([end - start for start, end in planned.slots]), HOUR_S - 300)


async def test_sun_that_the_grid_would_pay_for_is_not_taken_while_cheaper_times_are_enough():
    for paid, da, mode in ((0, 60, "surplus"), (15, 0, "surplus"), (15, 60, "minimum")):
        rig = await unit(SolarMode=mode, SolarExportPrice=str(paid))
        wants(rig, 7000)
        prices(rig, *([3000] * 5 + [1000] * 4 + [3000] * 4))
        await begin(rig)
        rig.meters[0].reading.p_mw = [0, 0, 0]
        for _ in range(70):
            rig.planner.read_house((0,), -1500 + (1380 if rig.connectors[0].outlet.energised else 0))
            await rig.seconds(1)
        given_da = rig.connectors[0].outlet.limits.effective_da
        true(abs(given_da - da) <= 5, (paid, mode, given_da))


async def test_the_plan_never_exceeds_the_profile_of_the_back_end():
    rig = await unit()
    wants(rig, 2000)
    await begin(rig)
    fields = profile(1, limit=10)
    equal((await rig.call("SetChargingProfile", connectorId=1, csChargingProfiles=fields))["status"], "Accepted")
    await expect_da(rig, 100, "csms")
    prices(rig, 50, 10)
    await expect_da(rig, 0)


async def test_charge_now_overrides_the_plan_for_this_session_only():
    rig = await unit()
    wants(rig, 7000)
    prices(rig, 50, 10)
    connector = await begin(rig)
    await expect_da(rig, 0)
    rig.planner.override(connector, "owner")
    await rig.seconds(2)
    equal((connector.outlet.limits.effective_da, plan(rig)["why"]), (320, ""))
    await rig.plug(plugged=False)
    await rig.until(lambda: connector.session is None)
    connector = await begin(rig)
    await expect_da(rig, 0)


async def test_departure_and_prices_are_kept_over_a_restart_and_can_be_removed():
    rig = await unit()
    wants(rig, 7000)
    prices(rig, 50, 10)
    await rig.power_cut()
    await rig.online()
    connector = await begin(rig)
    await expect_da(rig, 0, "plan")
    departure.keep(rig.files, 1, None)
    run_now(rig.planner.replan())
    await rig.seconds(2)
    equal((connector.outlet.limits.effective_da, plan(rig)["why"]), (320, ""))


async def test_prices_take_the_place_of_what_was_known_from_then_on():
    rig = await unit()
    prices(rig, 1, 2, 3, 4)
    prices(rig, 8, 9, start=EVENING + 2 * HOUR_S)
    blocks = tariff.kept(rig.files)
    told = [tariff.price_at(blocks, EVENING + hour * HOUR_S)[0] for hour in range(5)]
    equal(told, [1, 2, 8, 9, tariff.UNKNOWN])
    equal(tariff.price_at(blocks, EVENING - 5), (tariff.UNKNOWN, EVENING))
    prices(rig, start=EVENING)
    equal(tariff.kept(rig.files), [])
    rig.files.write_json(tariff.FILE, [["x"]])
    equal(tariff.kept(rig.files), [], "a damaged file is no tariff")


async def test_the_departure_follows_the_change_of_the_clocks():
    rig = await unit("GB")
    zone = rig.planner.hours().zone
    before = clock.utc_of(2026, 3, 28, 22)
    equal(departure.next_departure(zone, SEVEN, before), clock.utc_of(2026, 3, 29, 6), "07:00 is an hour earlier in UTC")
    equal(departure.next_departure(zone, SEVEN, clock.utc_of(2026, 10, 24, 20)), clock.utc_of(2026, 10, 25, 7))
    raises(ValueError, lambda: run_now(rig.planner.choose_hours("change", "x", "owner")))


async def worth(rig, unit, minute=SEVEN):
    """The Wh that a cost gives."""
    return run_now(departure.affordable(rig.files, rig.planner.hours(), clock.utc_s(), minute, 7360, int(unit * 100000)))


async def test_a_cost_is_what_the_cheapest_known_times_give_for_it():
    rig = await unit()
    equal(await worth(rig, 100), 0, "no price is known")
    prices(rig, 2000, 3000, 1000, 3000)  # hundredths a kWh: 20, 30, 10 and 30
    equal(await worth(rig, 50), 5000, "half an hour at 10")
    equal(await worth(rig, 73.6 + 20), 7360 + 1000)
    equal(await worth(rig, 10000), 4 * 7360, "there is no more")
    prices(rig, -100, 3000)
    equal(await worth(rig, 1), 7360 + 278, "a price below zero pays for more")
    rig = await unit("GB")
    prices(rig, 100, 100, 100, 100, 3000)
    equal(await worth(rig, 30), 1000, "not outside the hours")


async def test_a_plan_over_48_prices_is_worked_out_in_slices():
    rig = await unit()
    wants(rig, 7000)
    tariff.add(rig.files, EVENING, EVENING, 900, list(range(60)))
    connector = await begin(rig)
    slices = 0
    steps = rig.planner.plan(rig.planner.lane(connector))
    for _ in steps:
        slices += 1
    true(slices >= 52 // 8 + 2, slices)


async def test_the_session_waits_for_the_plan_and_draws_one_delay():
    rig = await unit("GB", delay_s=300, utc=EVENING + 5 * HOUR_S)
    wants(rig, 20000)
    connector = await begin(rig)
    equal(rig.connectors[0].outlet.limits.effective_da, 0)
    await rig.seconds(290)
    equal((connector.outlet.limits.effective_da, plan(rig)["why"]), (0, "a chosen time before the departure"))
    await rig.seconds(15)
    equal(connector.outlet.limits.effective_da, 320)


async def test_what_back_end_and_owner_allow_makes_the_plan_begin_as_early_as_it_must():
    for source, max_w in (("csms", 0), ("user", 0), ("csms", 7360), ("user", 7360)):
        rig = await unit()
        wants(rig, 7000)
        prices(rig, *([30] * 12 + [5]))
        connector = await begin(rig)
        connector.session.max_w = max_w
        if source == "csms":
            fields = profile(1, limit=8, schedule={"duration": 86400})
            equal((await rig.call("SetChargingProfile", connectorId=1, csChargingProfiles=fields))["status"], "Accepted")
        else:
            connector.outlet.limits.set("user", 80)
        planned = run_now(rig.planner.plan(rig.planner.lane(connector)))
        total_s = sum([end - start for start, end in planned.slots])
        equal((source, max_w, total_s, planned.missing_s), (source, max_w, 7000 * 3600 // 1840, 0))


async def test_a_limit_of_minutes_does_not_move_the_plan_of_a_car_whose_power_is_known():
    rig = await unit()
    wants(rig, 7000)
    prices(rig, *([30] * 12 + [5]))
    connector = await begin(rig)
    connector.session.max_w = 7360
    connector.outlet.limits.set("house", 60, limits.SAFETY)
    await expect_da(rig, 0, "plan")


async def test_a_clock_that_was_ahead_when_the_session_began_moves_no_departure():
    rig = await unit(utc=EVENING + 200 * 86400)
    wants(rig, 7000)
    connector = await begin(rig)
    clock.set_utc(EVENING, "test")
    prices(rig, *([30] * 12 + [5]))
    planned = run_now(rig.planner.plan(rig.planner.lane(connector)))
    equal(planned.slots, [(EVENING + 12 * HOUR_S, EVENING + 12 * HOUR_S + 7000 * 3600 // 7360)])


async def test_a_car_that_took_all_that_the_sun_left_has_not_shown_its_power():
    rig = await unit()
    wants(rig, 7000)
    prices(rig, *([30] * 12 + [5]))
    connector = await begin(rig)
    lane = rig.planner.lane(connector)
    for max_w, offered_da, power_w in ((1380, 60, 7360), (700, 60, 700), (3680, 320, 3680), (0, 0, 7360), (7360, 0, 7360)):
        connector.session.max_w, lane.offered_da = max_w, offered_da
        total_s = sum([end - start for start, end in run_now(rig.planner.plan(lane)).slots])
        equal((max_w, total_s), (max_w, min(13 * HOUR_S, 7000 * 3600 // power_w)))
    connector.session.max_w, lane.offered_da = 0, 0
    clock.set_utc(EVENING + 12 * HOUR_S, "test")
    await rig.seconds(3)
    equal(lane.offered_da, 320)
    rig.planner.session_started(connector.session)
    equal(lane.offered_da, 0)


async def test_the_end_of_a_time_shorter_than_its_delay_takes_no_start_back():
    rig = await unit("GB", delay_s=300, utc=EVENING + 5 * HOUR_S)
    wants(rig, 200)  # 97 s
    prices(rig, 10, *([30] * 12), start=EVENING + 5 * HOUR_S)
    connector = await begin(rig)
    await rig.seconds(290)
    equal((connector.outlet.limits.effective_da, plan(rig)["why"]), (0, "a chosen time before the departure"))
    await rig.seconds(15)
    equal(connector.outlet.limits.effective_da, 320)


async def test_a_new_wish_takes_back_the_start_that_waits():
    rig = await unit("GB", delay_s=300, utc=EVENING + 5 * HOUR_S)
    wants(rig, 7000)
    connector = await begin(rig)
    await rig.seconds(100)
    prices(rig, *([30] * 6 + [10] * 4), start=EVENING + 5 * HOUR_S)
    await rig.seconds(300)
    equal((connector.outlet.limits.effective_da, plan(rig)["why"]), (0, "waits for the cheapest times before the departure"))
