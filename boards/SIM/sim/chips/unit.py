"""The imperfect copy of a part that a real unit has: ratio errors, a late current, noise. Same seed, same unit."""

import math


class Noise:
    """Small deterministic random numbers, cheap enough to draw for every sample."""

    def __init__(self, seed: int):
        self._state = (seed * 2654435761 + 12345) & 0x7FFFFFFF

    def uniform(self) -> float:
        """Even over -1 to 1."""
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 7) / 0x800000 - 1.0

    def normal(self) -> float:
        """About normal, deviation 1 (sum of four)."""
        return (self.uniform() + self.uniform() + self.uniform() + self.uniform()) * 0.8660254


class Unit:
    """Errors of one channel of one unit: v, i, e as factors, skew_ns how late the current is seen, wiring sign.

    seed 0 is a perfect unit. spread is the largest ratio error, skew_ns the largest lateness.
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
        """What a perfect calibration of this channel finds, as fields of one phase of the stored entry."""
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

    A chip sets KIND, its name in calibration.json, and gives _power_up(). `dead`: set it, and nothing answers any more.
    `frozen`: set it, and what is measured stays as it was last sent.
    """

    KIND = ""

    def __init__(self, source, seed: int, now):
        self._source = source
        self._now = now
        self._noise = Noise(seed + 77)
        self.unit = Unit(seed, skew_ns=3000)  # a shunt and a divider: hardly late
        self.dead = self.frozen = False
        self._held = None  # what was sent last
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
        """Set the energy count, to see it wrap."""
        self._count = float(count)


def skewed_mw(source, phase: int, skew_ns: float) -> float:
    """Real power that a meter finds in one phase when it sees the current skew_ns late.

    A source that knows its waveform says so itself (skewed_mw); of any other, the load is taken as lagging.
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
