"""Current transformer, voltage divider and the ESP32's ADC: samples of a waveform with every flaw that they add.

Flaws: ratio errors, the transformer's lead, a bias off the middle, noise, 1 mV steps, curvature, clipping.
"""

import math

from sim.chips.unit import Noise, Unit, factory_entry

V_RATIO, I_RATIO = 350.0, 60.606  # mains mV and mA a mV at the ADC, unless the board says otherwise
_LOW_MV, _HIGH_MV = 142, 3120
_SWING_MV = 1200.0
_DEAD_MV = 80


class _Channel:
    """machine.ADC for the driver; each reading takes its time."""

    def __init__(self, front, read):
        self._front = front
        self._read = read
        self._held_uv = 0

    def read_uv(self) -> int:
        """One conversion, in the port's steps of 1 mV."""
        uv = self._front.convert(self._read) * 1000
        if not self._front.frozen:
            self._held_uv = uv
        return self._held_uv


class CtFrontEnd:
    """Channels `v` and `i` of one unit; source.instant(seconds) gives (volts, amperes) of the mains.

    spend(us)   lets time pass while the ADC converts
    dead        set it, and the bias has no supply: both channels lie at the ground
    frozen      set it, and each channel stays where it was
    ratios      mains mV and mA a mV at the ADC
    now_us      the driver's microseconds, which may wrap; instants are counted on from them
    """

    def __init__(self, source, now_us, spend, seed: int = 1, convert_us: int = 45, noise_mv: float = 3.0,
                 ratios: "tuple[float, float]" = (V_RATIO, I_RATIO)):
        self._source = source
        self._v_ratio, self._i_ratio = ratios
        self._now_us = now_us
        self._spend = spend
        self._noise = Noise(seed + 77)
        self.unit = Unit(seed, skew_ns=0, energy_spread=0.0)
        # A clamp-on transformer leads by 1 to 3 degrees (MET-52): the current is seen early
        self.unit.skew_ns = -int(55556 * (2.0 + self._noise.uniform())) if seed else 0
        self.turned = False
        self.dead = self.frozen = False
        self.v_bias = 1650.0 + (40.0 * self._noise.uniform() if seed else 0.0)
        self.i_bias = 1650.0 + (40.0 * self._noise.uniform() if seed else 0.0)
        self._convert_us = convert_us
        self._noise_mv = noise_mv
        self._bend = 1.0 if seed else 0.0
        self.v = _Channel(self, self._voltage)
        self.i = _Channel(self, self._current)

    def factory(self) -> dict:
        """The calibration.json entry with the ideal gains; the real one comes from the two-point procedure."""
        self.unit.sign = -1 if self.turned else 1
        entry = factory_entry("ct_adc", [self.unit])
        entry["floor_ma"] = [int(self._noise_mv * self._i_ratio * 1.1)]
        return entry

    def advance(self):
        """Nothing is counted here: what is not sampled is not seen."""

    def convert(self, read) -> int:
        """One sample in mV."""
        self._spend(self._convert_us + int(2 * self._noise.uniform()))
        mv = read(self._now_us() / 1e6) + self._noise_mv * self._noise.normal()
        if self.dead:
            return _DEAD_MV
        u = (mv - 1650.0) / _SWING_MV
        mv += self._bend * (8.0 * (u * u * u - u) + 2.0 * math.sin(18.8 * u) + 4.0 * u * u)
        return int(min(_HIGH_MV, max(_LOW_MV, mv)))

    def _voltage(self, seconds: float) -> float:
        return self.v_bias + self._source.instant(seconds)[0] * 1000.0 / self._v_ratio * self.unit.v

    def _current(self, seconds: float) -> float:
        amps = self._source.instant(seconds - self.unit.skew_ns * 1e-9)[1]
        return self.i_bias + (-amps if self.turned else amps) * 1000.0 / self._i_ratio * self.unit.i


def fit(place):
    """Wire one, with the ratios of the board's data."""
    options = place.options
    ratios = (options.get("v_ratio", 350000) / 1000, options.get("i_ratio", 60606) / 1000)
    return place.adc(lambda wave, us, convert, conversion_us: CtFrontEnd(
        wave, us, convert, place.seed, conversion_us, ratios=ratios))
