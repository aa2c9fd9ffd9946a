"""Measuring errors of a single unit: ratio errors, a delay of the current, noise. The same seed gives the same unit."""

import math


class Noise:
    """Deterministic random numbers, fast enough for every sample."""

    def __init__(self, seed: int):
        self._state = (seed * 2654435761 + 12345) & 0x7FFFFFFF

    def uniform(self) -> float:
        """Uniform from -1 to 1."""
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 7) / 0x800000 - 1.0

    def normal(self) -> float:
        """Approximately normal with a deviation of 1 (sum of four)."""
        return (self.uniform() + self.uniform() + self.uniform() + self.uniform()) * 0.8660254


class Unit:
    """Errors of one channel of one unit: factors v, i, e; skew_ns, the delay of the current; sign of the wiring.

    seed 0 is a unit without errors. spread is the largest ratio error, skew_ns the largest delay.
    """

    def __init__(self, seed: int, spread: float = 0.02, skew_ns: int = 30000, energy_spread: float = 0.005):
        noise = Noise(seed)
        scale = 1.0 if seed else 0.0
        self.v = 1.0 + scale * spread * noise.uniform()
        self.i = 1.0 + scale * spread * noise.uniform()
        self.e = 1.0 + scale * energy_spread * noise.uniform()
        self.skew_ns = int(scale * skew_ns * noise.uniform())
        self.sign = 1

    def factory(self) -> dict:
        """Result of a calibration of this channel without errors, as fields of one phase of the stored entry."""
        return {
            "v": int(1000000 / self.v + 0.5),
            "i": int(1000000 / self.i + 0.5),
            "p": 1000000,
            "e": int(1000000 / self.e + 0.5),
            "skew_ns": self.skew_ns,
            "sign": self.sign,
            "floor_ma": 0,
        }


class UARTChip:
    """Base of a one-phase meter chip on a UARTWire that cannot shift phases, measuring phase 0 of the source.

    A chip sets KIND, its name in calibration.json, and has _power_up(). `dead`: the chip no longer answers.
    `frozen`: measured values stay as they were sent last.
    """

    KIND = ""

    def __init__(self, source, seed: int, now):
        self._source = source
        self._now = now
        self._noise = Noise(seed + 77)
        self.unit = Unit(seed, skew_ns=3000)  # a shunt and a divider: little delay
        self.dead = self.frozen = False
        self._held = None  # values sent last
        self._wire = None
        self._count = 0.0

    def attach(self, wire):
        """Connect the line that the chip sends on."""
        self._wire = wire

    def factory(self) -> dict:
        """The calibration.json entry of this unit."""
        entry = factory_entry(self.KIND, [self.unit])
        entry["skew_ns"] = [0]
        return entry

    def brown_out(self):
        """Lose settings and counts."""
        self._power_up()

    def preset_count(self, count: int):
        """Set the energy count, for tests of its wrap."""
        self._count = float(count)


def skewed_mw(source, phase: int, skew_ns: float) -> float:
    """Real power that a meter measures in one phase with the current delayed by skew_ns.

    A source with a known waveform has skewed_mw(); for any other the load counts as lagging.
    """
    if hasattr(source, "skewed_mw"):
        return source.skewed_mw(phase, skew_ns)
    p_mw = source.p_mw[phase]
    s_mw = source.v_mv[phase] * source.i_ma[phase] / 1000.0
    q_mw = math.sqrt(max(0.0, s_mw * s_mw - float(p_mw) * p_mw))
    angle = skew_ns * 1e-9 * 2.0 * math.pi * source.f_mhz / 1000.0
    return p_mw * math.cos(angle) - q_mw * math.sin(angle)


def factory_entry(kind: str, units: list) -> dict:
    """The calibration.json entry of one meter whose phases are these units."""
    entry = {"kind": kind}
    for unit in units:
        for field, value in unit.factory().items():
            entry.setdefault(field, []).append(value)
    return entry
