"""The installer's limits of the current, apart from the settings that the back end writes (store/safety_value.py).

One record has the values of all NAMES, "" for one that was never set. The settings have them as well, for earlier firmware:
the stricter of both holds, name by name. A unit that had a record and lost it, or cannot read it, keeps to _LOWEST instead.
"""

from micropython import const

from charger.audit import events
from charger.config.keys import KEYS
from charger.store.files import Files
from charger.store.safety_value import SafetyValue, settle

NAMES = ("InstallerMaxCurrent", "HouseMaxCurrent", "HouseSafeCurrent", "GroupMaxCurrent", "GroupUnits", "ConnectedPhases")
_LOW, _HIGH, _CHECK = const(4), const(5), const(6)  # indices of a row of KEYS
_SAFE, _GROUP, _UNITS = const(2), const(3), const(4)  # places in NAMES
_LEAST_A = const(6)
# 6 A, the lowest current that a pilot can signal (CP-14), for each outlet, for the unit, and as its share of a group
_LOWEST = "6,6,6,12,2,0"
_OLD = "installer_limit"  # the record of earlier firmware: InstallerMaxCurrent alone


class InstallerLimit:
    """The record. `settings` of its methods are names with values as text."""

    def __init__(self, files: Files, settings: dict, lost: bool) -> None:
        """`lost`: the settings cannot be read."""
        self._kept = kept = SafetyValue(files, "limits", _LOWEST, _stricter)
        self._old: SafetyValue | None = SafetyValue(files, _OLD, "6", _stricter)
        self._absent = kept.value is None
        if self._absent:
            self._take_over(self._old, settings, lost)
        elif lost and not kept.fault:
            kept.distrust(kept.value or "", "the settings are unreadable")
        if not _is_record(kept.value):
            kept.distrust(_LOWEST, "not limits")

    def _take_over(self, old: SafetyValue, settings: dict, lost: bool) -> None:
        """Take the values of earlier firmware, which wrote its record before the first settings."""
        kept = self._kept
        kept.value = first = _record(settings)
        if lost:
            kept.distrust(_LOWEST, "the settings are unreadable, the lowest current applies")
        elif old.fault:
            kept.distrust(first, old.fault)
        elif old.value is None and len(first) >= len(NAMES):
            kept.distrust(first, "taken from the settings")
        if old.value is not None:
            kept.value = _stricter(kept.value, old.value)

    def apply(self, settings: dict) -> None:
        """Put the values in force into the settings: of record and settings the stricter ones.

        In the group a unit that has lost its record has a share of 6 A, the two values of _LOWEST, where its own allow that.
        """
        fit = {name: settings[name] for name in NAMES if _fits(KEYS[name], str(settings.get(name, "")))}
        record = self._kept.value or ""
        values = _stricter(record, _record(fit)).split(",")
        if record == _LOWEST and _share(fit) >= _LEAST_A:
            values[_GROUP : _UNITS + 1] = _LOWEST.split(",")[_GROUP : _UNITS + 1]
        for name, value in zip(NAMES, values):
            if value:
                settings[name] = value

    def write(self, name: str, settings: dict) -> None:
        """Replace the record when `name` is one of NAMES, or when there is none yet. OSError by the flash."""
        if self._absent or name in NAMES:
            self._kept.write(_record(settings))
            self._absent = False

    def repair(self, on_event: Callable, marks: Any | None) -> None:
        """Write the first record, or a damaged one again; see settle()."""
        kept = self._kept
        settle(kept, _LOWEST if self._absent else None, on_event, events.SAFETY_VALUE, marks)
        if not (kept.fault or kept.unfinished):  # on flash: earlier firmware has to take the settings, which change
            self._absent = False
            if self._old is not None:
                self._old.remove()
                self._old = None


def _share(settings: dict) -> int:
    """Amperes of a unit's share in its group by these settings; without a group the least that a pilot signals."""
    most = int(settings.get("GroupMaxCurrent") or 0)
    return most // int(settings.get("GroupUnits") or 2) if most else _LEAST_A


def _record(settings: dict) -> str:
    return ",".join([str(settings.get(name, "")) for name in NAMES])


def _is_record(record: Any) -> bool:
    fields = record.split(",")
    return len(fields) <= len(NAMES) and all(not text or _fits(KEYS[name], text) for name, text in zip(NAMES, fields))


def _fits(row: tuple, text: str) -> bool:
    if not text.isdigit() or not row[_LOW] <= int(text) <= row[_HIGH]:
        return False
    return row[_CHECK] != "amps" or int(text) == 0 or int(text) >= 6


def _stricter(one: Any, other: str) -> str:
    """Return the stricter value of each name. Invalid text has precedence, so that the fault is reported."""
    for record in (one, other):
        if not _is_record(record):
            return record
    ones, others = (one + ",,,,,").split(","), (other + ",,,,,").split(",")
    return ",".join([ones[at] if _room(at, ones[at]) <= _room(at, others[at]) else others[at] for at in range(len(NAMES))])


def _room(at: int, text: str) -> int:
    """Return a figure that is lower for a stricter value of NAMES[at]. 0 A is no limit, but of _SAFE the strictest."""
    if not text:
        return 1000  # never set
    number = int(text)
    if at >= _UNITS:
        return -(number or 9)  # the more units and phases the stricter; 0: all phases
    return number if at == _SAFE else number or 999
