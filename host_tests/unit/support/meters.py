# A bench for meter drivers: hand-driven time under charger.clock, and a load whose true figures are known.
import math

from check import equal, near, true

from charger import clock
from charger.drivers.meters import calibration


class Time:
    """Replaces the clock for one test: time stands still but for pass_ms() and what sleeps. Use start() and stop()."""

    def __init__(self):
        self.us = 0
        self._real = None

    def start(self):
        """Take over the clock, at zero."""
        self.us = 0
        self._real = (clock.ticks_ms, clock.ticks_us, clock.sleep_ms)
        clock.ticks_ms, clock.ticks_us, clock.sleep_ms = self.ms, self.read_us, self._sleep_ms

    def stop(self):
        """Give the clock back."""
        clock.ticks_ms, clock.ticks_us, clock.sleep_ms = self._real

    def ms(self):
        """Milliseconds now; also the `now` of chips."""
        return self.us // 1000

    def read_us(self):
        """Microseconds now."""
        return self.us

    def pass_ms(self, ms):
        """Let time go by."""
        self.us += ms * 1000

    async def _sleep_ms(self, ms):
        self.pass_ms(ms)


class Load:
    """A source for chips: steady RMS values a phase, changed with set()."""

    def __init__(self, volts=230, amps=10, pf_milli=1000, hertz_milli=50000, phases=1):
        self.v_mv = [0, 0, 0]
        self.i_ma = [0, 0, 0]
        self.p_mw = [0, 0, 0]
        self.f_mhz = 0
        self.set(volts, amps, pf_milli, hertz_milli, phases)

    def set(self, volts=230, amps=10, pf_milli=1000, hertz_milli=50000, phases=1):
        """Volts and amperes may be fractions; a negative power factor is export."""
        for n in range(3):
            self.v_mv[n] = int(volts * 1000) if n < phases else 0
            self.i_ma[n] = int(amps * 1000) if n < phases else 0
            self.p_mw[n] = self.v_mv[n] * self.i_ma[n] // 1000 * pf_milli // 1000
        self.f_mhz = hertz_milli

    def sample(self, now_ms):
        """The load is what it was set to."""


def run(coroutine):
    """Drive a coroutine that only sleeps on the bench's time."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


def polls(meter, time, ms, step=None):
    """Poll as the meter task does, for ms of bench time; energy is taken at the end and returned in mWh."""
    step = step or meter.poll_ms
    for _ in range(ms // step):
        time.pass_ms(step)
        meter.poll()
    return meter.reading.take_energy()


def check_figures(meter, load, ppm=5000):
    """Voltage, current and power of the first phase, within ppm of the load's."""
    r = meter.reading
    near(r.v_mv[0], load.v_mv[0], load.v_mv[0] * ppm // 1000000, "mV")
    near(r.i_ma[0], load.i_ma[0], load.i_ma[0] * ppm // 1000000, "mA")
    near(r.p_mw[0], load.p_mw[0], abs(load.p_mw[0]) * ppm // 1000000, "mW")


def dies_and_comes_back(meter, chip, time, back_ms):
    """A silent chip's last reading holds for a moment and is stale within two seconds; back again, it is valid (MET-1)."""
    polls(meter, time, 1000)
    chip.dead = True
    polls(meter, time, 600)
    true(meter.reading.valid)
    polls(meter, time, 1800)
    equal(meter.reading.valid, False)
    chip.dead = False
    polls(meter, time, back_ms)
    true(meter.reading.usable(), meter.reading.fault)


def bench_at_full_load(bench, time, ms):
    """(meter, chip, load) of bench(), at 32 A for so long, its energy taken."""
    meter, chip, load, _ = bench(seed=0, load=Load(amps=32))
    polls(meter, time, ms)
    meter.reading.take_energy()
    return meter, chip, load


def goes_invalid(meter, time, valid_ms, further_ms, fault):
    """The reading is still valid after the first span, and invalid for this reason after the second."""
    polls(meter, time, valid_ms)
    true(meter.reading.valid)
    polls(meter, time, further_ms)
    equal((meter.reading.valid, meter.reading.fault), (False, fault))


def brown_out_counts_nothing(meter, chip, time, ms):
    """The first poll after the chip lost its supply counts no energy."""
    chip.brown_out()
    time.pass_ms(ms)
    before = meter.reading.energy_mwh
    meter.poll()
    equal(meter.reading.energy_mwh, before)


def gives_no_energy_uncalibrated(meter, load, time):
    """Without calibration a reading is never valid and no energy counts; nominal gains are good enough for protection."""
    equal(polls(meter, time, 5000), 0)
    equal((meter.reading.valid, meter.reading.fault), (False, "not calibrated"))
    check_figures(meter, load, 60000)


class Mains(Load):
    """A load with a waveform. Harmonics are (order, per mille of the fundamental); the voltage's are in phase with it,
    the current's somewhere else.

    v_mv, i_ma and p_mw are the true RMS values and the true real power of the waveform. With several phases all carry
    the same; instant() gives the first.
    """

    def __init__(self, volts=230, amps=10, pf_milli=1000, hertz_milli=50000, phases=1):
        self.v_harmonics = ()
        self.i_harmonics = ()
        super().__init__(volts, amps, pf_milli, hertz_milli, phases)

    def distort(self, volts=(), amps=()):
        """Give voltage and current these harmonics; set() then keeps them."""
        self.v_harmonics = volts
        self.i_harmonics = amps

    def set(self, volts=230, amps=10, pf_milli=1000, hertz_milli=50000, phases=1):
        """volts and amps are the fundamentals, pf_milli their lagging cos phi (negative: export)."""
        super().set(volts, amps, pf_milli, hertz_milli, phases)
        self._v = volts * math.sqrt(2)
        self._i = amps * math.sqrt(2)
        self._omega = 2 * math.pi * hertz_milli / 1000
        self._phi = math.acos(pf_milli / 1000)
        for n in range(phases):
            self.v_mv[n] = int(volts * 1000 * self._whole(self.v_harmonics) + 0.5)
            self.i_ma[n] = int(amps * 1000 * self._whole(self.i_harmonics) + 0.5)
            self.p_mw[n] = int(self.skewed_mw(n, 0) + 0.5)

    @staticmethod
    def _whole(harmonics):
        squares = 1.0
        for _, part in harmonics:
            squares += part * part / 1e6
        return math.sqrt(squares)

    def skewed_mw(self, phase, skew_ns):
        """Real power when the current is seen late."""
        if not self.v_mv[phase]:
            return 0.0
        late = self._phi + self._omega * skew_ns * 1e-9
        share = math.cos(late)
        for order, part in self.i_harmonics:
            for other, v_part in self.v_harmonics:
                if order == other:
                    share += part * v_part / 1e6 * math.cos(order * late - order)
        return self._v * self._i / 2 * 1000 * share

    def instant(self, seconds):
        """(volts, amperes) at a time."""
        angle = self._omega * seconds
        volts = math.sin(angle)
        for order, part in self.v_harmonics:
            volts += part / 1000 * math.sin(order * angle)
        amps = math.sin(angle - self._phi)
        for order, part in self.i_harmonics:
            amps += part / 1000 * math.sin(order * (angle - self._phi) + order)
        return self._v * volts, self._i * amps


class Rig:
    """A test rig around one meter: what tools/two_point.py calibrates. build(calibration) makes the driver anew."""

    def __init__(self, time, load, kind, phases, build):
        self.time, self.load, self.kind, self.phases, self.build = time, load, kind, phases, build

    def measure(self, entry, seconds):
        """Averages over seconds, like the agent of tools/calibrate.py takes them."""
        meter = self.build(calibration.from_json(entry, self.kind, self.phases))
        run(meter.start())
        self.poll(meter, 3000)
        reading = meter.reading
        reading.take_energy()
        reading.take_export()
        sums = [[0] * 3, [0] * 3, [0] * 3]
        count = f_mhz = 0
        stamp = start = reading.stamp_ms
        end = self.time.ms() + seconds * 1000
        while self.time.ms() < end:
            self.poll(meter, 1)
            if reading.stamp_ms != stamp:
                stamp = reading.stamp_ms
                count += 1
                f_mhz += reading.f_mhz
                for total, values in zip(sums, (reading.v_mv, reading.i_ma, reading.p_mw)):
                    for n in range(3):
                        total[n] += values[n]
        v, i, p = [[total // count for total in totals][: self.phases] for totals in sums]
        energy = reading.take_energy() - reading.take_export()
        return {"v": v, "i": i, "p": p, "f_mhz": f_mhz // count, "energy_mwh": energy, "ms": stamp - start}

    def poll(self, meter, ms):
        """Poll at the driver's pace for ms of bench time."""
        end = self.time.ms() + ms
        while self.time.ms() < end:
            self.time.pass_ms(meter.poll_ms)
            meter.poll()

    def reference(self, point):
        """Set the load for a point of the procedure; the true figures."""
        amps = 0 if point == "none" else 10
        self.load.set(230, amps, 500 if point == "pf05" else 1000, phases=self.phases)
        return {"v": self.load.v_mv, "i": self.load.i_ma, "p": self.load.p_mw}
