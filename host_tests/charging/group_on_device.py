"""Runs inside MicroPython: days of four chargers on one fuse, with the firmware's group, shares, limits; prints one JSON object.

    group_on_device.py FIRST DAYS SEED

Four cars come in the evening and leave in the morning. A car follows a lower offer as late as it may, after 5 s. Messages
are lost; units lose their power or hear each other no longer, some times a year. Time passes in seconds for a while after each
event and in minutes in between, in which nothing changes: cars, offers and the group stand still then.
"""

import json
import random
import sys

from group_rig import Site

DAY_S, SLOT_S, VOLTS, PRICE = 86400, 1800, 230, 2000
START = 1767571200  # 2026-01-05T00:00:00Z, a Monday
COUNT, FUSE_DA, PHASES = 4, 400, 3
CAR_DA = 160
FINE_S = 75  # seconds after an event: the group settles in 45, a car in 12
LEAVE_S = 7 * 3600 + 1800
CUTS, LOST = 150, 150  # events a year: a unit without power, units that do not hear each other
CUT_S = 900
NEVER = 1 << 62


class Chargers:
    def __init__(self, seed):
        random.seed(seed)
        self.site = Site(COUNT, FUSE_DA)
        self.site.loss = 0.02
        self.cars = [None] * COUNT  # sessions
        self.fine_s = FINE_S
        self.back_at = NEVER
        self.over_s = self.worst_over_s = self.worst_flips = 0
        self.before = [False] * COUNT
        self.flips = [0] * COUNT
        self.sessions = []
        for unit in self.site.units:
            unit.outlet.limits.set("car", CAR_DA)

    def come(self, n, now, wanted_wh, leave):
        self.site.units[n].outlet.plug()
        self.flips[n] = 0
        self.cars[n] = {"came": now, "leave": leave, "wanted_wh": wanted_wh, "wh": 0.0, "flips": 0, "cut": False, "slots": []}

    def go(self, n):
        car, self.cars[n] = self.cars[n], None
        car["flips"], car["wh"] = self.flips[n], int(car["wh"])
        self.worst_flips = max(self.worst_flips, self.flips[n])
        self.site.units[n].outlet.plug(False)
        self.sessions.append(json.dumps(car))  # one text of a whole year finds no free piece of the heap

    def restart(self, n):
        """The power comes back: its limits are new."""
        self.site.units[n].start()
        self.site.units[n].outlet.limits.set("car", CAR_DA)

    def step(self, now):
        """A minute, or a second after an event; the seconds that passed."""
        seconds = 60 - now % 60
        if self.fine_s > 0:
            seconds = 1
            self.fine_s -= 1
            self.site.second()
        total_da = sum([unit.outlet.drawn_da for unit in self.site.units])
        self.over_s = self.over_s + seconds if total_da > FUSE_DA else 0
        self.worst_over_s = max(self.worst_over_s, self.over_s)
        for n in range(COUNT):
            outlet = self.site.units[n].outlet
            flows = outlet.offered_da > 0
            self.flips[n] += flows != self.before[n]
            self.before[n] = flows
            if self.cars[n] is not None:
                self.charge(n, outlet, now, seconds)
        return seconds

    def charge(self, n, outlet, now, seconds):
        car = self.cars[n]
        slots, start = car["slots"], now - now % SLOT_S
        if not slots or slots[-1][0] != start:
            slots.append([start, PRICE, 0, 0, 0.0, 0.0, 0, 0])
        energy = VOLTS * PHASES * outlet.offered_da * seconds / 36000
        slot = slots[-1]
        slot[2] += seconds
        slot[6] += seconds
        slot[4] += energy
        slot[5] += energy * PRICE
        car["wh"] += energy
        if car["wh"] >= car["wanted_wh"] and outlet.plugged:
            outlet.plug(False)  # full: it asks for nothing more
            self.fine_s = FINE_S

    def happens(self, now):
        """A unit loses its power, or some do not hear each other, for a quarter of an hour: seldom, by the minute."""
        if random.random() < CUTS / 365 / 840:
            n = random.randrange(COUNT)
            self.site.units[n].stop()
            if self.cars[n] is not None:
                self.cars[n]["cut"] = True
            self.fine_s = FINE_S
        elif random.random() < LOST / 365 / 840:
            self.site.deaf = {(a, b) for a in range(COUNT) for b in range(COUNT) if random.random() < 0.4}
            for car in self.cars:
                if car is not None:
                    car["cut"] = True
            self.fine_s = FINE_S
        if self.fine_s == FINE_S:
            self.back_at = now + CUT_S
        elif now >= self.back_at:
            self.mend()

    def mend(self):
        """Power and network are back."""
        self.back_at = NEVER
        self.site.deaf = set()
        for n in range(COUNT):
            if self.site.units[n].group is None:
                self.restart(n)
        self.fine_s = FINE_S

    def day(self, number, seed):
        random.seed(seed * 1000 + number)
        for _ in range(20):
            random.random()
        begin = START + number * DAY_S
        leave = begin + DAY_S + LEAVE_S
        arrivals = sorted([(begin + random.randint(17, 20) * 3600 + random.randint(0, 3599), n) for n in range(COUNT)])
        now = arrivals[0][0]
        while now < leave:
            while arrivals and arrivals[0][0] <= now:
                _, n = arrivals.pop(0)
                self.come(n, now, random.randint(4, 40) * 1000, leave)
                self.fine_s = FINE_S
            if now % 60 == 0 and self.fine_s == 0:
                self.happens(now)
            now += self.step(now)
        for n in range(COUNT):
            self.go(n)
        self.mend()
        while self.fine_s:
            self.step(leave)


def main():
    """Play the days."""
    first, days, seed = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chargers = Chargers(seed)
    for number in range(first, first + days):
        chargers.day(number, seed)
    head = json.dumps({
        "case": "four on a fuse", "days": days, "delay_s": 0, "power_w": VOLTS * CAR_DA * PHASES // 10, "peak_wh": 0,
        "worst_over_s": chargers.worst_over_s, "worst_flips": chargers.worst_flips,
    })  # fmt: skip
    print("\x1e" + head[:-1] + ', "sessions": [')
    for n in range(len(chargers.sessions)):
        print(chargers.sessions[n] + ("," if n + 1 < len(chargers.sessions) else "]}"))


main()
