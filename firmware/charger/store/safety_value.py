"""A value that limits current or latches a fault, stored in two files, each with a checksum.

Both files have the same record: name, count of writes, value. When they differ, or one is damaged or missing, the safer
of the readable values applies, and `fault` is the reason. When neither is readable, the safest value applies.

A write first stores its record in a third file, which then takes the second one's place: while that file is there, a power
cut explains two different copies. The safest value on flash applies then as well, but nothing is at fault.
"""

from micropython import const

from charger import log
from charger.store.files import Files

FOLDER = "safety"
_FIRST, _SECOND, _NEXT = "1", "2", "next"
_COPIES = const(2)


class SafetyValue:
    """`safer(a, b)` returns the safer of two values; `safest` applies when no copy is readable.

    `value` is None while there is none. `fault` is "" when the copies are valid and equal, when none exists, and when the
    power failed during a write (`unfinished`).
    """

    def __init__(self, files: Files, name: str, safest: str, safer: Callable) -> None:
        self._files = files
        self._name = name
        self._count = 0
        self.value = None
        self.fault = ""
        self.unfinished = False
        there = files.names(FOLDER)  # one look: each file that is looked for alone takes 5 ms of an ESP32
        records = [self._read(copy) for copy in (_FIRST, _SECOND, _NEXT) if name + "." + copy in there]
        if not records:
            return
        known = [record for record in records if record is not None]
        if not known:
            self.value = safest
            self.fault = name + ": unreadable, the safest value applies"
            return
        self.value = known[0][1]
        for count, value in known:
            self._count = max(self._count, count)
            self.value = safer(self.value, value)
        if len(known) == len(records) and name + "." + _NEXT in there and known[-1][0] == self._count:
            self.unfinished = True
        elif len(known) != _COPIES or len(records) != _COPIES:
            self.fault = name + ": one of its two copies is damaged or missing"
        elif known[0] != known[1]:
            self.fault = name + ": its two copies differ, the safer one applies"

    def prepare(self, value: str) -> None:
        """Store what write() will write, before the value is written elsewhere as well. OSError by the flash."""
        self._files.write(self._path(_NEXT), self._record(value))

    def write(self, value: str) -> None:
        """Replace the value; both copies are on flash when this returns. OSError by the flash."""
        self.prepare(value)
        self._files.write(self._path(_FIRST), self._record(value))
        self._files.rename(self._path(_NEXT), self._path(_SECOND))
        self._count += 1
        self.value = value
        self.fault = ""
        self.unfinished = False

    def distrust(self, value: str, why: str) -> None:
        """Set the value from another source; `fault` is the reason until repair()."""
        self.value = value
        self.fault = self._name + ": " + why

    def repair(self, on_event: Callable, event: str) -> None:
        """Write both copies again after a fault, which the security log gets, or after a write that was not finished."""
        value = self.value
        if value is None or not (self.fault or self.unfinished):
            return
        if self.fault:
            on_event(event, self.fault)
        self.try_write(value)

    def try_write(self, value: str) -> bool:
        """As write(); False when the flash refuses, which the log gets."""
        try:
            self.write(value)
            return True
        except OSError as error:
            log.error("store", "%s: not written: %s" % (self._name, log.reason(error)))
            return False

    def remove(self) -> None:
        """Delete all copies, where there are any. What the flash refuses is tried again at the next call."""
        for copy in (_FIRST, _SECOND, _NEXT):
            try:
                self._files.delete(self._path(copy))
            except OSError as error:
                log.error("store", "%s: not removed: %s" % (self._name, log.reason(error)))

    def _path(self, copy: str) -> str:
        return "%s/%s.%s" % (FOLDER, self._name, copy)

    def _record(self, value: str) -> bytes:
        return ("%s %d %s" % (self._name, self._count + 1, value)).encode()

    def _read(self, copy: str) -> tuple | None:
        """Read (count, value) of one copy, None when it is damaged or of another value."""
        data = self._files.read(self._path(copy))
        if data is None:
            return None
        try:
            name, count, value = data.decode().split(" ")
            return (int(count), value) if name == self._name else None
        except (ValueError, UnicodeError):
            return None


def settle(kept: SafetyValue, lost: str | None, on_event: Callable, event: str, marks: Any | None) -> None:
    """Repair a value at the start of the unit, and mark in the non-volatile storage that the unit has it.

    lost: None when a copy is on flash. Otherwise `kept.value` is the first value of the unit's life and is written, unless the
    unit had one before: then `lost` applies, with an event. marks: the KeyStore; None marks nothing.
    """
    mark = "has_" + kept._name
    known = marks is not None and marks.known(mark)
    if lost is not None:
        if known:
            kept.distrust(lost, "removed, the safest value applies")
        else:
            kept.unfinished = True
    kept.repair(on_event, event)
    if marks is not None and not (known or kept.unfinished or kept.fault):
        marks.add_count(mark)
