"""Contactor driver: one output that is off by default, and the feedback of the contacts, which shows their real state.

Board data: `active`, the level of the output that closes (1); `contact`, what the feedback is:
- "normally_open": an auxiliary contact, 1 while the main contacts are closed
- "mirror": a mirror contact (IEC 60947-4-1, annex F), 1 only while every main contact is open, so that it sees one welded pole
- "voltage": one input a pole, 1 while there is voltage behind it; without mains such a contactor never looks closed
"""

from machine import Pin
from micropython import const

_USUAL_CLOSE_MS = const(30)
_USUAL_OPEN_MS = const(20)


class Contactor:
    """`closed()` returns the feedback, not the command. The output starts open (CP-30).

    `close_ms`, `open_ms`: the longest time of each movement. `complete`: each pole was closed at the last closed(). `taken`:
    the co-processor has opened it (drivers/coprocessor.py); always False on a board without one.
    """

    taken = False

    def __init__(self, wiring: dict):
        self._active = wiring.get("active", 1)
        self._out = Pin(wiring["out"], Pin.OUT, value=1 - self._active)
        feedback = wiring["feedback"]
        self._feedback = tuple([Pin(pin, Pin.IN) for pin in (feedback if isinstance(feedback, (tuple, list)) else (feedback,))])
        contact = wiring.get("contact", "normally_open")
        self._closed_level = 0 if contact == "mirror" else 1
        self.senses_voltage = contact == "voltage"
        self.close_ms = wiring.get("close_ms", _USUAL_CLOSE_MS)
        self.open_ms = wiring.get("open_ms", _USUAL_OPEN_MS)
        self.commanded = False
        self.complete = False

    def close(self) -> None:
        """Energise the coil."""
        self.commanded = True
        self._out.value(self._active)

    def open(self) -> None:
        """Release the coil."""
        self.commanded = False
        self._out.value(1 - self._active)

    def closed(self) -> bool:
        """Return the feedback: True while at least one main contact is closed."""
        some = False
        every = True
        for pin in self._feedback:
            if pin.value() == self._closed_level:
                some = True
            else:
                every = False
        self.complete = every
        return some
