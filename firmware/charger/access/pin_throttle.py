"""Wrong PINs cost time (SEC-25): five are free, then each doubles the wait, from a minute to an hour.

The count is on flash before a PIN is compared, so neither a power cut nor a restart gives an attempt back. How long ago
the last one was nobody knows after a restart, so the whole wait begins again. Only the right PIN takes a count back,
and only that of its own role: who knows the user's PIN cannot use it to guess the owner's. All roles and surfaces wait
together. After a day without a wrong PIN the counts are forgotten, which gives a guesser less than going on does.

Each role is counted in two lanes: strangers, and devices that have shown the role's right PIN before. Strangers wait
together, whatever role they claim; devices wait by role. So whoever keeps all strangers waiting does not keep the
owner's own telephone waiting, nor does a user with a telephone of his own.

Admitted over all surfaces, from strangers, and from the known devices of each role: 11 wrong PINs in the first hour, one
an hour after that.
"""

import asyncio

from micropython import const

from charger import clock
from charger.store.ab_record import ABRecord

LANES = const(2)
STRANGERS, KNOWN = const(0), const(1)
LONGEST_S = const(3600)
_FREE = const(5)
_FIRST_S = const(60)
_FORGET_S = const(86400)
_MOST = const(255)
_NAME = "pin_attempts"


def wait_for(failures: int) -> int:
    """Seconds to wait after so many wrong PINs in a row."""
    return 0 if failures < _FREE else min(_FIRST_S << min(failures - _FREE, 8), LONGEST_S)


class PinThrottle:
    """Counts by lane and role number, 0 to roles - 1."""

    def __init__(self, files, roles: int):
        self.lock = asyncio.Lock()  # one PIN at a time
        self.turned_away = 0  # attempts before their time that no log has yet
        self._slots = ABRecord(files, _NAME)
        self._roles = roles
        kept = self._slots.read()
        if kept is None or len(kept) != LANES * roles:
            kept = bytes([_MOST] * LANES * roles)  # provisioning wrote one: somebody has taken it away
        self._counts = bytearray(kept)
        # by queue, of which there is one of all strangers and one of each role's known devices: uptime, s
        self._ends = [wait_for(self.failures(min(queue, KNOWN), queue - 1)) for queue in range(1 + roles)]
        self._last = [0] * (1 + roles)  # the last wrong one
        self._before = 0  # the last wrong one before the attempt that is being made

    def _waiting(self, lane: int, role: int) -> tuple:
        """(queue, roles that wait in it)."""
        return (0, range(self._roles)) if lane == STRANGERS else (1 + role, (role,))

    def failures(self, lane: int, role: int) -> int:
        """Wrong PINs in a row in this lane: of all roles together, or of this role's known devices."""
        return sum([self._counts[lane * self._roles + one] for one in self._waiting(lane, role)[1]])

    def wait_s(self, lane: int, role: int) -> int:
        """Seconds until the next attempt is admitted, 0: now. OSError."""
        now = clock.uptime_s()
        queue, waiting = self._waiting(lane, role)
        if self.failures(lane, role) and now - self._last[queue] >= _FORGET_S:
            self._set(lane, waiting, 0)
        return max(0, self._ends[queue] - now)

    def count(self, lane: int, role: int) -> int:
        """An attempt is about to be made: counted as wrong, on flash when this returns; the wait if it is. OSError."""
        at = lane * self._roles + role
        self._set(lane, (role,), min(_MOST, self._counts[at] + 1))
        now = clock.uptime_s()
        queue = self._waiting(lane, role)[0]
        wait = wait_for(self.failures(lane, role))
        self._before = self._last[queue]
        self._last[queue] = now
        self._ends[queue] = now + wait
        return wait

    def right(self, lane: int, role: int) -> None:
        """It was the right PIN: its role's count is taken back. OSError."""
        queue = self._waiting(lane, role)[0]
        self._ends[queue] = 0
        self._last[queue] = self._before
        self._set(lane, (role,), 0)

    def _set(self, lane: int, roles, value: int):
        counts = bytearray(self._counts)
        for role in roles:
            counts[lane * self._roles + role] = value
        if counts != self._counts:
            self._slots.write(bytes(counts))
            self._counts = counts


def begin(files, roles: int) -> None:
    """A unit leaves the factory with nothing counted."""
    ABRecord(files, _NAME).write(bytes(LANES * roles))
