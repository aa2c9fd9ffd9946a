"""The random delay at each relevant time (UK-30 to 36): scheduled changes of one connector's current that wait.

Each change has a delay of its own and comes into force when that ends; an earlier change that still waits then is void,
so that a back end that changes its mind each minute is followed all the same. Nothing here knows limits that protect:
those never come here (UK-36).
"""

import os

from micropython import const

_MOST = const(8)  # changes that wait at once; a further one takes the place of the last


def draw(most_s: int) -> int:
    """A whole number of seconds from 0 to most_s, each as probable, from the hardware's random numbers (UK-31)."""
    span = most_s + 1
    bound = 65536 - 65536 % span
    while True:
        drawn = os.urandom(2)
        value = drawn[0] << 8 | drawn[1]
        if value < bound:
            return value % span


class WaitingChanges:
    """The changes of one connector that wait, in the order in which they were made: (uptime in s, value)."""

    def __init__(self) -> None:
        self._waiting = []

    def add(self, now_s: int, delay_s: int, value: int) -> None:
        """A change was made that comes into force after its delay."""
        at_s = now_s + delay_s
        if len(self._waiting) >= _MOST:
            at_s = self._waiting.pop()[0]
        while self._waiting and self._waiting[-1][0] >= at_s:
            self._waiting.pop()  # it would come into force after this one and take it back
        self._waiting.append((at_s, value))

    def replace(self, value: int) -> None:
        """The next change that comes into force brings this value, and no other waits."""
        self._waiting = [(self._waiting[0][0], value)]

    def take(self, now_s: int) -> int | None:
        """The value that comes into force now, None for none."""
        value = None
        while self._waiting and self._waiting[0][0] <= now_s:
            value = self._waiting.pop(0)[1]
        return value

    def newest(self) -> int | None:
        """The value that was wanted last, None where nothing waits."""
        return self._waiting[-1][1] if self._waiting else None

    def left_s(self, now_s: int) -> int:
        """Seconds to the next change that comes into force, 0 where none waits."""
        return max(0, self._waiting[0][0] - now_s) if self._waiting else 0

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
