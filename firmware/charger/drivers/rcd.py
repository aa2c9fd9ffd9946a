"""Residual current monitor (RDC-DD) or RCD with a trip contact and a self-test input (CP-41 to CP-44).

The trip output cuts the coil of the contactor in hardware; this driver only reads it and drives the test input.
"""

from machine import Pin
from micropython import const

_USUAL_MS = const(200)


class ResidualCurrentMonitor:
    """Two pins; the outlet runs the self-test. `answer_ms` and `release_ms`: longest times of its test.

    `latches`: its trip output stays until its input on the pin `reset` is pressed, which the board's data name.
    """

    def __init__(self, wiring: dict):
        self._trip = Pin(wiring["trip"], Pin.IN)
        self._test = Pin(wiring["test"], Pin.OUT, value=0)
        self.answer_ms = wiring.get("answer_ms", _USUAL_MS)
        self.release_ms = wiring.get("release_ms", _USUAL_MS)
        number = wiring.get("reset")
        self.latches = number is not None
        self._reset = Pin(number, Pin.OUT, value=0) if self.latches else None

    def tripped(self) -> bool:
        """The trip output."""
        return self._trip.value() == 1

    def on_trip(self, handler: Callable) -> None:
        """Call handler(pin) at the edge, so that a trip shorter than a control tick is detected."""
        self._trip.irq(handler, Pin.IRQ_RISING)

    def reset(self, on: bool) -> None:
        """Set or clear the reset input of a latching monitor."""
        if self._reset is not None:
            self._reset.value(1 if on else 0)

    def test(self, on: bool) -> None:
        """Start or end the test current."""
        self._test.value(1 if on else 0)
