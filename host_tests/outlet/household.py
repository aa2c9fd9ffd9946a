"""Runs inside MicroPython: nights of a household with its car, its grid and its contactor; prints one JSON object.

    household.py SCENARIO NIGHTS MINUTES SEED

Each night a car comes that wants energy, and leaves. What happens to it is drawn from the seed. The truth of what the unit tells
is judged on the world's side of the pins.
"""

import json
import random
import sys

from rig import Rig

from charger.outlet.mains_sag import MainsSag
from sim import ev, timebase

TICK_MS = 100  # the longest that is not late: a night has fewer of them
JOBS_EACH = 2  # ticks between two runs of the loop's jobs
BAD_GRID, SLEEPY_CAR, WORN_CONTACTOR = "bad grid", "sleepy car", "worn contactor"
SCENARIOS = {
    "nominal": (), BAD_GRID: (BAD_GRID,), SLEEPY_CAR: (SLEEPY_CAR,), WORN_CONTACTOR: (WORN_CONTACTOR,),
    "all of them": (BAD_GRID, SLEEPY_CAR, WORN_CONTACTOR),
}
TRUE_FOR_MS = 15000  # so long after its cause a fault may still be told for the first time


class Household:
    """The world, what it does to the unit, and what is counted."""

    def __init__(self, ills, seed):
        random.seed(seed)
        self.ills = ills
        self.rig = Rig(seed=seed)
        self.side = self.rig.side
        self.idle_mv, self.mohm = 230000, 0
        self.sag_until_ms = self.sag_mv = 0
        self.s2_until_ms = None
        self.now_ms = 0
        self.wanted_mwms = 0
        self.limit_da = 320
        self.count = {"openings": 0, "hot": 0, "restarts": 0, "cut": 0, "faults": 0, "false": 0, "untold": 0}
        self.told = {}
        self.causes_ms = {}  # OCPP code: when its cause was there last
        self.closed, self.last_ma, self.last_fault = False, 0, None
        self.ticks = self.failed_ms = 0
        self.tick_ms = TICK_MS
        self.start_unit()

    def start_unit(self):
        self.rig.outlet.wake_up = True
        self.jobs = MainsSag(self.rig.outlet)
        self.last_fault = None

    def has(self, ill):
        return ill in self.ills

    def chance(self, seconds):
        """True about once in so many seconds."""
        return random.random() * seconds * 1000 < TICK_MS

    # --- one night ---

    def night(self, minutes):
        side = self.side
        full_mwh = side.delivered_mwh + random.randint(40, 120) * minutes * 1000  # 2.4 to 7.2 kW of mean
        if self.has(BAD_GRID):
            self.idle_mv = random.randint(187, 226) * 1000
            self.mohm = random.randint(150, 500)
        if self.has(SLEEPY_CAR):
            side.ev.sleep_ms = 45000
            side.ev.stop_ms = random.randint(400, 2800)
        side.plug(ev.ASKING)
        if self.has(SLEEPY_CAR):
            self.run(60)  # nobody is authorised yet, and it falls asleep
        self.rig.outlet.permit = True
        self.run(minutes * 60, full_mwh)
        self.rig.outlet.permit = False
        self.run(10)
        self.heal()
        side.plug(ev.ABSENT)
        self.tick_ms = 20  # the debounce counts ticks
        self.run(2)
        self.tick_ms = TICK_MS
        self.run(8)
        self.rig.outlet.acknowledge()
        self.run(5)
        self.sleep_over(14 * 3600)

    def heal(self):
        """The owner, or an electrician, puts the contactor right; the grid recovers."""
        contactor = self.side.contactor
        contactor.welded = contactor.stuck = False
        self.sag_until_ms = 0

    def sleep_over(self, seconds):
        """The day: no car, nothing to look at but the clock."""
        timebase.advance(seconds * 1000)
        self.side.sync()
        self.now_ms += seconds * 1000
        for _ in range(40):
            self.rig.tick(20)

    def run(self, seconds, until_mwh=None):
        side = self.side
        for _ in range(seconds * 1000 // self.tick_ms):
            if until_mwh is not None and side.delivered_mwh >= until_mwh:
                if side.ev.want == ev.ASKING:
                    side.plug(ev.IDLE)  # full
                until_mwh = None
            elif until_mwh is not None:
                self.happens()
                if side.ev.want == ev.ASKING:
                    self.wanted_mwms += self.limit_da * self.idle_mv // 10000 * TICK_MS
            self.supply()
            self.rig.tick(self.tick_ms)
            self.now_ms += self.tick_ms
            self.ticks += 1
            if self.ticks % JOBS_EACH == 0:
                self.jobs.step()
            self.look()

    # --- what happens ---

    def happens(self):
        side, outlet = self.side, self.rig.outlet
        if self.chance(500):
            self.limit_da = random.choice((60, 100, 160, 240, 320))
            outlet.limits.set("csms", self.limit_da)
        if self.has(BAD_GRID):
            if self.chance(400):
                self.sag_mv = random.randint(140, 178) * 1000
                self.sag_until_ms = self.now_ms + random.randint(100, 4000)
            elif self.chance(2400):
                self.restart()
        if self.has(SLEEPY_CAR):
            if self.s2_until_ms is None and side.ev.want == ev.ASKING and self.chance(240):
                side.plug(ev.IDLE)
                self.s2_until_ms = self.now_ms + random.choice((500, 1000, 2000, 60000))
            elif self.s2_until_ms is not None and self.now_ms >= self.s2_until_ms:
                side.plug(ev.ASKING)
                self.s2_until_ms = None
        if self.has(WORN_CONTACTOR):
            contactor = side.contactor
            contactor.close_ms, contactor.open_ms = random.choice(((15, 10), (25, 15), (29, 19)))
            if not contactor.closed and not contactor.stuck and self.chance(200):
                contactor.stuck = True
            elif contactor.closed and not contactor.welded and self.chance(2500):
                contactor.welded = True

    def restart(self):
        """The power is away for some seconds; the car stays."""
        self.count["restarts"] += 1
        outlet = self.rig.outlet
        permit = outlet.permit
        side = self.side
        side.sync()
        if side.contactor.closed:  # the coil lets go with the supply: an opening that nobody asked for, under what still flows
            self.count["openings"] += 1
            if side.ev.i_ma > 1000 and side.ev.s2:
                self.count["cut"] += 1
        outlet.emergency_open()
        timebase.advance(random.randint(2000, 60000))
        side.sync()
        self.closed = side.contactor.closed
        self.rig.restart()
        self.start_unit()
        self.rig.outlet.permit = permit

    def supply(self):
        side = self.side
        mv = self.sag_mv if self.now_ms < self.sag_until_ms else self.idle_mv
        if side.contactor.closed:
            mv -= side.ev.i_ma * self.mohm // 1000
        side.volts_mv = mv

    # --- what is seen and told ---

    def look(self):
        side, outlet = self.side, self.rig.outlet
        side.sync()
        closed = side.contactor.closed
        if self.closed and not closed:
            self.count["openings"] += 1
            if self.last_ma > 1000 and side.ev.s2:
                self.count["hot"] += 1
        self.closed, self.last_ma = closed, side.ev.i_ma
        if side.volts_mv < 180000:
            self.causes_ms["UnderVoltage"] = self.now_ms
        if side.contactor.stuck or side.contactor.welded:
            self.causes_ms["PowerSwitchFailure"] = self.now_ms
        fault = outlet.fault
        if fault is not None and fault is not self.last_fault:
            self.count["faults"] += 1
            self.told[fault.INFO] = self.told.get(fault.INFO, 0) + 1
            if self.now_ms - self.causes_ms.get(fault.CODE, -1000000) > TRUE_FOR_MS:
                self.count["false"] += 1
                print("told without cause: %s, %s, pilot %s" % (fault.CODE, fault.INFO, outlet.pilot_name()))
        self.last_fault = fault
        self.owed(side.contactor, outlet)

    def owed(self, contactor, outlet):
        """A contactor that has failed for two seconds is told."""
        failed = (contactor.welded and not outlet.contactor.commanded) or (contactor.stuck and outlet.contactor.commanded)
        self.failed_ms = self.failed_ms + TICK_MS if failed else 0
        if self.failed_ms == 2000 and (outlet.fault is None or outlet.fault.CODE != "PowerSwitchFailure"):
            self.count["untold"] += 1

    def report(self):
        switch = self.rig.outlet.switch
        count = dict(self.count)
        count.update({
            "wanted_wh": self.wanted_mwms // 3600000, "delivered_wh": self.side.delivered_mwh // 1000, "told": self.told,
            "by_unit": [switch.openings, switch.hot_openings],
        })  # fmt: skip
        return count


def main():
    """Play the nights."""
    scenario, nights, minutes, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    household = Household(SCENARIOS[scenario], seed)
    for _ in range(nights):
        household.night(minutes)
    print("\x1e" + json.dumps(household.report()))


if __name__ == "__main__":
    main()
