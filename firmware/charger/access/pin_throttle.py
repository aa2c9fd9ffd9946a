"""The throttle of PIN attempts (SEC-25): five are free, then each doubles the wait, from a minute to an hour.

The count is on flash before a PIN is compared, so neither a power cut nor a restart gives an attempt back. The time of
the last attempt is unknown after a restart, so the whole wait begins again. Only the right PIN resets a count, and only
that of its own role: the user's PIN cannot help to guess the owner's. All roles and interfaces share the wait. After a
day without a wrong PIN the counts are reset, which gives an attacker fewer attempts than continuing does.

Each role has two counts: unknown clients, and devices that gave the role's right PIN before. Unknown clients share one
wait for all roles; known devices wait by role. So an attacker cannot lock out the owner's phone, and neither can a user.

Over all interfaces, unknown clients, and the known devices of each role, can try 11 wrong PINs in the first hour and one
an hour after that.
"""

import asyncio
from binascii import hexlify, unhexlify

from micropython import const

from charger import clock
from charger.audit.events import SAFETY_VALUE
from charger.store.ab_record import ABRecord
from charger.store.safety_value import SafetyValue

LANES = const(2)
STRANGERS, KNOWN = const(0), const(1)
LONGEST_S = const(3600)
_FREE = const(5)
_FIRST_S = const(60)
_FORGET_S = const(86400)
_MOST = const(255)
_NAME = "pins"
_OLD_NAME = "pin_attempts"  # of earlier firmware, which kept one copy


def wait_for(failures: int) -> int:
    """Return the wait in seconds after that many consecutive wrong PINs."""
    return 0 if failures < _FREE else min(_FIRST_S << min(failures - _FREE, 8), LONGEST_S)


class PinThrottle:
    """Counts by lane and role number, 0 to roles - 1."""

    def __init__(self, files: Files, roles: int, on_event: Callable | None = None):
        """on_event(event, info) reports counts that were altered or removed; the highest remaining count applies."""
        self.lock = asyncio.Lock()  # one PIN at a time
        self.turned_away = 0  # rejected early attempts that are not logged yet
        worst = bytes([_MOST] * LANES * roles)
        self._kept = SafetyValue(files, _NAME, _text(worst), _higher)
        self._roles = roles
        if self._kept.value is None:
            self._take_over(files, worst)
        self._counts = _bytes(self._kept.value or "", worst)
        self._kept.repair(on_event or _no_event, SAFETY_VALUE)
        # by queue (0: unknown clients, then the known devices of each role): uptime, s
        self._ends = [wait_for(self.failures(min(queue, KNOWN), queue - 1)) for queue in range(1 + roles)]
        self._last = [0] * (1 + roles)  # the last wrong PIN
        self._before = 0  # the last wrong PIN before the current attempt

    def _take_over(self, files: Files, worst: bytes) -> None:
        """Use the counts of earlier firmware, the worst ones when there are none: provisioning wrote them."""
        old = ABRecord(files, _OLD_NAME)
        counts = old.read()
        if counts is None or len(counts) != len(worst):
            self._kept.distrust(_text(worst), "removed, the longest wait applies")
        else:
            self._kept.write(_text(counts))
        old.delete()

    def _waiting(self, lane: int, role: int) -> tuple:
        """Return (queue, roles that share it)."""
        return (0, range(self._roles)) if lane == STRANGERS else (1 + role, (role,))

    def failures(self, lane: int, role: int) -> int:
        """Return the consecutive wrong PINs of unknown clients (all roles), or of this role's known devices."""
        return sum([self._counts[lane * self._roles + one] for one in self._waiting(lane, role)[1]])

    def wait_s(self, lane: int, role: int) -> int:
        """Return the seconds until the next attempt is admitted, 0 for now. OSError."""
        now = clock.uptime_s()
        queue, waiting = self._waiting(lane, role)
        if self.failures(lane, role) and now - self._last[queue] >= _FORGET_S:
            self._set(lane, waiting, 0)
        return max(0, self._ends[queue] - now)

    def count(self, lane: int, role: int) -> int:
        """Count an attempt as wrong before it is made, on flash; return the wait if it is wrong. OSError."""
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
        """Reset the role's count after the right PIN. OSError."""
        queue = self._waiting(lane, role)[0]
        self._ends[queue] = 0
        self._last[queue] = self._before
        self._set(lane, (role,), 0)

    def _set(self, lane: int, roles: Any, value: int) -> None:
        counts = bytearray(self._counts)
        for role in roles:
            counts[lane * self._roles + role] = value
        if counts != self._counts:
            self._kept.write(_text(counts))
            self._counts = counts


def begin(files: Files, roles: int) -> None:
    """Create the empty counts when the unit is provisioned."""
    SafetyValue(files, _NAME, "", _higher).write(_text(bytes(LANES * roles)))
    ABRecord(files, _OLD_NAME).delete()


def _no_event(*_) -> None:
    """Default callback; does nothing."""


def _text(counts: Any) -> str:
    return str(hexlify(counts), "ascii")


def _bytes(text: str, worst: bytes) -> bytearray:
    """Return the counts of a record, the worst ones for a record of another form."""
    try:
        counts = unhexlify(text)
    except ValueError:
        counts = b""
    return bytearray(counts if len(counts) == len(worst) else worst)


def _higher(one: str, other: str) -> str:
    """Return the higher count of each pair; of records of different length the longer one."""
    if len(one) != len(other):
        return max(one, other, key=len)
    return "".join([max(one[at : at + 2], other[at : at + 2]) for at in range(0, len(one), 2)])
