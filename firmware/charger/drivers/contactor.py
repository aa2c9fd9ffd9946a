"""Contactor driver: one output that is off by default, one auxiliary contact that tells the truth."""

from machine import Pin


class Contactor:
    """`closed` tells what the auxiliary contact says, not what was asked. The output starts open (CP-30)."""

    def __init__(self, wiring: dict):
        self._out = Pin(wiring["out"], Pin.OUT, value=0)
        self._feedback = Pin(wiring["feedback"], Pin.IN)
        self.commanded = False

    def close(self):
        """Energise the coil."""
        self.commanded = True
        self._out.value(1)

    def open(self):
        """Release the coil."""
        self.commanded = False
        self._out.value(0)

    def closed(self) -> bool:
        """The auxiliary contact: True while the main contacts are closed."""
        return self._feedback.value() == 1
