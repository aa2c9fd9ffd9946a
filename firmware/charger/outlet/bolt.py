"""The bolt of a socket's lock: a push that does not arrive is repeated, to and fro (CP-31)."""

from micropython import const

_ARRIVES_MS = const(900)
_MOVES_MS = const(300)
_BACK_MS = const(600)  # so long the bolt is drawn back before the next push
_PUSHES = const(3)
_OPEN_TICKS = const(3)  # so many readings in a row that say "open" count under a closed contactor


class Bolt:
    """Drives the lock for the outlet's tick. Allocates nothing."""

    def __init__(self, lock) -> None:
        self._lock = lock
        self._ms = 0
        self._pushes = 1
        self._pushed_ms = 0
        self._open_ticks = 0
        self._returns = False  # pushed on again, to be drawn back

    def holds(self, commanded: bool) -> bool:
        """Read the feedback, once a tick: True when it is that of the last push and says "locked".

        commanded  the contactor is closed: one disturbed reading does not open it
        """
        if self._lock.locked():
            if self._open_ticks:
                self._open_ticks = 0
            return self._pushed_ms >= _MOVES_MS
        if self._open_ticks < _OPEN_TICKS:
            self._open_ticks += 1
        return commanded and self._open_ticks < _OPEN_TICKS and self._pushed_ms >= _MOVES_MS

    def push(self, dt_ms: int, locked: bool, commanded: bool) -> None:
        """One tick in which the plug is to be locked; the last push stays. Nothing is drawn back over a closed contactor."""
        self._returns = False
        if self._lock.commanded and self._pushed_ms < _MOVES_MS:
            self._pushed_ms += dt_ms
        if locked or commanded or self._pushes >= _PUSHES:
            self._ms = 0
            self._lock.set(True)
            return
        self._ms += dt_ms
        if self._ms >= _ARRIVES_MS + _BACK_MS:
            self._ms = 0
            self._pushes += 1
        if self._ms >= _ARRIVES_MS:
            self._pushed_ms = 0
            self._lock.set(False)
        else:
            self._lock.set(True)

    def release(self, dt_ms: int) -> None:
        """One tick in which the plug is to be free: a bolt that stays is pushed on and drawn back, twice."""
        self._pushed_ms = 0
        if self._lock.commanded and not self._returns:
            self._ms = 0
            self._pushes = 1  # the next use has its three pushes again
        elif self._open_ticks and not self._returns and self._ms >= _MOVES_MS:
            self._pushes = 1
        elif self._pushes < _PUSHES:
            self._ms += dt_ms
            self._returns = self._ms >= _ARRIVES_MS
            if self._ms >= _ARRIVES_MS + _BACK_MS:
                self._returns = False
                self._ms = 0
                self._pushes += 1
        self._lock.set(self._returns)
