"""Overrides, pauses and limits that meet each other and a plan: the least limit holds, and each wish has its end."""

from check import equal, true
from household_rig import DONE, EVENING, HOUR_S, RUNS, WAITS, home
from profiles import profile

from charger.outlet import limits
from charger.runtime.cooperative import run_now

HEAP = 16 * 1024 * 1024


# --- overrides, pauses, limits ---


async def test_charge_now_in_a_delay_begins_at_once_and_skip_does_it_too():
    for action in ("now", "skip"):
        unit = await home("GB", delay_s=500, utc=EVENING + 5 * HOUR_S)
        await unit.begin()
        equal(unit.now()[0], 0)
        equal((await unit.charge(action), unit.now()[0]), ("", 320))
        equal(await unit.charge("skip"), "No random delay is running.")


async def test_charge_now_twice_and_in_a_pause_charges():
    unit = await home("GB", delay_s=500)
    await unit.begin()
    await unit.charge("pause")
    equal(unit.now()[0], 0)
    equal((await unit.charge("now"), await unit.charge("now"), unit.now()[0]), ("", "", 320))
    await unit.charge("pause")
    equal(unit.now()[0], 0, "and the pause that comes after it pauses")
    await unit.charge("resume")
    equal(unit.now()[0], 320)


async def test_charge_now_after_the_target_charges_and_ends_with_the_session():
    unit = await home()
    await unit.wants("07:00", 5)
    await unit.begin()
    await unit.takes(5000, 901)
    await unit.charge("now")
    await unit.rig.seconds(2)
    equal(unit.now(), (320, ""))
    unit.prices(*([30] * 12 + [10]))
    await unit.rig.plug(plugged=False)
    await unit.rig.until(lambda: unit.connectors[0].session is None)
    await unit.begin()
    equal(unit.now(), (0, WAITS))


async def test_a_pause_outlasts_the_end_of_a_delay_and_ends_with_the_car():
    unit = await home("GB", delay_s=60, utc=EVENING + 5 * HOUR_S)
    await unit.begin()
    await unit.charge("pause")
    await unit.rig.seconds(70)
    equal(unit.now()[0], 0)
    await unit.charge("resume")
    equal(unit.now()[0], 320, "the delay is over")
    await unit.charge("pause")
    await unit.rig.plug(plugged=False)
    await unit.rig.until(lambda: unit.connectors[0].session is None)
    await unit.begin()
    await unit.rig.seconds(70)
    equal(unit.now()[0], 320)


async def test_wishes_without_a_session_are_refused_and_change_nothing():
    unit = await home()
    for action in ("now", "skip"):
        equal(await unit.charge(action), "No session is running.")
    equal(unit.connectors[0].outlet.limits.get("pause"), None)


async def test_the_limit_of_the_back_end_below_the_plan_holds_in_the_plan_and_in_an_override():
    unit = await home()
    await unit.wants("07:00", 7)
    await unit.begin()
    fields = profile(1, limit=10)
    equal((await unit.rig.call("SetChargingProfile", connectorId=1, csChargingProfiles=fields))["status"], "Accepted")
    await unit.rig.seconds(2)
    equal(unit.now(), (100, RUNS))
    await unit.charge("now")
    await unit.rig.seconds(2)
    equal(unit.now()[0], 100)


async def test_a_limit_of_zero_or_below_6_amperes_of_the_back_end_waits_and_the_plan_goes_on_after_it():
    unit = await home()
    await unit.wants("07:00", 7)
    await unit.begin()
    for amps, da in ((0, 0), (5, 0), (6, 60), (0, 0)):
        fields = profile(1, limit=amps)
        await unit.rig.call("SetChargingProfile", connectorId=1, csChargingProfiles=fields)
        await unit.rig.seconds(2)
        now = unit.now()
        equal((amps, now[0] if now[0] >= 60 else 0, now[1]), (amps, da, RUNS))
    await unit.rig.call("ClearChargingProfile", id=1)
    await unit.rig.seconds(2)
    equal(unit.now(), (320, RUNS))


async def test_the_owners_limit_meets_plan_house_and_override_and_the_least_rules():
    unit = await home(HouseMaxCurrent="25")
    await unit.wants("07:00", 7)
    await unit.begin()
    unit.rig.meters[0].reading.i_ma = [0, 0, 0]
    for _ in range(12):
        unit.planner.read_house((100, 0, 0), 2300)
        await unit.rig.seconds(1)
    for amps, da in ((10, 100), (20, 150), (None, 150)):  # 25 A less the house's 10 A
        await unit.charge("limit", **({"amps": amps} if amps else {}))
        equal(unit.now()[0], da)
        await unit.charge("now")
        equal(unit.now()[0], da, "a limit that protects and the owner's own are below each override")


async def test_charge_now_is_refused_where_the_house_leaves_nothing():
    unit = await home("GB", HouseMaxCurrent="25", HouseSafeCurrent="0")
    await unit.begin()
    true("dangerous" in await unit.charge("now"))
    equal(unit.connectors[0].override, False)


async def test_hours_that_are_changed_in_a_session_act_after_the_delay():
    unit = await home("GB", delay_s=30, utc=EVENING + 5 * HOUR_S)
    await unit.begin()
    await unit.rig.seconds(31)
    equal(unit.now()[0], 320)
    run_now(unit.planner.choose_hours("change", "1-7 01:00-02:00", "owner"))
    await unit.rig.seconds(20)
    equal(unit.now()[0], 320)
    await unit.rig.seconds(15)
    equal(unit.now()[0], 0)
    run_now(unit.planner.choose_hours("remove", "", "owner"))
    await unit.rig.seconds(35)
    equal(unit.now()[0], 320)


async def test_a_delay_that_is_set_to_none_while_one_runs_ends_with_that_one():
    unit = await home("GB", delay_s=60, utc=EVENING + 5 * HOUR_S)
    await unit.begin()
    unit.config.put("RandomDelayMax", 0)
    await unit.rig.seconds(30)
    equal(unit.now()[0], 0)
    await unit.rig.seconds(40)
    equal(unit.now()[0], 320)


async def test_a_reduction_of_the_grid_operator_is_below_plan_and_override():
    unit = await home("DE")
    await unit.wants("07:00", 7)
    await unit.begin()
    await unit.rig.call("ChangeConfiguration", key="GridReduction", value="true")
    await unit.rig.seconds(2)
    await unit.charge("now")
    await unit.rig.seconds(2)
    equal((unit.now()[0], unit.connectors[0].outlet.limits.ruling), (4200 * 10 // 230, "grid"))


async def test_the_sun_gives_nothing_to_a_car_that_has_its_energy_but_all_to_one_with_an_override():
    unit = await home(SolarMode="surplus")
    await unit.wants("07:00", 5)
    await unit.begin()
    unit.rig.meters[0].total_wh += 5000
    unit.rig.meters[0].reading.p_mw = [0, 0, 0]
    run_now(unit.planner.replan())
    for _ in range(70):
        unit.planner.read_house((-200,), -4600)
        await unit.rig.seconds(1)
    equal(unit.now(), (0, DONE))
    await unit.charge("now")
    equal(unit.now()[0], 320)


async def test_whatever_the_household_wishes_the_least_limit_holds():
    """Seeded wishes one after the other, without delays, against the least of what each source said."""
    unit = await home()
    await unit.begin()
    connector = unit.connectors[0]
    state = 12345
    told = {"user": 320, "csms": 320, "pause": 320}
    for _ in range(60):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        kind, amps = state >> 16 & 3, 6 + (state >> 18) % 26
        if kind == 0:
            await unit.charge("limit", amps=amps)
            told["user"] = amps * 10
        elif kind == 1:
            unit.planner.stage(connector, "csms", amps * 10)
            told["csms"] = amps * 10
        elif kind == 2:
            await unit.charge("pause" if amps % 2 else "resume")
            told["pause"] = 0 if amps % 2 else 320
        else:
            connector.outlet.limits.set("temperature", amps * 10, limits.SAFETY)
            told["temperature"] = amps * 10
        await unit.rig.seconds(1)
        equal(connector.outlet.limits.effective_da, min(told.values()), (kind, told))
