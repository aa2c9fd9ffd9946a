"""Resistors, diodes and dividers of the board, as integer arithmetic that allocates nothing (CP-1 to CP-4).

Every part has its own value within tolerance, chosen by the seed, as on a real unit.
"""

import math

_AMBIENT_TABLE_FROM_DC = -400
_AMBIENT_TABLE_STEP_DC = 50
_NTC_R25 = 10000
_NTC_B = 3950
_NTC_PULLUP = 10000
RAIL_MV = 3300


class Random:
    """Small repeatable random numbers for tolerances and reaction times."""

    def __init__(self, seed):
        self._state = (seed * 7919 + 12345) & 0x7FFFFF

    def between(self, low, high):
        """An integer from low to high, both included."""
        for _ in range(3):
            self._state = (self._state * 109 + 1021) & 0x7FFFFF
        return low + (self._state >> 5) % (high - low + 1)


class PilotCircuit:
    """Generator, 1 kohm, board divider and ADC of one pilot. Values may be changed, then call changed().

    plus_mv, minus_mv  open-circuit levels of the generator (CP-1)
    source_ohm         series resistor (CP-1)
    diode_mv           forward voltage of the car's diode (CP-3)
    short_ohm          resistance across the pilot, 0 for none
    drift_mv           both levels shrink by so much for each 10 K above 25 degC, and grow below; warm() sets it
    """

    def __init__(self, random, r1, r2, r3, rail_mv=RAIL_MV):
        self.plus_mv = 12000 + random.between(-200, 200)
        self.minus_mv = -12000 - random.between(-200, 200)
        self.source_ohm = 1000 + random.between(-15, 15)
        self.diode_mv = 700 + random.between(-50, 50)
        self.short_ohm = 0
        self.drift_mv = self._shrunk_mv = 0
        self._board(r1, r2, r3, rail_mv)
        self.high_uv = 0
        self.low_uv = 0

    def _board(self, r1, r2, r3, rail_mv):
        """Precompute the divider: the node's microvolts per pilot millivolt, and its load on the pilot."""
        total = 1 / r1 + 1 / r2 + 1 / r3
        self._gain_512 = int(1000 / r1 / total * 512 + 0.5)
        self._zero_uv = int(rail_mv * 1000 / r2 / total + 0.5)
        self._load_mv = rail_mv * r3 // (r2 + r3)
        self._load_g = 10000000 // (r1 + r2 * r3 // (r2 + r3))  # conductances in 0.1 uS

    def _pilot_mv(self, generator_mv, load_ohm, diode):
        """Voltage at the connector for one level of the generator; load_ohm 0 is no car."""
        g = 10000000 // self.source_ohm
        current = generator_mv * g + self._load_mv * self._load_g
        g += self._load_g
        if self.short_ohm:
            g += 10000000 // self.short_ohm
        drop_mv = self.diode_mv if diode else 0
        if load_ohm and (not diode or current // g > drop_mv):
            g_load = 10000000 // load_ohm
            current += drop_mv * g_load
            g += g_load
        return current // g

    def solve(self, load_ohm, diode):
        """Work out both plateaus at the ADC for a car's resistance; 0 is no car."""
        self.high_uv = self._node_uv(self._pilot_mv(self.plus_mv - self._shrunk_mv, load_ohm, diode))
        self.low_uv = self._node_uv(self._pilot_mv(self.minus_mv + self._shrunk_mv, load_ohm, diode))

    def warm(self, temperature_mc):
        """The generator has this temperature, 0.001 degC; solve() follows."""
        self._shrunk_mv = self.drift_mv * (temperature_mc - 25000) // 10000

    def at_adc_uv(self, pilot_mv):
        """A difference of voltages at the pilot as one at the ADC."""
        return pilot_mv * self._gain_512 >> 9

    def level_uv(self, pilot_mv):
        """A voltage at the pilot as the one at the ADC."""
        return self._node_uv(pilot_mv)

    def _node_uv(self, mv):
        return self._zero_uv + (mv * self._gain_512 >> 9)


def divider_uv(ohm, pullup, rail_mv=RAIL_MV):
    """Voltage across a resistance that a pull-up feeds; None is an open circuit."""
    if ohm is None:
        return rail_mv * 1000
    return rail_mv * ohm // (ohm + pullup) * 1000


def _ntc_table():
    table = []
    for n in range(39):
        kelvin = (_AMBIENT_TABLE_FROM_DC + n * _AMBIENT_TABLE_STEP_DC) / 10 + 273.15
        ohm = _NTC_R25 * math.exp(_NTC_B * (1 / kelvin - 1 / 298.15))
        table.append(int(RAIL_MV * 1000 * ohm / (ohm + _NTC_PULLUP)))
    return tuple(table)


_NTC_UV = _ntc_table()


def ntc_uv(temperature_mc):
    """Voltage across the thermistor at a temperature in 0.001 degC, -40 to 150 degC."""
    at = max(0, min(temperature_mc // 100 - _AMBIENT_TABLE_FROM_DC, 1899))
    n = at // _AMBIENT_TABLE_STEP_DC
    return _NTC_UV[n] + (_NTC_UV[n + 1] - _NTC_UV[n]) * (at % _AMBIENT_TABLE_STEP_DC) // _AMBIENT_TABLE_STEP_DC
