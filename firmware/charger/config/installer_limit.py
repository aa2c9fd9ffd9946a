"""InstallerMaxCurrent, apart from the settings that the back end writes, in two copies (store/safety_value.py).

The first write of the settings writes this value too, so settings that are unreadable, or that name a limit, without
these files are of earlier firmware or were damaged.
"""

from charger.audit import events
from charger.store.files import Files
from charger.store.safety_value import SafetyValue

INSTALLER_LIMIT = "InstallerMaxCurrent"
_LOWEST_A = "6"  # the least that a pilot can offer (CP-14)
_HIGHEST_A = 80


class InstallerLimit:
    """`value` is A per phase as text, "0" for no limit, None while it was never written."""

    def __init__(self, files: Files, setting, lost: bool) -> None:
        """`setting` is what the settings say, None for nothing; `lost` says that they cannot be read."""
        self._kept = kept = SafetyValue(files, "installer_limit", _LOWEST_A, _lower)
        if kept.value is None:
            if lost:
                kept.distrust(_LOWEST_A, "the settings that held it are unreadable, the lowest current holds")
            elif setting is not None:
                kept.distrust(setting, "taken from the settings")
        elif lost and not kept.fault:
            kept.distrust(kept.value, "the settings are unreadable, this value holds")
        if kept.value is not None and not _is_limit(kept.value):
            kept.distrust(_LOWEST_A, "not a limit, the lowest current holds")

    @property
    def value(self) -> str | None:
        """The limit that holds."""
        return self._kept.value

    def write(self, value: str) -> None:
        """Replace the limit. OSError by the flash."""
        self._kept.write(value)

    def repair(self, on_event) -> None:
        """Record a fault in the security log and write the limit anew."""
        self._kept.repair(on_event, events.SAFETY_VALUE)


def _is_limit(value) -> bool:
    return isinstance(value, str) and value.isdigit() and (value == "0" or 6 <= int(value) <= _HIGHEST_A)


def _lower(one: str, other: str) -> str:
    """The lower of two limits; "0" is none. Text that is no limit goes before all, so that it is noticed."""
    for value, rest in ((one, other), (other, one)):
        if not _is_limit(value):
            return value
        if value == "0":
            return rest
    return one if int(one) < int(other) else other
