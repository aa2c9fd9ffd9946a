"""Charging by the solar surplus, over a whole charge point and beside hours, plan and the back end."""

from check import equal, true
from ocpp_rig import Rig
from profiles import profile
from thing import Thing

from charger import clock
from charger.grid import departure, planner, tariff
from charger.grid.random_delay import draw
from charger.grid.solar import SolarSurplus
from sim import timebase

HEAP = 16 * 1024 * 1024
NOON = clock.utc_of(2026, 6, 10, 11)  # a Wednesday in summer
SEVEN = 7 * 60


async def unit(mode="surplus", country="none", delay_s=0, connectors=1, phases=1, utc=NOON, **factory):
    planner.draw = draw if delay_s is None else lambda _most_s: delay_s
    factory["SolarMode"] = mode
    rig = await Rig(connectors=connectors, phases=phases, factory=factory, country=country, utc=utc).online()
    for meter in rig.meters:
        meter.reading.p_mw = [0, 0, 0]
    return rig


async def begin(rig, number=1):
    await rig.plug(number)
    connector = rig.connectors[number - 1]
    rig.cp.tag_shown(connector, "TAG0000%d" % number)
    await rig.until(lambda: connector.session is not None)
    return connector


async def sun(rig, surplus_w, seconds, volts=230):
    """For so long a meter reads each second what the sun leaves of the house, less what the cars take of it."""
    flips = 0
    before = [one.outlet.energised for one in rig.connectors]
    for _ in range(seconds):
        taken_w = 0
        for n in range(len(rig.connectors)):
            outlet = rig.connectors[n].outlet
            watts = volts * outlet.phases * outlet.limits.effective_da // 10 if outlet.energised else 0
            rig.meters[n].reading.p_mw = [watts * 1000, 0, 0]
            taken_w += watts
        rig.planner.read_house((0,), taken_w - surplus_w)
        await rig.seconds(1)
        now = [one.outlet.energised for one in rig.connectors]
        flips += sum([a != b for a, b in zip(before, now)])
        before = now
    return flips


def da(rig, number=1):
    return rig.connectors[number - 1].outlet.limits.effective_da


async def test_it_begins_after_a_minute_of_surplus_follows_it_and_ends_after_two_without():
    rig = await unit()
    connector = await begin(rig)
    await sun(rig, 1400, 120)
    equal((da(rig), connector.outlet.limits.describe()), (0, "the solar surplus: 0.0 A"), "below the start power of 1,500 W")
    await sun(rig, 3000, 55)
    equal(da(rig), 0)
    await sun(rig, 3000, 25)
    true(125 <= da(rig) <= 130, da(rig))
    await sun(rig, 5000, 15)
    true(212 <= da(rig) <= 217, da(rig))
    await sun(rig, 300, 20)
    equal(da(rig), 60, "the least while it holds on")
    await sun(rig, 300, 400)
    equal(da(rig), 0)
    await sun(rig, 5000, 200)
    equal(da(rig), 0, "too soon after the last beginning")


def spans(sunny):
    """[on or off, seconds] of two hours of which sunny(second) tells the surplus of each reading."""
    timebase.manual()
    outlet = Thing(phases=1, energised=False)
    surplus = SolarSurplus([Thing(connector=Thing(outlet=outlet), session=Thing(local_id=1), solar_da=None)], 230)
    surplus.configure("surplus", 1500)
    found = [[False, 0]]
    for second in range(7200):
        timebase.advance(1000)
        surplus.take(-3500 if sunny(second) else -200)
        surplus.step(True)
        if surplus.running != found[-1][0]:
            found.append([surplus.running, 0])
        found[-1][1] += 1
    return found


async def test_clouds_move_the_contactor_six_times_an_hour_at_the_most():
    for sunny in (lambda second: second % 360 < 90, lambda second: second % 1500 < 100):
        moments, now = [], 0
        for _, seconds in spans(sunny)[:-1]:
            now += seconds
            moments.append(now)
        most = max([len([other for other in moments if 0 <= other - moment < 3600]) for moment in moments])
        true(4 <= most <= 6, str(moments))


async def test_it_stays_on_and_off_for_five_minutes_and_begins_each_25_at_the_most():
    cloudy = spans(lambda second: second < 100 or second > 900)
    equal([cloudy[1], cloudy[2]], [[True, 300], [False, 1200]], "a cloud right after the beginning")
    late = spans(lambda second: second < 3000 or second > 3200)
    true(late[2][0] is False and 300 <= late[2][1] < 310, late)


async def test_the_mode_minimum_never_ends():
    rig = await unit("minimum")
    await begin(rig)
    await sun(rig, -500, 60)
    equal(da(rig), 60)
    await sun(rig, 4600, 20)
    true(195 <= da(rig) <= 200, da(rig))
    equal(rig.planner.report()["solar"]["mode"], "minimum")


async def test_the_back_ends_limit_is_never_exceeded():
    rig = await unit("minimum")
    await begin(rig)
    equal((await rig.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile(1, limit=10)))["status"], "Accepted")
    await sun(rig, 7000, 30)
    equal((da(rig), rig.connectors[0].outlet.limits.ruling), (100, "csms"))


async def test_without_readings_there_is_no_surplus():
    rig = await unit()
    await begin(rig)
    await sun(rig, 4000, 100)
    true(da(rig) > 100)
    await rig.seconds(30)
    equal(da(rig), 60)
    await rig.seconds(900)
    equal(da(rig), 0)


async def test_the_sun_waits_for_no_random_delay_and_ends_none_uk38():
    rig = await unit(country="GB", delay_s=300, utc=clock.utc_of(2026, 6, 13, 11))  # a Saturday, within the hours
    await begin(rig)
    await sun(rig, 4000, 100)
    true(da(rig) > 100, "the owner chose to follow the sun")
    rig = await unit("minimum", country="GB", delay_s=300, utc=clock.utc_of(2026, 6, 13, 11))
    await begin(rig)
    await sun(rig, 4000, 200)
    equal(da(rig), 0, "the start of the session is a relevant time")
    await sun(rig, 4000, 120)
    true(da(rig) > 100)
    equal([event for event in rig.events if event[0] == "RandomDelayBypassed"], [])


async def test_the_charging_hours_hold_for_the_sun_too():
    rig = await unit("minimum", country="GB", delay_s=0)
    connector = await begin(rig)
    await sun(rig, 7000, 60)
    equal(da(rig), 0, "noon of a Wednesday")
    rig.planner.override(connector, "owner")
    await sun(rig, 7000, 10)
    equal(da(rig), 320)


async def test_the_sun_fills_the_times_in_which_the_plan_waits():
    rig = await unit()
    departure.keep(rig.files, 1, (SEVEN, 20000))
    tariff.add(rig.files, NOON, NOON, 3600, [30] * 12 + [10] * 4 + [30] * 4)
    rig.planner.replan()
    await begin(rig)
    await sun(rig, 4000, 100)
    true(150 < da(rig) < 180, "the sun, while the plan waits for the night")
    clock.set_utc(NOON + 13 * 3600 + 1200, "test")  # 16:00 less 2.7 h
    await sun(rig, -300, 10)
    equal((da(rig), rig.planner.lane_report(rig.connectors[0])["why"]), (320, "a chosen time before the departure"))


async def test_without_prices_the_night_before_the_departure_is_kept_for_what_the_sun_leaves():
    rig = await unit()
    departure.keep(rig.files, 1, (SEVEN, 14000))
    rig.planner.replan()
    await begin(rig)
    await sun(rig, 0, 10)
    equal(da(rig), 0)
    clock.set_utc(NOON + 18 * 3600 + 600, "test")  # 6:10 in the morning of the next day, by the rule of country "none" 05:10
    await sun(rig, 0, 10)
    equal(da(rig), 320)


async def test_two_cars_share_the_surplus():
    rig = await unit(connectors=2)
    await begin(rig, 1)
    await begin(rig, 2)
    await sun(rig, 4600, 100)
    true(95 <= da(rig, 1) <= 105 and 95 <= da(rig, 2) <= 105, (da(rig, 1), da(rig, 2)))
    await sun(rig, 2000, 40)
    equal(da(rig, 2), 0)
    true(80 <= da(rig, 1) <= 90, da(rig, 1))


async def test_it_is_switched_on_and_off_at_once():
    rig = await unit("off")
    equal((rig.planner.house, rig.planner.solar), (None, None))
    await begin(rig)
    await rig.seconds(2)
    equal(da(rig), 320)
    rig.config.put("SolarMode", "surplus")
    rig.planner.use_house()
    await rig.seconds(2)
    equal(da(rig), 0)
    rig.config.put("SolarMode", "off")
    rig.planner.use_house()
    await rig.seconds(2)
    equal((da(rig), rig.planner.house), (320, None))
