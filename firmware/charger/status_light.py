"""Status light: one blink pattern and colour for the unit's most important state. docs/HOME.md shows them to the owner.

A housekeeping job steps it ten times a second, independently of the control tick.
"""

from micropython import const

from charger.outlet import connector_status as st

_STEPS = const(20)  # of 100 ms: a pattern lasts 2 s
# state: (20 steps, the first in the highest bit, 1 is on; colour 0xRRGGBB of a pixel), the most important first
PATTERNS = {
    "fault": (0b10101010101010101010, 0x300000),
    "update": (0b11011011000000000000, 0x181000),
    "setup": (0b11000110000000000000, 0x202020),
    "charging": (0b11111111110000000000, 0x000030),
    "waiting": (0b11111111111111111000, 0x001818),
    "unavailable": (0b10000000000000000000, 0x300000),
    "ready": (0b11111111111111111111, 0x001000),
}
_CONNECTOR = ("fault", "charging", "waiting", "ready", "unavailable")  # states of a connector, the most important first


class StatusLight:
    """Shows state_of() on a driver of drivers/led.py."""

    def __init__(self, connectors: list, supervisor: Supervisor, updates: UpdateManager | None, wifi: Any, led: Any):
        self._parts = (connectors, supervisor, updates, wifi)
        self._led = led
        self._step = 0
        self._shown = -1

    def poll(self) -> None:
        """One step of the pattern; the LED is written only when it changes."""
        self._step = (self._step + 1) % _STEPS
        steps, colour = PATTERNS[state_of(*self._parts)]
        rgb = colour if steps >> (_STEPS - 1 - self._step) & 1 else 0
        if rgb != self._shown:
            self._led.show(rgb)
            self._shown = rgb


def state_of(connectors: list, supervisor: Supervisor, updates: UpdateManager | None, wifi: Any) -> str:
    """The most important state: a key of PATTERNS."""
    found = "unavailable"
    for connector in connectors:
        found = _more_important(found, _of_connector(connector))
    if found == "fault" or supervisor.failed:
        return "fault"
    if updates is not None and updates.busy:
        return "update"
    return "setup" if wifi.setup is not None else found


def _of_connector(connector: Connector) -> str:
    status = connector.status
    if status == st.FAULTED:
        return "fault"
    if connector.outlet.energised:
        return "charging"
    if status == st.AVAILABLE:
        return "ready"
    return "unavailable" if status == st.UNAVAILABLE else "waiting"


def _more_important(one: str, other: str) -> str:
    return one if _CONNECTOR.index(one) < _CONNECTOR.index(other) else other
