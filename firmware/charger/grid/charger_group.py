"""Several chargers on one fuse share it without a server: 2 to 8 units that know one key (UK-38, CP-53).

Each unit sends a message a second to all. The one with the lowest serial number leads: it divides what the fuse bears per phase
and grants each its part; all phases count alike, since no unit knows how another is wired. A unit that hears no leader falls to
its safe share, the fuse divided by the number of units that the installer has set, and one that is not heard counts with it.

A message counts when it is fresh: it names the counter that this unit sent at most _WINDOW messages ago, beside the number that
this unit drew at its start. So neither a message that is repeated later nor one of before a restart has any effect, and two units
hear each other either both or not at all. A part is raised only when what the others may still take leaves room.
"""

import os
import struct

from micropython import const

from charger import clock

_MARK = b"PG1"
# mark, session, counter, the fuse in 0.1 A, units, held and wanted in 0.1 A, asking for s, session of the leader, size of serial
_HEAD = ">3s8sIHBHHH8sB"
_HEAD_SIZE = const(33)
_ENTRY = ">8sIH"  # of another unit: its session, its last counter, its grant
_ENTRY_SIZE = const(14)
_SERIAL_MOST = const(25)
_NO_GRANT = const(0xFFFF)
NOBODY = bytes(8)
MOST_UNITS = const(8)
_LEAST_DA = const(60)
_MOST_DA = const(0x7FFF)
_WINDOW = const(4)  # messages, one a second
LIVE_MS = const(6000)  # silence after which a unit counts as away, and a grant as ended
_LEFT_MS = const(20000)  # silence after which a unit counts with its even part, whatever it had
SETTLE_MS = const(45000)  # after a change of who is heard nothing is raised: by then all others, and their cars, have fallen
_DATAGRAMS = const(4)  # a call


class Unit:
    """Another unit of the group, as its last fresh message describes it."""

    def __init__(self, serial: bytes, session: bytes, seen_ms: int) -> None:
        self.serial = serial
        self.session = session
        self.counter = 0
        self.seen_ms = seen_ms  # uptime of its last message, fresh or not
        self.heard_ms: int | None = None  # of its last fresh one
        self.leader = NOBODY
        self.fuse_da = _MOST_DA
        self.units = 0
        self.held_da = 0  # what it may take now
        self.wanted_da = self.asking_s = 0
        self.given_da = 0  # the last grant to it, while this unit leads
        self.highest_da = 0  # of the grants that it may not have replaced yet
        self.since = 0  # this unit's counter with which the last grant goes out


class ChargerGroup:
    """Sets `supply.limit_da`, the part of this unit. poll() is called ten times a second, second() once."""

    def __init__(self, serial: str, supply: SharedSupply, link: Any, fuse_da: int, units: int) -> None:
        """`supply`: SharedSupply of the unit's outlets; `link`: GroupLink, None without a key."""
        self.serial = serial.encode()[:_SERIAL_MOST]
        self._supply = supply
        self._own_da = supply.limit_da  # what the unit's own wiring bears
        self._link = link
        self._fuse_set_da, self._units_set = fuse_da, units
        self.fuse_da, self.units = fuse_da, units  # the most careful of all units' settings
        self.session = os.urandom(8)
        self._counter = 0
        self.others: dict = {}
        self.share_da = 0
        self.asking_s = 0
        self._granted_ms: int | None = None
        self._alone_ms: int | None = clock.uptime_ms()  # since when it has had no leader, None with one
        self._leads = False
        self._present: list = []  # sessions of the units that are heard, while it leads
        self._steady_ms = 0  # since when these are the same
        supply.limit_da = 0

    @property
    def safe_da(self) -> int:
        """The current of each unit that hears no leader."""
        share_da = self.fuse_da // self.units
        return share_da if share_da >= _LEAST_DA else 0

    # --- messages ---

    def poll(self) -> None:
        """Take what has arrived."""
        for _ in range(_DATAGRAMS if self._link is not None else 0):
            message = self._link.receive()
            if message is None:
                return
            self.take(message)

    def take(self, message: bytes) -> bool:
        """A message that was made with the group's key; False for one that counts for nothing."""
        if len(message) < _HEAD_SIZE:
            return False
        mark, session, counter, fuse_da, units, held_da, wanted_da, asking_s, leader, size = struct.unpack_from(_HEAD, message)
        serial = message[_HEAD_SIZE : _HEAD_SIZE + size]
        if mark != _MARK or serial == self.serial or not 2 <= units <= MOST_UNITS or not _LEAST_DA <= fuse_da <= _MOST_DA:
            return False
        unit = self._sender(serial, session, counter)
        if unit is None:
            return False
        known, grant_da = self._echo(message, _HEAD_SIZE + size)
        if self._counter - known > _WINDOW:
            return False
        unit.heard_ms = clock.uptime_ms()
        unit.leader, unit.fuse_da, unit.units = leader, fuse_da, units
        unit.held_da, unit.wanted_da, unit.asking_s = held_da, wanted_da, asking_s
        if known >= unit.since:
            unit.highest_da = unit.given_da
        if grant_da != _NO_GRANT and leader == session and self._first(self.live()) is unit:
            self._granted_ms = unit.heard_ms
            self._alone_ms = None
            self._set(grant_da)
        return True

    def _sender(self, serial: bytes, session: bytes, counter: int):
        """The Unit of a message that is newer than its last one; None for a repeated one."""
        now_ms = clock.uptime_ms()
        unit = self.others.get(serial)
        if unit is None:
            if len(self.others) >= MOST_UNITS - 1:
                return None
            self.others[serial] = unit = Unit(serial, session, now_ms)
        elif session != unit.session:
            if self._is_live(unit):
                return None  # either is of before a restart; a restarted one is silent soon
            self.others[serial] = unit = Unit(serial, session, now_ms)
        elif counter <= unit.counter:
            return None
        unit.counter = counter
        unit.seen_ms = now_ms
        return unit

    def _echo(self, message: bytes, at: int) -> tuple:
        """(counter of this unit that the sender has heard last, grant); what no window contains without one."""
        while at + _ENTRY_SIZE <= len(message):
            session, counter, grant_da = struct.unpack_from(_ENTRY, message, at)
            if session == self.session and counter <= self._counter:
                return counter, grant_da
            at += _ENTRY_SIZE
        return -_WINDOW - 1, _NO_GRANT

    def _send(self, leader: bytes) -> None:
        self._counter += 1
        parts = [struct.pack(
            _HEAD, _MARK, self.session, self._counter, self._fuse_set_da, self._units_set, min(_MOST_DA, self.held_da()),
            min(_MOST_DA, self._supply.wanted_da()), self.asking_s, leader, len(self.serial)), self.serial]  # fmt: skip
        for unit in self.others.values():
            grant_da = unit.given_da if self._leads and self._is_live(unit) else _NO_GRANT
            parts.append(struct.pack(_ENTRY, unit.session, unit.counter, grant_da))
        self._link.send(b"".join(parts))

    # --- who is there ---

    def _is_live(self, unit: Any) -> bool:
        return unit.heard_ms is not None and clock.uptime_ms() - unit.heard_ms < LIVE_MS

    def live(self) -> list:
        """The other units that are heard."""
        return [unit for unit in self.others.values() if self._is_live(unit)]

    def _first(self, live: list):
        """The unit that leads this one, None where this one has the lowest serial number."""
        first = None
        for unit in live:
            if unit.serial < self.serial and (first is None or unit.serial < first.serial):
                first = unit
        return first

    def _agree(self, live: list) -> None:
        """Of different settings the most careful ones hold; for laxer ones all units have to be heard."""
        fuse_da, units = self._fuse_set_da, max(self._units_set, len(live) + 1)
        for unit in live:
            fuse_da, units = min(fuse_da, unit.fuse_da), max(units, unit.units)
        if len(live) + 1 < max(units, self.units):
            fuse_da, units = min(fuse_da, self.fuse_da), max(units, self.units)
        self.fuse_da, self.units = fuse_da, units

    def _forget(self) -> None:
        now_ms = clock.uptime_ms()
        for serial in list(self.others):
            if now_ms - self.others[serial].seen_ms >= _LEFT_MS:
                del self.others[serial]

    # --- once a second ---

    def second(self) -> None:
        """Lead or follow, then tell the others."""
        now_ms = clock.uptime_ms()
        self._forget()
        live = self.live()
        self._agree(live)
        self.asking_s = min(self.asking_s + 1, 0xFFFF) if self._supply.wanted_da() else 0
        first = self._first(live)
        if first is None and all(unit.leader in (NOBODY, self.session) for unit in live):
            self._lead(now_ms, live)
        else:
            self._follow(now_ms)
        if self._link is not None:
            self._send(first.session if first is not None else self.session if self._leads else NOBODY)

    def _follow(self, now_ms: int) -> None:
        if self._leads:
            self._leads = False
            self._granted_ms = now_ms  # its own part ends like a grant
        if self._granted_ms is not None and now_ms - self._granted_ms >= LIVE_MS:
            self._granted_ms = None
        if self._granted_ms is not None:
            return
        if self._alone_ms is None:
            self._alone_ms = now_ms
        if now_ms - self._alone_ms >= SETTLE_MS:
            self._set(self.safe_da)
        else:
            self._set(min(self.share_da, self.safe_da))

    def _lead(self, now_ms: int, live: list) -> None:
        if not self._leads:
            self._leads = True
            self._steady_ms = now_ms
            for unit in self.others.values():
                self._grant(unit, 0)
        self._alone_ms = None
        present = [unit.session for unit in live]
        if present != self._present:
            self._present = present
            self._steady_ms = now_ms
        there = 1
        for unit in self.others.values():
            if unit.heard_ms is not None and now_ms - unit.heard_ms < _LEFT_MS:
                there += 1  # what a silent one may take yet needs no account: nothing is raised meanwhile
            else:
                unit.given_da = unit.highest_da = 0  # its grant has ended: once it is heard again, it has what it says it holds
        room_da = self.fuse_da if there >= self.units else self.fuse_da // self.units * there
        self._divide(live, room_da, now_ms - self._steady_ms >= SETTLE_MS)

    def _divide(self, live: list, room_da: int, may_raise: bool) -> None:
        """Lower what must be lowered; raise what fits beside all that the others may still take."""
        users = [(self.held_da() < _LEAST_DA, -self.asking_s, self.serial, self._supply.wanted_da(), None)]
        for unit in live:
            users.append((self._reserved(unit) < _LEAST_DA, -unit.asking_s, unit.serial, unit.wanted_da, unit))
        targets = divide(users, room_da)
        for serial, unit in [(user[2], user[4]) for user in users]:
            self._grant(unit, min(targets.get(serial, 0), self._reserved(unit)))
        if not may_raise:
            return
        for _, _, serial, _, unit in sorted(users, key=lambda user: user[:3]):
            target_da = targets.get(serial, 0)
            taken_da = sum([self._reserved(user[4]) for user in users if user[2] != serial])
            if target_da > self._reserved(unit) and taken_da + target_da <= room_da:
                self._grant(unit, target_da)

    def _reserved(self, unit: Any) -> int:
        """The current that a unit may take now; None stands for this one."""
        return self.held_da() if unit is None else max(unit.highest_da, unit.held_da)

    def _grant(self, unit: Any, share_da: int) -> None:
        if unit is None:
            self._set(share_da)
        elif share_da != unit.given_da:
            unit.given_da = share_da
            unit.highest_da = max(unit.highest_da, share_da)
            unit.since = self._counter + 1

    def held_da(self) -> int:
        """The current that this unit may take now: its part, or more while its cars may still follow an earlier one."""
        return max(self.share_da, self._supply.held_da())

    def _set(self, share_da: int) -> None:
        self.share_da = share_da
        self._supply.limit_da = min(share_da, self._own_da)

    def report(self) -> dict:
        """The group as plain data."""
        live = self.live()
        first = self._first(live)
        fault = "no key" if self._link is None else self._link.fault
        if not fault and len(live) + 1 < self.units:
            fault = "not all units are heard"
        if not fault and any((unit.fuse_da, unit.units) != (self._fuse_set_da, self._units_set) for unit in live):
            fault = "the units have different settings"
        return {
            "max_amps": self.fuse_da / 10,
            "units": self.units,
            "heard": len(live) + 1,
            "leader": None if first is None and not self._leads else (self.serial if first is None else first.serial).decode(),
            "share_amps": self.share_da / 10,
            "safe_amps": self.safe_da / 10,
            "fault": fault,
        }


def divide(users: list, room_da: int) -> dict:
    """Serial number to 0.1 A, equal parts but no more than wanted; who cannot have 6 A waits.

    `users`: (waits now, minus the seconds that it has asked, serial number, wanted 0.1 A, ...): who charges goes on, then the
    one that has asked for longest.
    """
    asking = sorted([user[:4] for user in users if user[3] >= _LEAST_DA])[: room_da // _LEAST_DA]
    shares = {}
    left, count = room_da, len(asking)
    for _, _, serial, wanted_da in sorted(asking, key=lambda user: user[3]):
        shares[serial] = min(wanted_da, left // count)
        left -= shares[serial]
        count -= 1
    return shares
