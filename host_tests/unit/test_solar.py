"""Charging by the solar surplus, over a whole charge point and beside hours, plan and the back end."""

import random

from check import equal, true
from ocpp_rig import Rig
from profiles import profile
from thing import Thing

from charger import clock
from charger.grid import departure, planner, tariff
from charger.grid.random_delay import draw
from charger.grid.solar import SolarSurplus
from charger.metering.reading import Reading
from charger.runtime.cooperative import run_now
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


class Lane:
    """That of a session on an outlet."""

    def __init__(self, outlet):
        self.connector = Thing(outlet=outlet)
        self.session = Thing(local_id=1)
        self.solar_da = self.solar_phases = None

    def session_number(self):
        return self.session.local_id


class Phases:
    """A surplus alone with one session on an outlet of three phases, which it may switch."""

    def __init__(self, mode="surplus", switches=True):
        timebase.manual()
        reading = Reading(3)
        reading.valid = True
        self.outlet = Thing(phases=3, most_phases=3, switches_phases=switches, energised=False, reading=reading)
        self.lane = Lane(self.outlet)
        self.surplus = SolarSurplus([self.lane], 230)
        self.surplus.configure(mode, 1500)
        self.moves = []  # seconds at which the contactor has moved
        self.second = 0

    def run(self, watts, seconds):
        """For so long the sun leaves so much of the house; the car follows on the phases that are chosen."""
        for _ in range(seconds):
            timebase.advance(1000)
            self.second += 1
            self.outlet.reading.stamp_ms = clock.ticks_ms()
            self.surplus.take(-watts + self.outlet.reading.total_mw() // 1000)
            self.surplus.step(True)
            energised = bool(self.lane.solar_da)
            phases = self.lane.solar_phases or 3
            if energised != self.outlet.energised:
                self.moves.append(self.second)
            elif energised and phases != self.outlet.phases:
                self.moves += [self.second, self.second]
            self.outlet.energised, self.outlet.phases = energised, phases
            milliamps = self.lane.solar_da * 100
            for n in range(3):
                self.outlet.reading.i_ma[n] = milliamps if n < phases else 0
                self.outlet.reading.p_mw[n] = milliamps * 230 if n < phases else 0
        return self.lane.solar_phases, self.lane.solar_da


async def test_a_surplus_below_three_times_six_amperes_is_taken_on_one_phase_cp51():
    sun = Phases()
    equal(sun.run(2000, 50), (None, 0))
    equal(sun.run(2000, 30), (1, 86))
    equal(sun.run(6000, 1400)[0], 1, "25 minutes from the beginning")
    equal(sun.run(6000, 120), (3, 86))
    equal(sun.run(2000, 170)[0], 3, "5 minutes on")
    equal(sun.run(2000, 180), (1, 86))
    equal(sun.run(-300, 100)[1], 60, "the least while it holds on")
    equal(sun.run(-300, 240), (None, 0))
    fixed = Phases(switches=False)
    equal(fixed.run(2000, 400), (None, 0))
    equal(fixed.run(6000, 80), (None, 86))
    least = Phases("minimum")
    equal(least.run(-300, 10), (1, 60), "6 A cost a third of what they would on three phases")
    equal(least.run(6000, 310), (3, 86))


async def test_a_short_cloud_or_gleam_changes_no_phases():
    sun = Phases()
    sun.run(6000, 600)
    for _ in range(8):
        sun.run(2000, 110)
        sun.run(6000, 30)
    equal(len(sun.moves), 1)
    sun.run(2000, 200)
    for _ in range(8):
        sun.run(6000, 280)
        sun.run(2000, 30)
    equal((sun.lane.solar_phases, len(sun.moves)), (1, 3))


async def test_changes_of_phases_move_the_contactor_nine_times_an_hour_at_the_most():
    worst = 0
    for seed in range(12):
        random.seed(seed)
        sun = Phases()
        for _ in range(60):
            sun.run((-300, 2000, 6000)[random.getrandbits(8) % 3], 60 + random.getrandbits(16) % 400)
        for moment in sun.moves:
            worst = max(worst, len([other for other in sun.moves if 0 <= other - moment < 3600]))
    true(6 <= worst <= 9, worst)


async def test_a_car_of_one_phase_is_given_what_the_surplus_leaves_for_one():
    sun = Phases(switches=False)
    sun.run(6000, 80)
    sun.outlet.reading.i_ma[1:] = [0, 0]
    sun.outlet.reading.p_mw[1:] = [0, 0]
    for _ in range(9):
        sun.surplus.step(True)
    true(sun.lane.solar_da < 100, "a car that begins may look so for a moment")
    sun.surplus.step(True)
    true(sun.lane.solar_da > 180, sun.lane.solar_da)
    sun.lane.session.local_id += 1
    sun.outlet.energised = False
    sun.surplus.step(True)
    true(sun.lane.solar_da < 100, "another car")


async def test_all_phases_are_used_where_the_sun_does_not_decide_alone():
    rig = await unit(connectors=2, phases=3)
    for connector in rig.connectors:
        connector.outlet.switches_phases = True
        connector.outlet.reading.i_ma = [9000, 9000, 9000]
    connector = await begin(rig)
    await sun(rig, 2000, 80)
    equal(connector.outlet.phases_wanted, 1)
    rig.planner.override(connector, "owner")
    equal(connector.outlet.phases_wanted, 3)
    connector.override = False
    await sun(rig, 2000, 5)
    equal(connector.outlet.phases_wanted, 1)
    await begin(rig, 2)
    await sun(rig, 2000, 5)
    equal(connector.outlet.phases_wanted, 3, "two cars share the surplus on all phases")


def spans(sunny):
    """[on or off, seconds] of two hours of which sunny(second) tells the surplus of each reading."""
    timebase.manual()
    outlet = Thing(phases=1, most_phases=1, switches_phases=False, energised=False)
    surplus = SolarSurplus([Lane(outlet)], 230)
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
    run_now(rig.planner.replan())
    await begin(rig)
    await sun(rig, 4000, 100)
    true(150 < da(rig) < 180, "the sun, while the plan waits for the night")
    clock.set_utc(NOON + 13 * 3600 + 1200, "test")  # 16:00 less 2.7 h
    await sun(rig, -300, 10)
    equal((da(rig), rig.planner.lane_report(rig.connectors[0])["why"]), (320, "a chosen time before the departure"))


async def test_without_prices_the_night_before_the_departure_is_kept_for_what_the_sun_leaves():
    rig = await unit()
    departure.keep(rig.files, 1, (SEVEN, 14000))
    run_now(rig.planner.replan())
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
