"""The lid: what opening it means for charging, remembered over any restart (SEC-16, SEC-17).

The guard of each outlet opens the contactor within the control tick; this watch, ten times a second, writes the latch
to flash, puts it into the security log (from where it goes to owner and back end), and sets the guards again after a
restart. What was opened while the unit had no power shows only if it is still open then: a lid switch that remembers
is for the board's hardware.

TamperPolicy is the owner's choice: "latch" stops charging until he acknowledges, "stop" until the lid is closed,
"report" only tells.
"""

from micropython import const

from charger import log
from charger.audit import events
from charger.store.files import Files

FILE = "tamper"
LATCH = "latch"
STOP = "stop"
REPORT = "report"
KEY = "TamperPolicy"

_STEADY = const(2)  # equal readings, 100 ms apart
_CLEARS, _SERVICE = const(0), const(2)  # of outlet/guards/base.py


class TamperWatch:
    """`guards` are the Tamper guards of all outlets, `pin` reads 1 while the lid is open."""

    def __init__(self, files: Files, guards: list, pin, config, on_event):
        self._files = files
        self._guards = guards
        self._pin = pin
        self._config = config
        self._on_event = on_event
        self._same = 0
        self._raw = False
        self._first = True
        self.open = False
        self.latched = files.read(FILE) is not None
        self.set_policy()
        if self.latched:
            self._trip()
        config.on_change(KEY, self.set_policy)

    @property
    def policy(self) -> str:
        """What opening means: a word that nobody knows is taken for the strictest one."""
        policy = self._config.get_str(KEY)
        return policy if policy in (STOP, REPORT) else LATCH

    def set_policy(self, _=None):
        """Make the guards act as the owner wants it."""
        policy = self.policy
        for guard in self._guards:
            guard.BLOCKS = guard.FAULTED = policy != REPORT
            guard.RULE = _SERVICE if policy == LATCH else _CLEARS
        if self.latched and policy != LATCH:
            self._forget()

    def poll(self):
        """Look at the switch; at the first looks after a start-up, too."""
        if self.latched:
            self._trip()  # acknowledge() is the only way out
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

    def acknowledge(self, who: str) -> bool:
        """The owner has looked at it: True when the latch is gone, False while the lid is open."""
        if self.open or self._raw:
            return False
        if self.latched:
            self._forget()
            self._on_event(events.TAMPER_CLEARED, who)
        for guard in self._guards:
            if guard.tripped:
                guard.release()
        return True

    def report(self) -> dict:
        """As plain data."""
        return {"open": self.open, "latched": self.latched, "policy": self.policy}

    def _opened(self):
        if self.policy == LATCH and not self.latched:
            self.latched = True
            try:
                self._files.write(FILE, b"open")
            except OSError as error:
                log.error("tamper", "latch not written: " + log.reason(error))
            self._trip()
        self._on_event(events.TAMPER, "enclosure open at start-up" if self._first else "enclosure opened")

    def _trip(self):
        for guard in self._guards:
            guard.tripped = True

    def _forget(self):
        self.latched = False
        try:
            self._files.delete(FILE)
        except OSError as error:
            log.error("tamper", "latch not deleted: " + log.reason(error))
