"""machine of the unit on the rig: I2C with a meter chip, and a watchdog that wants to be fed."""

import json
import os
import time

from sim.chips.ade7953 import ADE7953Chip
from sim.chips.wires import I2CWire

_FED_MS = 8000


class Rig:
    """The reference source on the conductor: BENCH_RIG names a file with [volts, amperes, watts, hertz]."""

    def __init__(self):
        with open(os.getenv("BENCH_RIG")) as file:
            volts, amperes, watts, hertz = json.load(file)
        self.v_mv = [int(volts * 1000), 0, 0]
        self.i_ma = [int(amperes * 1000), 0, 0]
        self.p_mw = [int(watts * 1000), 0, 0]
        self.f_mhz = int(hertz * 1000)

    def sample(self, now_ms):
        """Steady."""


def I2C(bus):  # noqa: N802
    """A bus with the chip of outlet number `bus`; its seed is the bus number."""
    return I2CWire(ADE7953Chip(Rig(), 10 + bus))


class WDT:
    """Ends the program when it was not fed in time, as the real one resets the board."""

    def __init__(self, timeout):
        self._timeout = timeout
        self._fed_ms = time.ticks_ms()
        if timeout < _FED_MS:
            raise ValueError("shorter than the firmware's own")

    def feed(self):
        """Still alive; raises when it is too late."""
        now = time.ticks_ms()
        if time.ticks_diff(now, self._fed_ms) > self._timeout:
            raise SystemExit("watchdog")
        self._fed_ms = now
