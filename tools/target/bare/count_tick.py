"""The control tick, its guards and the pilot's sampling, on C types: what a board's own code costs without any world."""

import board
import counting
import measure
import micropython

from charger.metering.reading import Reading
from charger.outlet.outlet import Outlet
from charger.wiring import Parts

_TICK_MS = 20
# Node voltages of board.py's divider in uV: +12, +9, +6 and -12 V at the pilot. A period of 1 kHz has 22 conversions.
_PERIOD = 22


def _node_uv(wiring, pilot_mv):
    r1, r2, r3, rail = wiring["r1"], wiring["r2"], wiring["r3"], wiring["rail_mv"]
    gain_1024 = 1024 + r1 * 1024 // r2 + r1 * 1024 // r3
    return (pilot_mv + rail * r1 // r2) * 1024 // gain_1024 * 1000


class Bench:
    """One outlet whose pins are set by hand."""

    def __init__(self, number):
        self.now = 1000
        self.wiring = board.OUTLETS[number]
        self.wiring["late_ms"] = board.LATE_TICK_MS
        self.reading = Reading(1)
        self.idle_inputs()
        self.outlet = Outlet(number + 1, Parts(self.wiring, board.SHARED, self.reading), self.wiring)

    def idle_inputs(self):
        """No car, a warm unit, a meter that answers."""
        counting.clock(self.now)
        self.reading.valid = True
        self.reading.fault = ""
        self.reading.v_mv[0] = 230000
        self.reading.f_mhz = 50000
        self.pilot(12000)
        counting.wave(self.wiring["ntc"]["adc"], 1650000, 1650000, 1, 1)
        counting.wave(self.wiring["proximity"]["adc"], 3300000, 3300000, 1, 1)
        for pin in (self.wiring["rcd"]["trip"], self.wiring["fault_input"]["pin"], 90, 93, 94):
            counting.level(pin, 0)

    def pilot(self, high_mv, low_mv=None, high_samples=11):
        """The levels at the pilot's ADC: one, or two."""
        high = _node_uv(self.wiring["pilot"], high_mv)
        low = high if low_mv is None else _node_uv(self.wiring["pilot"], low_mv)
        counting.wave(self.wiring["pilot"]["adc"], high, low, high_samples, _PERIOD)

    def follow(self):
        """The contacts that the drivers' outputs move, and the RCD's answer to its test."""
        outlet = self.outlet
        counting.level(self.wiring["contactor"]["feedback"], outlet.contactor.commanded)
        counting.level(self.wiring["lock"]["feedback"], outlet.lock.commanded)
        counting.level(self.wiring["rcd"]["trip"], outlet.rcd._test.value())
        if outlet.pwm_on:
            self.pilot(6000, -12000, 1 + outlet.pilot.duty * _PERIOD // 65536)
        elif outlet.driving_f:
            self.pilot(-12000)

    def tick(self, times=1):
        """Let ticks pass, uncounted."""
        for _ in range(times):
            self.now += _TICK_MS
            counting.clock(self.now)
            self.reading.stamp_ms = self.now
            self.reading.publish()
            self.follow()
            self.outlet.tick(_TICK_MS)

    def count(self, name):
        """Count one tick, once the state is steady."""
        self.tick(3)
        self.now += _TICK_MS
        counting.clock(self.now)
        self.reading.stamp_ms = self.now
        self.reading.publish()
        self.follow()
        measure.begin()
        self.outlet.tick(_TICK_MS)
        measure.end(name)
        self.check_locked(name)

    def check_locked(self, name):
        """The same with the heap locked: say so when it allocates."""
        self.follow()
        micropython.heap_lock()
        try:
            self.outlet.tick(0)
            allocates = False
        except MemoryError:
            allocates = True
        while micropython.heap_unlock():
            pass
        print("allocates", name, int(allocates))

    def charge(self):
        """A car that asks, a permission, a closed contactor and a current."""
        self.outlet.permit = True
        counting.wave(self.wiring["proximity"]["adc"], 594000, 594000, 1, 1)  # 220 ohm: a cable for 32 A
        self.pilot(9000)
        self.tick(200)
        for _ in range(1000):
            if self.outlet.energised:
                self.reading.i_ma[0] = 16000
                self.reading.p_mw[0] = 3680000
                self.tick(300)
                return
            self.tick()
        raise RuntimeError("the outlet did not energise: %s, %s" % (self.outlet.pilot_name(), self.outlet.why_paused()))


def guards(bench):
    """The checks of each guard in a tick while charging."""
    for guard in bench.outlet.guards:
        name = "guard." + type(guard).__name__
        guard.is_present(bench.outlet)
        measure.begin()
        guard.is_present(bench.outlet)
        measure.end(name)


def main():
    """All states of one outlet."""
    bench = Bench(0)
    bench.tick(2000)
    bench.count("tick.idle")
    bench.charge()
    bench.count("tick.charging")
    bench.follow()
    measure.call("pilot.read.charging", bench.outlet.pilot.read)
    guards(bench)
    bench.outlet.limits.set("test", 60, 0)
    bench.tick(300)
    bench.count("tick.charging_6_A")
    bench.follow()
    measure.call("pilot.read.duty_10", bench.outlet.pilot.read)
    counting.level(bench.wiring["fault_input"]["pin"], 1)
    bench.tick(100)
    bench.count("tick.faulted")
    measure.call("pilot.read.steady", bench.outlet.pilot.read)


main()
