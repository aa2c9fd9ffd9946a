"""Wrong measurements of a meter chip in whole frames: an offset without load, figures that no load makes."""

import utime

from sim import timebase

ABSURD = ("power", "voltage", "current")
_ABSURD_MV, _ABSURD_MA = 900000, 400000


class MeterFlaws:
    """`offset_ma`, `offset_mw`: measured in the first phase although nothing flows. absurd() makes one quantity impossible."""

    def __init__(self):
        self.offset_ma = self.offset_mw = 0
        self._absurd = None
        self._until_ms = 0

    def absurd(self, what, ms):
        """For ms the chip finds three times the power, 900 V or 400 A."""
        self._absurd = what
        self._until_ms = utime.ticks_add(timebase.ticks_ms(), ms)

    def apply(self, outlet):
        """Change the truth of outlet.v_mv, i_ma and p_mw into what the chip finds."""
        if not outlet.i_ma[0]:
            outlet.i_ma[0] = self.offset_ma
            outlet.p_mw[0] = self.offset_mw
        if self._absurd is None:
            return
        if utime.ticks_diff(self._until_ms, timebase.ticks_ms()) <= 0:
            self._absurd = None
        elif self._absurd == "power":
            outlet.p_mw[0] = 3 * max(outlet.p_mw[0], 100000)
        elif self._absurd == "voltage":
            outlet.v_mv[0] = _ABSURD_MV
        else:
            outlet.i_ma[0] = _ABSURD_MA
