"""Lock of the plug in a socket outlet: one output, one feedback contact (CP-31)."""

from machine import Pin


class Lock:
    """`commanded` is the last command, locked() the state of the feedback contact."""

    def __init__(self, wiring: dict):
        self._out = Pin(wiring["out"], Pin.OUT, value=0)
        self._feedback = Pin(wiring["feedback"], Pin.IN)
        self.commanded = False

    def set(self, locked: bool) -> None:
        """Drive the lock."""
        if locked != self.commanded:
            self.commanded = locked
            self._out.value(1 if locked else 0)

    def locked(self) -> bool:
        """The feedback contact."""
        return self._feedback.value() == 1
