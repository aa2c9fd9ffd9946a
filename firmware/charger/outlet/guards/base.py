"""What every guard has: debounce, latch, rule for clearing.

A guard only ever opens. `step()` runs in every control tick, in every state, and allocates nothing: it returns True
while the guard is tripped. What clears a tripped guard is its `RULE`:

- CLEARS: the condition has been gone for `CLEAR_MS`
- UNPLUG: the condition is gone and the car has been unplugged
- SERVICE: the condition is gone at a restart, or the owner has acknowledged it
"""

from micropython import const

CLEARS = const(0)
UNPLUG = const(1)
SERVICE = const(2)
_LONG_MS = const(1000000)


class Guard:
    """Base of all guards. CODE is the OCPP ChargePointErrorCode (OCPP-84), INFO at most 50 characters (SCH-1)."""

    CODE = "OtherError"
    INFO = ""
    FAULTED = True  # False: a warning beside the ordinary status (OCPP-83)
    OF_BOARD = False  # True: the same input at every outlet, so that connector 0 has the fault, too
    BLOCKS = True  # False: reported only, energy may flow
    RULE = CLEARS
    TRIP_MS = 0  # how long the danger may be there before the guard trips
    CLEAR_MS = 1000

    def __init__(self):
        self.tripped = False
        self._present_ms = -1  # -1: not present
        self._gone_ms = 0

    def danger(self, outlet) -> bool:
        """True while the condition is there."""
        raise NotImplementedError

    def step(self, outlet, dt_ms: int) -> bool:
        """One tick of dt_ms; True while tripped."""
        if self.danger(outlet):
            self._gone_ms = 0
            # The tick that first sees a danger is its beginning, however late that tick came.
            self._present_ms = 0 if self._present_ms < 0 else min(self._present_ms + dt_ms, _LONG_MS)
            if self._present_ms >= self.TRIP_MS:
                self.tripped = True
        else:
            self._present_ms = -1
            if self.tripped:
                self._clear(outlet, dt_ms)
        return self.tripped

    def _clear(self, outlet, dt_ms: int):
        if self._gone_ms < self.CLEAR_MS:
            self._gone_ms += dt_ms
        if self._gone_ms >= self.CLEAR_MS and (
            self.RULE == CLEARS or (self.RULE == UNPLUG and not outlet.plugged)
        ):
            self.release()

    def release(self):
        """Forget the trip."""
        self.tripped = False
        self._gone_ms = 0
        self._present_ms = -1

    def acknowledge(self) -> bool:
        """The owner has acted: clears a latch whose condition is gone. True when the guard is clear after that."""
        if self.tripped and self._gone_ms > 0:
            self.release()
        return not self.tripped
