"""Runs inside MicroPython: days of a household with the firmware's planner in virtual time; prints one JSON object.

    year_on_device.py CASE FIRST DAYS SEED

Each day a car comes, wants energy and leaves at a known time. Outlet, car, house and sun are models of one line each; planner,
hours, departure, tariff, house supply, solar surplus, limits and configuration are the firmware's. Time passes in steps of a
minute, and of a second for a while after each event. Where the supply is watched, a reading tells of the second before, and the
car follows a second after the limit.
"""
import gc
import json
import random
import sys

from memory_files import MemoryFiles
from ocpp_rig import Meter, Outlet

from charger import clock
from charger.config.configuration import Configuration
from charger.grid import departure, random_delay, tariff
from charger.grid.countries import load
from charger.grid.planner import Planner
from charger.grid.time_zone import TimeZone
from charger.grid.weekly import WeeklyWindows, minute_of_week
from charger.runtime.cooperative import run_now
from sim import timebase

DAY_S, SLOT_S, VOLTS = 86400, 1800, 230
FLAT = 2000  # hundredths a kWh where there is no tariff
EXPORT = 500  # hundredths a kWh that the grid pays
LEAST_W = 1380  # of one phase at 6 A
FINE_S = 8  # steps of a second after an event
CASES = {  # country, phases, prices, sun (peak W), supply (A), outages a year
    "tariff": ("GB", 1, True, 0, 0, 12),
    "no delay": ("DE", 1, True, 0, 0, 12),
    "solar": ("GB", 1, True, 6000, 0, 12),
    "no tariff": ("GB", 1, False, 0, 0, 12),
    "small fuse": ("DE", 3, False, 0, 25, 4),
}


class SeededNumbers:
    """In the place of the hardware's random numbers, so that a seed gives the same year again; apart from those of the world."""

    def __init__(self, seed):
        self.state = seed + 1

    def urandom(self, count):
        drawn = bytearray(count)
        for n in range(count):
            self.state = self.state * 1103515245 + 12345 & 0x7FFFFFFF
            drawn[n] = self.state >> 16 & 0xFF
        return bytes(drawn)


class Session:
    def __init__(self, number, wh):
        self.local_id = number
        self.connector_id = 1
        self.start_utc = clock.utc_s()
        self.start_wh = wh
        self.max_w = 0


class Connector:
    """A connector as the planner sees it."""

    def __init__(self, phases):
        self.id = 1
        self.meter = Meter(phases)
        self.outlet = Outlet(1, self.meter.reading, phases)
        self.override = False
        self.meter.reading.i_ma = [0, 0, 0]


class Household:
    def __init__(self, case, seed):
        country, self.phases, self.priced, self.sun_w, self.supply_a, self.outages = CASES[case]
        self.seed = seed
        random_delay.os = SeededNumbers(seed)
        timebase.manual()
        self.files = MemoryFiles()
        self.utc = clock.utc_of(2026, 1, 5, 0)
        clock.set_utc(self.utc, "test")
        table = load(country)
        self.zone, self.peak = TimeZone(table.ZONE), WeeklyWindows(table.PEAK or "")
        self.hours = WeeklyWindows(table.HOURS or "")
        factory = {"Country": country, "HouseMaxCurrent": str(self.supply_a)}
        if self.sun_w:
            factory["SolarMode"] = "surplus"
            factory["SolarExportPrice"] = str(EXPORT // 100)
        self.config = Configuration(self.files, factory)
        self.connector = Connector(self.phases)
        self.prices = {}  # slot number: hundredths
        self.base_da = 20  # what the house takes a phase, 0.1 A
        self.cloud = 100
        self.timed_utc = 0
        self.mws = self.drawn_da = self.next_da = 0
        self.peak_mws = self.over_s = self.worst_over_s = self.flips = self.worst_flips = self.number = 0
        self.sessions = []
        self.start_unit()

    def start_unit(self):
        self.planner = Planner([self.connector], self.config, self.files, lambda *_: None)

    # --- the world ---

    def price(self, moment):
        """Seeded prices of half hours: cheap nights, dear evenings, some below zero."""
        slot = moment // SLOT_S
        if not self.priced:
            return FLAT
        if slot not in self.prices:
            hour = moment % DAY_S // 3600
            mean = 3400 if 16 <= hour < 19 else 1200 if hour < 6 else 2000
            self.prices[slot] = mean + random.randint(-900, 900) - (1600 if random.random() < 0.02 else 0)
        return self.prices[slot]

    def surplus_w(self):
        """The power of the sun less that of the house."""
        if not self.sun_w:
            return 0
        day = (self.utc // DAY_S - 20458) % 365
        length = 45000 + 15000 * (1 - abs(day - 170) / 91 if abs(day - 170) < 182 else -1)
        away = abs(self.utc % DAY_S - 43200)
        if away * 2 > length:
            return -self.base_da * VOLTS // 10
        strength = 1 - (away * 2 / length) ** 2
        return int(self.sun_w * strength * self.cloud / 100) - self.base_da * VOLTS // 10

    def amps_da(self):
        outlet = self.connector.outlet
        return min(outlet.limits.effective_da, 320 if self.phases == 1 else 160) if outlet.energised else 0

    def happens(self):
        """Something in the house is switched, or a cloud comes; about each quarter of an hour."""
        if random.random() < 1 / 15:
            self.base_da = random.choice((5, 10, 20, 40, 90, 150) if self.supply_a else (3, 5, 10, 20))
            self.cloud = random.choice((100, 90, 60, 30, 10))
            return True
        return False

    # --- time ---

    def step(self, seconds, slots):
        outlet = self.connector.outlet
        before = outlet.energised
        own_da = self.drawn_da if before else 0
        surplus_w = self.surplus_w()
        milliwatts = own_da * VOLTS * self.phases * 100
        timebase.advance(seconds * 1000)
        if slots is not None:
            self.charge(milliwatts, seconds, surplus_w, slots)
        self.utc += seconds
        reading = self.connector.meter.reading
        reading.stamp_ms = clock.ticks_ms()
        reading.i_ma = [own_da * 100] * 3
        reading.p_mw = [milliwatts, 0, 0]
        if self.supply_a or self.sun_w:
            self.planner.read_house((self.base_da + own_da,) * 3, milliwatts // 1000 - surplus_w)
        self.planner.second()
        while any(lane.work is not None for lane in self.planner.lanes):
            self.planner.work()
        self.flips += outlet.energised != before
        self.drawn_da, self.next_da = self.next_da if self.supply_a else self.amps_da(), self.amps_da()
        over = own_da > 0 and 0 < self.supply_a * 10 < self.base_da + own_da
        self.over_s = self.over_s + seconds if over else 0
        self.worst_over_s = max(self.worst_over_s, self.over_s)

    def charge(self, milliwatts, seconds, surplus_w, slots):
        """Count into the slot: [start, price, seconds allowed, Wh of the sun, Wh charged, cost, seconds,
        Wh of the sun at times in which it is enough for 6 A]."""
        start = self.utc - self.utc % SLOT_S
        if not slots or slots[-1][0] != start:
            slots.append([start, self.price(start), 0, 0.0, 0.0, 0.0, 0, 0.0])
        slot = slots[-1]
        minute = minute_of_week(self.utc + self.zone.offset_s(self.utc))
        if not self.hours.text or self.hours.contains(minute):
            slot[2] += seconds
        slot[6] += seconds
        energy = milliwatts * seconds / 3600000
        sun = max(0, surplus_w) * seconds / 3600
        slot[3] += sun
        slot[7] += sun if surplus_w >= LEAST_W * self.phases else 0
        slot[4] += energy
        slot[5] += max(0, energy - sun) * slot[1] + min(energy, sun) * EXPORT
        self.mws += milliwatts * seconds
        self.connector.meter.total_wh = 1000 + self.mws // 3600000
        late = (minute - 10) % 10080  # the random delay of an end may reach so far into the peak
        if self.peak.text and self.peak.contains(minute) and self.peak.contains(late) and self.utc >= self.timed_utc + 600:
            self.peak_mws += milliwatts * seconds
        session = self.planner.lanes[0].session
        session.max_w = max(session.max_w, milliwatts // 1000)

    def outage(self):
        """The power is away for some minutes; every other time the unit does not know the time for five more."""
        timebase.advance(300000)
        self.utc += 300
        session = self.planner.lanes[0].session
        clock._step_listeners.clear()
        self.connector.outlet.limits.__init__(320)
        self.start_unit()
        if random.random() < 0.5:
            clock._zero_s = None
            self.planner.session_started(session)
            for _ in range(5):
                self.step(60, None)
            self.timed_utc = self.utc  # and so may that of an end that the time brings
        clock.set_utc(self.utc, "test")
        if self.planner.lanes[0].session is None:
            self.planner.session_started(session)

    # --- a day ---

    def day(self, number):
        random.seed(self.seed * 1000 + number)  # each day is the same whatever the planner did the day before
        weekend = number % 7 >= 5
        begin = clock.utc_of(2026, 1, 5, 0) + number * DAY_S
        local_s = self.zone.offset_s(begin + 43200)
        hour = random.randint(9, 11) if weekend else random.randint(17, 20)
        arrive = begin + hour * 3600 + random.randint(0, 59) * 60 - local_s
        self.utc = max(self.utc, arrive)
        timebase.advance(1000)
        clock.set_utc(self.utc, "test")
        wanted_wh = random.randint(4, 30 if self.phases == 1 else 45) * 1000
        if self.priced or self.sun_w:
            departure.keep(self.files, 1, (450, wanted_wh))
            for half in (0, 1):
                start = begin + half * DAY_S
                tariff.add(self.files, self.utc, start, SLOT_S, [self.price(start + n * SLOT_S) for n in range(48)])
            run_now(self.planner.replan())
        leave = departure.next_departure(self.zone, 450, self.utc)
        self.session(wanted_wh, leave)

    def session(self, wanted_wh, leave):
        outlet = self.connector.outlet
        outlet.plugged = outlet.permit = outlet.ev_ready = True
        self.number += 1
        self.flips = 0
        slots, came = [], self.utc
        start_mws = self.mws
        self.planner.session_started(Session(self.number, self.connector.meter.total_wh))
        cut_s = came + random.randint(1, leave - came - 3600) if random.random() < self.outages / 365 else None
        fine_s, cut = 0, False
        while self.utc < leave:
            if cut_s is not None and self.utc >= cut_s:
                cut_s, cut = None, True
                self.outage()
            if fine_s <= 0 and self.happens():
                fine_s = FINE_S
            seconds = 1 if fine_s > 0 else min(60 - self.utc % 60, leave - self.utc)
            before_da = self.amps_da()
            self.step(seconds, slots)
            fine_s = FINE_S if self.supply_a and self.amps_da() != before_da else fine_s - seconds
            outlet.ev_ready = (self.mws - start_mws) // 3600000 < wanted_wh
        outlet.permit = outlet.plugged = False
        self.planner.session_ended(self.planner.lanes[0].session)
        self.worst_flips = max(self.worst_flips, self.flips)
        self.sessions.append({
            "came": came, "leave": leave, "wanted_wh": wanted_wh, "wh": (self.mws - start_mws) // 3600000,
            "flips": self.flips, "cut": cut, "slots": slots,
        })  # fmt: skip


def main():
    """Play the days."""
    case, first, days, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    gc.threshold(1 << 20)  # as on a board, often: what is kept would lie between 96 MB of garbage, and leave no room in one piece
    household = Household(case, seed)
    for number in range(first, first + days):
        household.day(number)
    print("\x1e" + json.dumps({
        "case": case, "days": days, "delay_s": household.planner.delay_most_s,
        "power_w": VOLTS * (320 if household.phases == 1 else 160) * household.phases // 10,
        "peak_wh": household.peak_mws // 3600000, "worst_over_s": household.worst_over_s,
        "worst_flips": household.worst_flips, "sessions": household.sessions,
    }))  # fmt: skip


main()
