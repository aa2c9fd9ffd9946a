"""The enclosure's switch: the latch of an opening is kept over any restart (SEC-16, SEC-17).

The Tamper guard of each outlet opens the contactor within the control tick. This watch, ten times a second, writes the
latch to flash, records the opening in the security log (which owner and back end receive), and tells the outlets of the
latch after a restart. An opening without power shows only if the enclosure is still open at the start-up: a switch with
a memory of its own is a matter of the board's hardware.

TamperPolicy is the owner's choice: "latch" stops charging until the owner acknowledges, "stop" until the enclosure is
closed, "report" is a warning only.
"""

from micropython import const

from charger import log
from charger.audit import events
from charger.store.files import Files
from charger.store.safety_value import SafetyValue, settle

FILE = "tamper"  # of earlier firmware: latched while it exists, whatever it holds
_LATCHED = "latched"
_CLEAR = "clear"
LATCH = "latch"
STOP = "stop"
REPORT = "report"
KEY = "TamperPolicy"

_STEADY = const(2)  # equal readings, 100 ms apart
_POLICIES = (REPORT, STOP, LATCH)  # their places are the values of Outlet.set_tamper()


class TamperWatch:
    """`outlets` have set_tamper(policy, latched), `pin` reads 1 while the enclosure is open."""

    def __init__(self, files: Files, outlets: list, pin: Any, config: Configuration, on_event: Callable,
                 marks: Any | None = None) -> None:
        """marks: the KeyStore, which knows whether the unit has had a record of its latch: absence then means latched."""
        self._files = files
        self._outlets = outlets
        self._pin = pin
        self._config = config
        self._on_event = on_event
        self._same = 0
        self._raw = False
        self._first = True
        self.open = False
        self._latch = latch = SafetyValue(files, "tamper", _LATCHED, _stricter)
        absent = latch.value is None
        if absent or files.exists(FILE):
            latch.value = _LATCHED if files.exists(FILE) else _CLEAR
        settle(latch, _LATCHED if absent else None, on_event, events.SAFETY_VALUE, marks)
        self.latched = latch.value != _CLEAR
        self.set_policy()
        config.on_change(KEY, self.set_policy)

    @property
    def policy(self) -> str:
        """The effect of an opening; an unknown word counts as the strictest one."""
        policy = self._config.get_str(KEY)
        return policy if policy in (STOP, REPORT) else LATCH

    def set_policy(self, _: str | None = None) -> None:
        """Make the outlets act as the owner wants it."""
        if self.latched and self.policy != LATCH:
            self._forget()
        self._set_outlets()

    def poll(self) -> None:
        """Read the switch, also for the first time after a start-up."""
        raw = self._pin.value() == 1
        self._same = self._same + 1 if raw == self._raw else 1
        self._raw = raw
        if self._same != _STEADY or raw == self.open:
            if self._same == _STEADY:
                self._first = False
            return
        self.open = raw
        if raw:
            self._opened()
        else:
            log.info("tamper", "enclosure closed")
        self._first = False

    def acknowledge(self, by: str) -> bool:
        """The owner has inspected the unit: True when the latch is gone, False while the enclosure is open.

        The outlets' own latches are cleared by Outlet.acknowledge().
        """
        if self.open or self._raw:
            return False
        if self.latched:
            self._forget()
            self._set_outlets()
            self._on_event(events.TAMPER_CLEARED, by)
        return True

    def report(self) -> dict:
        """As plain data."""
        return {"open": self.open, "latched": self.latched, "policy": self.policy}

    def _opened(self) -> None:
        if self.policy == LATCH and not self.latched:
            self.latched = True
            self._set_outlets()
            self._latch.try_write(_LATCHED)
        self._on_event(events.TAMPER, "enclosure open at start-up" if self._first else "enclosure opened")

    def _set_outlets(self) -> None:
        policy = _POLICIES.index(self.policy)
        for outlet in self._outlets:
            outlet.set_tamper(policy, self.latched)

    def _forget(self) -> None:
        self.latched = False
        try:
            self._latch.write(_CLEAR)
            self._files.delete(FILE)
        except OSError as error:
            log.error("tamper", "latch not deleted: " + log.reason(error))


def _stricter(one: str, other: str) -> str:
    """The latched one of two states."""
    return one if other == _CLEAR else other
