"""A value that limits current or latches a fault, stored in two files, each with a checksum.

Both files have the same record: name, count of writes, value. When they differ, or one is damaged or missing, the safer
of the readable values applies, and `fault` is the reason. When neither is readable, the safest value applies.
"""

from charger import log
from charger.store.files import Files

FOLDER = "safety"
_COPIES = ("1", "2")


class SafetyValue:
    """`safer(a, b)` returns the safer of two values; `safest` applies when no copy is readable.

    `value` is None while there is none. `fault` is "" when both copies are valid and equal, or when neither exists.
    """

    def __init__(self, files: Files, name: str, safest: str, safer) -> None:
        self._files = files
        self._name = name
        self._count = 0
        self.value = None
        self.fault = ""
        records = []
        existing = 0
        for copy in _COPIES:
            if files.exists(self._path(copy)):
                existing += 1
                record = self._read(copy)
                if record is not None:
                    records.append(record)
        if not existing:
            return
        if not records:
            self.value = safest
            self.fault = name + ": unreadable, the safest value applies"
            return
        self._count, self.value = records[0]
        if len(records) < len(_COPIES):
            self.fault = name + ": one of its two copies is damaged or missing"
        elif records[0] != records[1]:
            self._count = max(records[0][0], records[1][0])
            self.value = safer(records[0][1], records[1][1])
            self.fault = name + ": its two copies differ, the safer one applies"

    def write(self, value: str) -> None:
        """Replace the value; both copies are on flash when this returns. OSError by the flash."""
        record = "%s %d %s" % (self._name, self._count + 1, value)
        for copy in _COPIES:
            self._files.write(self._path(copy), record.encode())
        self._count += 1
        self.value = value
        self.fault = ""

    def distrust(self, value: str, why: str) -> None:
        """Set the value from another source; `fault` is the reason until repair()."""
        self.value = value
        self.fault = self._name + ": " + why

    def repair(self, on_event, event: str) -> None:
        """Record a fault in the security log, then write both copies again."""
        value = self.value
        if not self.fault or value is None:
            return
        on_event(event, self.fault)
        try:
            self.write(value)
        except OSError as error:
            log.error("store", "%s: not repaired: %s" % (self._name, log.reason(error)))

    def _path(self, copy: str) -> str:
        return "%s/%s.%s" % (FOLDER, self._name, copy)

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
