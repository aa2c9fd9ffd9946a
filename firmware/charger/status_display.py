"""Status display: state, power, energy, limit, the reason for waiting, faults and a hint for the set-up, in rows of text.

A job of housekeeping steps it ten times a second: it writes one row at most, and asks for the texts once a second. The
control tick has no part in it. docs/PARTS.md shows the rows.
"""

from micropython import const

from charger.outlet import connector_status as st

_TEXTS_EACH = const(10)  # polls
_TURN_EACH = const(50)  # of several connectors each is shown for 5 s
_BEGIN_EACH = const(600)  # a display that lost its settings or its memory in a dip of its supply shows nothing until then
_RETRY_AFTER = const(100)  # polls, of a display that does not answer
_REASON_ROW = const(3)
_HINT_ROW = const(6)
_WORDS = {
    st.AVAILABLE: "Ready",
    st.PREPARING: "Preparing",
    st.CHARGING: "Charging",
    st.SUSPENDED_EV: "Car pauses",
    st.SUSPENDED_EVSE: "Waiting",
    st.FINISHING: "Finished",
    st.RESERVED: "Reserved",
    st.UNAVAILABLE: "Out of service",
    st.FAULTED: "FAULT",
}


class StatusDisplay:
    """Shows rows_of() on a driver of drivers/displays. `errors` counts transfers that failed."""

    def __init__(self, connectors: list, supervisor: Supervisor, updates: UpdateManager | None, network: tuple, display: Any):
        """`network` is (Wifi, its station, the vault)."""
        self._connectors = connectors
        self._of_unit = (supervisor, updates, network)
        self._display = display
        self._shown: list = []  # texts on the display
        self._wanted: list = []
        self._polls = 0
        self._rest = 0  # polls without an attempt
        self.errors = 0

    def poll(self) -> None:
        """Write the next row that differs. A display that does not answer is asked again after 10 s."""
        if self._rest:
            self._rest -= 1
            return
        try:
            self._step()
        except OSError:
            self.errors += 1
            self._polls = 0
            self._rest = _RETRY_AFTER

    def _step(self) -> None:
        polls, self._polls = self._polls, self._polls + 1
        display = self._display
        if polls % _BEGIN_EACH == 0:
            display.begin()
            self._shown = [None] * display.ROWS
            return
        if polls % _TEXTS_EACH == 1:
            connectors = self._connectors
            connector = connectors[polls // _TURN_EACH % len(connectors)]
            hint = _hint(*self._of_unit)
            self._wanted = rows_of(connector, connectors, hint, display.ROWS, display.COLUMNS)
        for row in range(len(self._wanted)):
            text = self._wanted[row]
            if text != self._shown[row]:
                display.show(row, text)
                self._shown[row] = text
                return


def rows_of(connector: Connector, connectors: list, hint: str, rows: int, columns: int) -> list:
    """Texts of all rows: of one of the connectors, and the unit's hint."""
    outlet, session = connector.outlet, connector.session
    state = _WORDS.get(connector.status, connector.status)
    reading = connector.meter.reading
    hundreds_w = max(0, reading.total_mw() // 100000) if reading.usable() else 0
    texts = [state if len(connectors) == 1 else "%d %s" % (connector.id, state)]
    if session is None:
        texts.append("")
    else:
        tenths = (connector.meter.reported_wh() - session.start_wh) // 100
        texts.append("%d.%dkW %d.%dkWh" % (hundreds_w // 10, hundreds_w % 10, tenths // 10, tenths % 10))
    limit_da = outlet.limits.effective_da
    texts.append("Limit %d.%d A" % (limit_da // 10, limit_da % 10))
    texts += _wrapped(_reason(connector), columns, _HINT_ROW - _REASON_ROW)
    return texts + _wrapped(hint, columns, rows - _HINT_ROW)


def _reason(connector: Connector) -> str:
    """The fault, or why no energy flows, or what decides the current."""
    code = connector.error_code
    reason = connector.why_no_energy()
    if code != "NoError":
        return (code + " " + reason).rstrip()
    return reason or "by " + connector.outlet.limits.describe_source()


def _hint(supervisor: Supervisor, updates: UpdateManager | None, network: tuple) -> str:
    """The unit's message to a person: a failure, an update, or the way into a network."""
    wifi, station, vault = network
    if supervisor.failed:
        return "Failed: " + supervisor.failed
    if updates is not None and updates.busy:
        return "Update: leave the power on"
    setup = wifi.setup
    if setup is not None:
        return "Set-up Wi-Fi is open: %d min" % ((setup.left_s + 59) // 60)
    if station.isconnected():
        return ""
    return "No network" if "wifi/name" in vault.names() else "No network: hold the button"


def _wrapped(text: str, columns: int, rows: int) -> list:
    """The text in so many rows, broken between words where it can be; the rest is left out."""
    found = []
    for _ in range(rows):
        end = len(text)
        if end > columns:
            end = text.rfind(" ", 0, columns + 1)
            if end <= 0:
                end = columns
        found.append(text[:end])
        text = text[end:].lstrip()
    return found
