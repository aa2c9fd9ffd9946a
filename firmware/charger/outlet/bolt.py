"""The bolt of a socket's lock: a movement that fails is repeated after one in the other direction (CP-31).

A bolt that is still locked after three draws counts as stuck: after each later use it is drawn once, until it is unlocked
or a person asks for the plug.
"""

from micropython import const

_ARRIVES_MS = const(900)
_MOVES_MS = const(300)
_BACK_MS = const(600)  # so long the bolt is drawn back before the next push
_PUSHES = const(3)
_OPEN_TICKS = const(3)  # so many readings in a row that say "open" count under a closed contactor


class Bolt:
    """Drives the lock for the outlet's tick. Allocates nothing."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._ms = 0
        self._pushes = 1
        self._pushed_ms = 0
        self._open_ticks = 0
        self._returns = False  # pushed on again, to be drawn back
        self._freeing = self._free = self._stayed = self._asked = False

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

    def step(self, outlet: Outlet) -> None:
        """One tick: locked while energy is possible; released only over an open contactor (CP-31)."""
        outlet.wants_lock = outlet.plugged and (outlet.permit or outlet.hold_lock)
        if outlet.wants_lock:
            self.push(outlet.dt_ms, outlet.locked, outlet.contacts_closed)
        elif not outlet.contactor.commanded and not outlet.contacts_closed and not outlet.hold_lock:
            self.release(outlet.dt_ms)

    def push(self, dt_ms: int, locked: bool, closed: bool) -> None:
        """One tick in which the plug is to be locked; the last push stays. Nothing is drawn back over a closed contactor."""
        self._returns = False
        if self._freeing:
            self._freeing = self._free = False
            self._ms = 0
            self._pushes = 1  # each use has three
        if self._lock.commanded and self._pushed_ms < _MOVES_MS:
            self._pushed_ms += dt_ms
        if locked or closed or self._pushes >= _PUSHES:
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
        if self._free and self._open_ticks:
            return
        self._free = False
        self._pushed_ms = 0
        if self._ms < _ARRIVES_MS + _BACK_MS:
            self._ms += dt_ms
        if not self._freeing:
            self._freeing = True
            self._ms = 0
            self._pushes = _PUSHES if self._stayed else 1
        elif self._open_ticks and not self._returns and self._ms >= _MOVES_MS:
            self._free = True
            self._pushes = 1
            self._stayed = self._asked = False
        elif self._asked:
            self._ms = _ARRIVES_MS
            self._pushes = 1
            self._stayed = self._asked = False
        elif self._pushes < _PUSHES:
            self._draw()
        self._lock.set(self._returns)

    def draw_again(self) -> None:
        """For the loop: the plug is asked for, so a bolt that has stayed is drawn back anew."""
        self._asked = self._stayed

    def _draw(self) -> None:
        """A step of the to and fro."""
        self._returns = _ARRIVES_MS <= self._ms < _ARRIVES_MS + _BACK_MS
        if self._ms >= _ARRIVES_MS + _BACK_MS:
            self._ms = 0
            self._pushes += 1
            self._stayed = self._pushes >= _PUSHES
