"""Worst error of each front end after the two-point procedure, over load, mains and harmonics (UK-20, MET-3).

Prints the table of docs/METERING.md and holds the document to it. The target is 1 % for the chips and 2 % for the
transformer on the ESP32's ADC; what is held here is a little above what was measured, so that a change for the worse shows.
"""

import sys

import fronts
import meters
from check import true

from charger.drivers.meters import calibration

sys.path.append("tools")
import two_point

HELD_PPM = {  # V, I, P, energy
    "ade7953_i2c": (1000, 2000, 2500, 1000),
    "ade7953_spi": (1000, 2000, 2500, 1000),
    "bl0942": (1500, 2500, 4500, 5000),
    "cse7766": (3000, 3500, 4500, 4500),
    "atm90e32": (1500, 2500, 1500, 1000),
    "ct_adc": (5000, 20000, 20000, 20000),
}
SEEDS = (3, 8)
CHARGER = ((3, 50), (5, 30))  # the current of a real car charger: 5 % third, 3 % fifth
SUPPLY = ((3, 10), (5, 15))  # and of a mains flattened by everybody's power supplies

time = meters.Time()
setup, teardown = time.start, time.stop


def points():
    """(volts, amperes, pf in mille, mHz, distorted)."""
    for hertz_milli in (49500, 50000, 50500):
        for amps in (6, 16, 32):
            for volts in (207, 230, 253):
                for pf_milli, distorted in ((1000, False), (500, False), (1000, True), (700, True)):
                    yield volts, amps, pf_milli, hertz_milli, distorted


def ppm(got, true_value):
    return abs(got - true_value) * 1000000 // abs(true_value)


class Bench:
    """One calibrated unit of a front end on its load."""

    def __init__(self, front, seed):
        phases = fronts.phases_of(front)
        self.load = meters.Mains(phases=phases)
        _, build = fronts.place(front, time, self.load, seed)
        self.rig = meters.Rig(time, self.load, fronts.kind_of(front), phases, build)
        entry = two_point.calibrate(self.rig, self.rig.kind, phases, self.rig.reference, lambda text: None)
        self.meter = build(calibration.from_json(entry, self.rig.kind, phases))
        meters.run(self.meter.start())
        self.rig.poll(self.meter, 2000)
        self.phases = phases
        self.worst = [0, 0, 0, 0]

    def apply(self, volts, amps, pf_milli, hertz_milli, distorted):
        """Put a point of the table on, and let the meter see it alone."""
        self.load.distort(SUPPLY if distorted else (), CHARGER if distorted else ())
        jump = hertz_milli != self.load.f_mhz  # no mains jumps like that: give the transformer's meter time to follow
        self.load.set(volts, amps, pf_milli, hertz_milli, self.phases)
        self.rig.poll(self.meter, 4000 if jump else 1000)

    def note(self, kind, got, wanted):
        self.worst[kind] = max(self.worst[kind], ppm(got, wanted))

    def figures(self):
        """Compare one reading, as it comes."""
        reading, load = self.meter.reading, self.load
        true(reading.usable(), reading.fault)
        for n in range(self.phases):
            self.note(0, reading.v_mv[n], load.v_mv[n])
            self.note(1, reading.i_ma[n], load.i_ma[n])
            self.note(2, reading.p_mw[n], load.p_mw[n])

    def energy(self, seconds):
        """Compare the energy of a time that is measured from reading to reading."""
        reading = self.meter.reading
        reading.take_energy()
        start = reading.stamp_ms
        self.rig.poll(self.meter, seconds * 1000)
        total = sum(self.load.p_mw[: self.phases])
        self.note(3, reading.take_energy(), total * (reading.stamp_ms - start) // 3600000)


def measure(front):
    """The worst errors of a front end, ppm."""
    worst = [0, 0, 0, 0]
    sampled = front == "ct_adc"  # every sample of it is worked out: slow, and slower still with 32-bit floats
    for seed in SEEDS[:1] if sampled else SEEDS:
        bench = Bench(front, seed)
        for number, point in enumerate(points()):
            if sampled and sys.maxsize < 1 << 32 and number % 5:
                continue
            bench.apply(*point)
            bench.figures()
        for amps, pf_milli in ((6, 500), (16, 1000), (32, 1000)):
            bench.apply(230, amps, pf_milli, 50000, False)
            bench.energy({"bl0942": 300, "ct_adc": 20}.get(front, 60))
        worst = [max(pair) for pair in zip(worst, bench.worst)]
    return worst


def documented(front):
    """The row of a front end in the document, ppm: (worst V, I, P, energy; what is held of each)."""
    with open("docs/METERING.md") as file:
        for line in file:
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) == 8 and "`%s`" % front in cells[1].split(", ") and cells[2].endswith("%"):
                return [_ppm(cell) for cell in cells[2:6]], [_ppm(part) for part in cells[6].split(",")]
    raise AssertionError("no row for " + front)


def _ppm(text):
    return int(float(text.replace("%", "").strip()) * 10000 + 0.5)


def hold(front):
    worst = measure(front)
    print("| %s | %s |" % (front, " | ".join(["%d.%02d %%" % (e // 10000, e // 100 % 100) for e in worst])))
    said, held = documented(front)
    true(tuple(held) == HELD_PPM[front], "the document says that %r is held" % held)
    for error, worst_said in zip(worst, said):  # no worse than it says; what is seldom better than it says is no lie
        true(error // 100 * 100 <= worst_said <= error * 5 // 4 + 400, "%r ppm; the document says %r" % (worst, said))
    for error, held in zip(worst, HELD_PPM[front]):
        true(error <= held, "%s: %r ppm of V, I, P, energy; held %r" % (front, worst, HELD_PPM[front]))
    true(max(HELD_PPM[front]) <= (20000 if front == "ct_adc" else 10000))


def test_ade7953_i2c():
    hold("ade7953_i2c")


def test_ade7953_spi():
    hold("ade7953_spi")


def test_bl0942():
    hold("bl0942")


def test_cse7766():
    hold("cse7766")


def test_atm90e32():
    hold("atm90e32")


def test_ct_adc():
    hold("ct_adc")
