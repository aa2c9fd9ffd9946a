"""InstallerMaxCurrent, stored apart from the settings that the back end writes, in two copies (store/safety_value.py).

The first write of the settings also writes this value. Unreadable settings, or settings with a limit, without these
files are therefore damaged or of earlier firmware.
"""

from charger.audit import events
from charger.store.files import Files
from charger.store.safety_value import SafetyValue

INSTALLER_LIMIT = "InstallerMaxCurrent"
_LOWEST_A = "6"  # the lowest current that a pilot can signal (CP-14)
_HIGHEST_A = 80


class InstallerLimit:
    """`value` is A per phase as text, "0" for no limit, None before the first write."""

    def __init__(self, files: Files, setting: Any, lost: bool) -> None:
        """`setting` is the limit in the settings or None; `lost`: the settings cannot be read."""
        self._kept = kept = SafetyValue(files, "installer_limit", _LOWEST_A, _lower)
        if kept.value is None:
            if lost:
                kept.distrust(_LOWEST_A, "the settings that held it are unreadable, the lowest current applies")
            elif setting is not None:
                kept.distrust(setting, "taken from the settings")
        elif lost and not kept.fault:
            kept.distrust(kept.value, "the settings are unreadable, this value applies")
        if kept.value is not None and not _is_limit(kept.value):
            kept.distrust(_LOWEST_A, "not a limit, the lowest current applies")

    @property
    def value(self) -> str | None:
        """The limit in force."""
        return self._kept.value

    def write(self, value: str) -> None:
        """Replace the limit. OSError by the flash."""
        self._kept.write(value)

    def repair(self, on_event: Callable) -> None:
        """Record a fault in the security log and write the limit again."""
        self._kept.repair(on_event, events.SAFETY_VALUE)


def _is_limit(value: Any) -> bool:
    return isinstance(value, str) and value.isdigit() and (value == "0" or 6 <= int(value) <= _HIGHEST_A)


def _lower(one: str, other: str) -> str:
    """Return the lower of two limits; "0" is none. Invalid text has precedence, so that the fault is reported."""
    for value, rest in ((one, other), (other, one)):
        if not _is_limit(value):
            return value
        if value == "0":
            return rest
    return one if int(one) < int(other) else other
