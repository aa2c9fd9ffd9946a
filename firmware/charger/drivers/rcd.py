"""Residual current monitor (RDC-DD) or RCD with a trip contact and a self-test input (CP-41 to CP-44).

The trip output cuts the coil of the contactor in hardware; this driver only reads it and drives the test pulse.
"""

from machine import Pin
from micropython import const

from charger import clock

_PULSE_MS = const(40)
_ANSWER_MS = const(200)


class ResidualCurrentMonitor:
    """`testing` is True from the start of a self-test pulse until its trip has gone away."""

    def __init__(self, wiring: dict):
        self._trip = Pin(wiring["trip"], Pin.IN)
        self._test = Pin(wiring["test"], Pin.OUT, value=0)
        self.testing = False

    def tripped(self) -> bool:
        """The trip output. Allocates nothing."""
        return self._trip.value() == 1

    async def self_test(self) -> bool:
        """Pulse the test input; True when the monitor trips and lets go again in time. Only while the contactor is open."""
        self.testing = True
        try:
            self._test.value(1)
            answered = await self._wait(True)
            self._test.value(0)
            return answered and await self._wait(False)
        finally:
            self._test.value(0)
            self.testing = False

    async def _wait(self, tripped: bool) -> bool:
        start = clock.ticks_ms()
        while self.tripped() != tripped:
            if clock.elapsed_ms(start) > _ANSWER_MS:
                return False
            await clock.sleep_ms(5)
        return True
