"""The base of every guard: debounce, latch, rule for clearing.

A guard only ever opens. Outlet steps it in every control tick, in every state: danger(), then step_present() or, while the
guard is `active`, step_gone(). None of them allocates. `outlet.dt_ms` is the time since the last tick; a
hold-up counts as one tick. Only the tick writes to a guard. The `RULE` of a guard says when a tripped one clears:

- CLEARS: the condition has been gone for `CLEAR_MS`
- UNPLUG: the condition is gone and the car has been unplugged
- SERVICE: the condition is gone at a restart, or the owner has acknowledged it
"""

from micropython import const

from charger.outlet.pilot_states import A

CLEARS = const(0)
UNPLUG = const(1)
SERVICE = const(2)
_LONG_MS = const(1000000)


class Guard:
    """Base of all guards. CODE is the OCPP ChargePointErrorCode (OCPP-84), INFO at most 50 characters (SCH-1)."""

    NEEDS = ""  # the input of the outlet without which there is no such guard
    CODE = "OtherError"
    INFO = ""
    FAULTED = True  # False: a warning beside the ordinary status (OCPP-83)
    OF_BOARD = False  # True: the same input at every outlet, so that connector 0 has the fault, too
    BLOCKS = True  # False: reported only, energy may flow
    SOFT = False  # True: no danger to people, so the pilot is withdrawn first and the car may stop (CP-25)
    RULE = CLEARS
    TRIP_MS = 0  # how long the danger may be there before the guard trips
    CLEAR_MS = 1000

    def __init__(self) -> None:
        self.soft = self.SOFT
        self.tripped = False
        self.active = False  # tripped, or the condition was present in the last tick
        self._present_ms = -1  # -1: not present
        self._gone_ms = 0

    def set_up(self, outlet: Outlet) -> None:
        """Take what is board data from the outlet, once."""

    def danger(self, outlet: Outlet) -> bool:
        """True while the condition is there."""
        raise NotImplementedError

    def step_present(self, outlet: Outlet) -> None:
        """One tick in which danger() is True."""
        self.active = True
        self._gone_ms = 0
        # The tick that first sees a danger is its beginning, however late that tick came.
        if self._present_ms < 0:
            self._present_ms = 0
        elif self._present_ms < _LONG_MS:
            self._present_ms += outlet.dt_ms
        if self._present_ms >= self.TRIP_MS:
            self.tripped = True

    def step_gone(self, outlet: Outlet) -> None:
        """One tick of an active guard in which danger() is False."""
        self._present_ms = -1
        if not self.tripped:
            self.active = False
            return
        if self._gone_ms < self.CLEAR_MS:
            self._gone_ms += outlet.dt_ms
        if self._gone_ms >= self.CLEAR_MS and self.may_clear(outlet):
            self.release()

    def may_clear(self, outlet: Outlet) -> bool:
        """Whether the rule lets a guard go whose condition has been gone for CLEAR_MS."""
        if self.RULE == UNPLUG:  # after a restart a pilot without state A does not say that nothing is plugged
            return outlet.raw_state == A and not outlet.plugged
        return self.RULE == CLEARS

    def release(self) -> None:
        """Forget the trip."""
        self.tripped = self.active = False

    def acknowledge(self, outlet: Outlet) -> bool:
        """The owner has acted: clears a latch whose condition was gone before this tick. True when the guard is clear."""
        if self._gone_ms > outlet.dt_ms:
            self.release()
        return not self.tripped

    def is_present(self, outlet: Outlet) -> bool:
        """For the loop: True when the condition was present in the last tick."""
        return self._present_ms >= 0
