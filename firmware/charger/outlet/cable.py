"""The cable in a socket outlet: its rating from the coding resistor between PP and PE (CP-35 to CP-37)."""

from micropython import const

_OPEN_OHM = const(4500)
_LONG_MS = const(1000000)


def rating_da(ohms: int, phases: int) -> int:
    """Rating in 0.1 A of a resistance; 0 for a short, an open circuit and every value between the windows (CP-36)."""
    if 1100 <= ohms <= 2460:
        return 130
    if 400 <= ohms <= 936:
        return 200
    if 164 <= ohms <= 308:
        return 320
    if 80 <= ohms <= 140:
        return 630 if phases > 1 else 700
    return 0


class Cable:
    """`rating_da` is latched at plug-in, 0 until then; `changed` when the coding no longer says the same (CP-37)."""

    def __init__(self, proximity: Any, phases: int):
        self._proximity = proximity
        self._phases = phases
        self._latched = False
        self._settle = 0
        self._seen_da = 0
        self.rating_da = 0
        self.changed = False
        self.plugged_ms = 0

    @property
    def present(self) -> bool:
        """True when any plug is in the socket, with or without a car."""
        return self._proximity.ohms < _OPEN_OHM

    def step(self, plugged: bool, dt_ms: int) -> None:
        """One tick: read, latch at plug-in after three equal readings, watch after that. Allocates nothing."""
        self._proximity.read()
        if not plugged:
            self._latched = False
            self._settle = self._seen_da = 0
            self.rating_da = 0
            self.changed = False
            self.plugged_ms = 0
            return
        if self.plugged_ms < _LONG_MS:
            self.plugged_ms += dt_ms
        now = rating_da(self._proximity.ohms, self._phases)
        if self._latched:
            self.changed = now != self.rating_da
        elif now == self._seen_da:
            self._settle += 1
            if self._settle >= 3 and now > 0:
                self._latched = True
                self.rating_da = now
        else:
            self._seen_da = now
            self._settle = 0
