# A bench for meter drivers: hand-driven time under charger.clock, and a load whose true figures are known.
import math

from charger import clock


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


class Mains(Load):
    """A load with a waveform: harmonics of the current as parts per thousand of its fundamental.

    v_mv, i_ma and p_mw are the true RMS values and the true real power of the waveform.
    """

    def __init__(self, volts=230, amps=10, pf_milli=1000, hertz_milli=50000, harmonics=()):
        self.harmonics = harmonics
        super().__init__(volts, amps, pf_milli, hertz_milli)

    def set(self, volts=230, amps=10, pf_milli=1000, hertz_milli=50000, phases=1):
        """amps is the fundamental, pf_milli its lagging cos phi (negative: export)."""
        super().set(volts, amps, pf_milli, hertz_milli, 1)
        self._v = volts * math.sqrt(2)
        self._i = amps * math.sqrt(2)
        self._omega = 2 * math.pi * hertz_milli / 1000
        self._phi = math.acos(pf_milli / 1000)
        whole = 1.0
        for _, part in self.harmonics:
            whole += part * part / 1e6
        self.i_ma[0] = int(amps * 1000 * math.sqrt(whole))

    def instant(self, seconds):
        """(volts, amperes) at a time."""
        angle = self._omega * seconds
        amps = math.sin(angle - self._phi)
        for order, part in self.harmonics:
            amps += part / 1000 * math.sin(order * (angle - self._phi) + order)
        return self._v * math.sin(angle), self._i * amps
