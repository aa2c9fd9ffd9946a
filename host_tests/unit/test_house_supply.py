"""The maximum of the house's supply over a whole charge point (UK-38)."""

from check import equal, true
from ocpp_rig import Rig

from charger.outlet import limits

HEAP = 16 * 1024 * 1024


async def unit(max_amps=40, connectors=1, phases=1, country="none", **factory):
    factory["HouseMaxCurrent"] = str(max_amps)
    rig = await Rig(connectors=connectors, phases=phases, factory=factory, country=country).online()
    for meter in rig.meters:
        meter.reading.i_ma = [0, 0, 0]
    return rig


def draws(rig, *amps, number=1):
    """The current at a connector, by phase."""
    for phase in range(len(amps)):
        rig.meters[number - 1].reading.i_ma[phase] = amps[phase] * 1000


def reads(rig, *amps, power_w=0):
    rig.planner.house.take(tuple([amp * 10 for amp in amps]), power_w)


def house_da(rig, number=1):
    return rig.connectors[number - 1].outlet.limits.get("house")


async def follow(rig, others, seconds, number=1):
    """For so long a meter reads each second what others take and the car, which takes what it is offered."""
    for _ in range(seconds):
        amps = rig.connectors[number - 1].outlet.limits.effective_da // 10
        draws(rig, amps if amps >= 6 else 0, number=number)
        reads(rig, others + (amps if amps >= 6 else 0))
        await rig.seconds(1)


async def test_a_kettle_lowers_the_current_with_the_reading_itself_and_it_rises_ten_seconds_later_uk38():
    rig = await unit(country="GB", RandomDelayMax="1800")
    reads(rig, 5)
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "TAG00001")
    await rig.until(lambda: rig.connectors[0].session is not None)
    rig.planner.override(rig.connectors[0], "test")
    await follow(rig, 5, 5)
    equal(rig.connectors[0].outlet.limits.effective_da, 320)
    reads(rig, 25 + 32)
    equal(rig.connectors[0].outlet.limits.decision[:3], (150, 150, "house"), "at once, without the random delay")
    equal(rig.connectors[0].outlet.limits.describe(), "the supply of the house: 15.0 A")
    await follow(rig, 25, 5)
    equal(house_da(rig), 150)
    await follow(rig, 5, 8)
    equal(house_da(rig), 150)
    await follow(rig, 5, 5)
    equal(house_da(rig), 350)


async def test_a_reading_of_before_the_car_began_raises_nothing_and_pauses_nothing():
    """The house's meter is a second late: the charger's own current then and now bound what the others take."""
    rig = await unit()
    reads(rig, 10)
    await rig.charge()
    await rig.seconds(1)
    equal(house_da(rig), 300)
    draws(rig, 30)
    await rig.seconds(1)
    reads(rig, 10)  # still without the car
    equal(house_da(rig), 300)
    reads(rig, 40)
    equal(house_da(rig), 300)
    await rig.seconds(5)
    draws(rig, 8)
    reads(rig, 40)  # with what the car took before
    equal(house_da(rig), 300)


async def test_cars_wait_below_six_ampere_and_three_minutes_pass_before_they_begin_again():
    rig = await unit(max_amps=30)
    await rig.charge()
    await follow(rig, 26, 2)
    equal((house_da(rig), rig.connectors[0].outlet.energised), (0, False))
    await follow(rig, 10, 170)
    equal(house_da(rig), 0)
    await follow(rig, 24, 2)
    await follow(rig, 10, 170)
    equal(house_da(rig), 0, "it had not had room all the time")
    await follow(rig, 10, 15)
    equal(house_da(rig), 200)


async def test_without_a_reading_of_ten_seconds_the_safe_current_holds():
    rig = await unit(HouseSafeCurrent="8")
    equal(house_da(rig), 80, "none yet")
    reads(rig, 1)
    await rig.seconds(1)
    equal(house_da(rig), 390)
    await rig.charge()
    await rig.seconds(7)
    equal(house_da(rig), 390)
    await rig.seconds(3)
    equal((house_da(rig), rig.planner.report()["house"]["known"]), (80, False))
    await rig.seconds(60)
    equal(house_da(rig), 80)
    reads(rig, 36)
    equal(house_da(rig), 0, "less than the safe current is left")
    rig = await unit(HouseSafeCurrent="0")
    equal(house_da(rig), 0)


async def test_each_phase_counts_and_a_missing_one_is_as_loaded_as_the_worst():
    rig = await unit(max_amps=25, phases=3)
    reads(rig, 4, 15, -6)
    equal(house_da(rig), 100)
    reads(rig, 4, 3, -6)
    await rig.seconds(1)
    equal(house_da(rig), 210)
    reads(rig, 8)
    await rig.seconds(1)
    equal(house_da(rig), 170)


async def test_two_cars_share_what_is_left_and_the_later_one_waits_for_six_ampere():
    rig = await unit(connectors=2)
    reads(rig, 8)
    await rig.charge(1)
    await rig.charge(2, "TAG00002")
    reads(rig, 8)
    await rig.seconds(1)
    equal([house_da(rig, 1), house_da(rig, 2)], [160, 160])
    reads(rig, 30)
    equal([house_da(rig, 1), house_da(rig, 2)], [100, 0])


async def test_export_leaves_more_and_what_is_no_limit_any_more_goes():
    rig = await unit(max_amps=25)
    reads(rig, -20)
    await rig.seconds(1)
    equal(house_da(rig), 450)
    rig.config.put("HouseMaxCurrent", "0")
    rig.planner.use_house()
    await rig.seconds(1)
    equal(house_da(rig), None)
    rig.config.put("HouseMaxCurrent", "16")
    rig.planner.use_house()
    reads(rig, 2)
    await rig.seconds(1)
    equal(house_da(rig), 140)


async def test_nothing_is_made_for_a_house_without_a_maximum():
    rig = await unit(max_amps=0)
    equal((rig.planner.house, house_da(rig), "house" in rig.planner.report()), (None, None, False))


async def test_when_the_planner_stops_the_limit_falls_to_what_protects():
    rig = await unit()
    reads(rig, 1)
    await rig.stop()
    rig.connectors[0].outlet.limits.expire()
    equal(house_da(rig), 390)
    await rig.seconds(11)
    rig.connectors[0].outlet.limits.expire()
    equal(house_da(rig), limits.SAFE_DA)
    true(rig.connectors[0].outlet.limits.describe_source("house").endswith("(not heard from)"))
