"""StatusNotification: contents, timing and suppression of repetitions (OCPP-80 to 84)."""

from micropython import const

from charger import clock
from charger.outlet import connector_status

_MAX_MISSED = const(8)  # errors kept while offline

_MAX_PASSED = const(8)  # intermediate statuses before one that MinimumStatusDuration delays

# A status that a living link did not deliver is sent so often, with this pause times the number of earlier attempts.
_ATTEMPTS = const(3)
_PAUSE_MS = const(60000)

# A fault that comes back: its end has to last so long to be told, twice as long each time.
_CALM_MS = const(10000)
_MOST_CALM_MS = const(320000)
_RECENT_MS = const(600000)  # since the last fault: later than this it is a first one again


class StatusNotification:
    """`send(notification, failed, triggered)` queues one; failed(notification) is called when it was not delivered."""

    def __init__(self, config: Configuration, connectors: list, send: Callable, ready: Callable):
        self._config = config
        self._connectors = connectors
        self._send = send
        self._ready = ready
        self._reported = {}  # connector id -> (status, error code, info) that was sent or is queued
        self._waiting = {}  # connector id -> uptime in ms of a change that has to last before it is sent
        self._passed = {}  # connector id -> notifications of the changes since the last one sent
        self._faults = {}  # connector id -> (repeats, uptime in ms of the last one, those that were told)
        self._calm_ms = {}  # connector id -> how long its waiting change has to last because faults come back
        self._missed = []  # notifications of errors while offline
        self._unsent = {}  # connector id -> uptime in ms of its last change that was not delivered or was offline
        self._repeat = {}  # connector id -> (attempts, uptime in ms of the last one) of an undelivered present status
        self._conflict = None  # what the last LocalListConflict was about
        self.unavailable = False  # connector 0 by ChangeAvailability
        self.fault = None  # (error code, info) of the charger as a whole, or None

    def of(self, connector_id: int) -> tuple:
        """(status, error code, info) of a connector now; connector 0 is Available, Unavailable or Faulted."""
        if connector_id == 0:
            if self.fault is not None:
                return "Faulted", self.fault[0], self.fault[1][:50]
            return "Unavailable" if self.unavailable else "Available", "NoError", ""
        connector = self._connectors[connector_id - 1]
        return connector.status, connector.error_code, connector.info[:50]

    def changed(self, connector_id: int) -> None:
        """Note a change of a connector's status (0: of the charger)."""
        now = self.of(connector_id)
        if not self._ready():
            self._unsent[connector_id] = clock.uptime_ms()
            if now[1] != "NoError":
                self._miss(connector_id, now)
            return
        known = self._reported.get(connector_id)
        if known is not None and _same(known, now):
            if now[1] != "NoError":
                self._note_fault(connector_id, now, 0)
            self._forget(connector_id)
            return
        passed = self._passed.setdefault(connector_id, [])
        if len(passed) == _MAX_PASSED:
            passed.pop(1)
        passed.append(self.payload(connector_id, now))
        if self._has_to_last(connector_id, known, now):
            self._waiting[connector_id] = clock.uptime_ms()
            return
        self._send_path(connector_id, now, clock.uptime_ms())

    def _has_to_last(self, connector_id: int, known: tuple | None, now: tuple) -> bool:
        """Whether a change waits: the end of faults that come back, one of them after another; MinimumStatusDuration."""
        in_use = self._calm_ms.pop(connector_id, 0) > 0  # a second change after the fault
        if known is None:
            known = now[0], "NoError", ""
        calm_ms = 0
        if now[1] != "NoError":
            if known[1:] != now[1:]:
                if self._note_fault(connector_id, now, 1) and known[1] != "NoError":
                    calm_ms = self._calm_after_faults(connector_id)
        elif known[1] != "NoError" and not in_use:
            calm_ms = self._calm_after_faults(connector_id)
        if calm_ms:
            self._calm_ms[connector_id] = calm_ms
            return True
        return now[1] == "NoError" and known[0] != now[0] and self._config.get_int("MinimumStatusDuration") > 0

    def _note_fault(self, connector_id: int, now: tuple, times: int) -> bool:
        """Remember a fault; True when the same one was told in these troubles, which counts so many times."""
        repeats, seen_ms, told = self._faults.get(connector_id, (0, 0, ()))
        now_ms = clock.uptime_ms()
        if now_ms - seen_ms > _RECENT_MS:
            repeats, told = 0, ()
        again = now in told
        if again:
            repeats += times
        else:
            told = told[-_MAX_MISSED:]
            told += (now,)
        self._faults[connector_id] = repeats, now_ms, told
        return again

    def _calm_after_faults(self, connector_id: int) -> int:
        repeats = self._faults.get(connector_id, (0,))[0]
        return min(_CALM_MS << min(repeats - 1, 8), _MOST_CALM_MS) if repeats else 0

    def _miss(self, connector_id: int, now: tuple) -> None:
        """Keep an error that occurred without a link, once."""
        about = [notification for notification in self._missed if notification["connectorId"] == connector_id]
        if len(self._missed) < _MAX_MISSED and (not about or _status_in(about[-1]) != now):
            self._missed.append(self.payload(connector_id, now))

    def update_fault(self) -> None:
        """Set the fault of connector 0: a guard of the whole board is tripped at any outlet."""
        for connector in self._connectors:
            guard = connector.outlet.board_guard
            if guard is not None:
                if self.fault != (guard.CODE, guard.INFO):
                    self.set_fault(guard.CODE, guard.INFO)
                return
        if self.fault is not None:
            self.set_fault(None)

    def set_fault(self, code: str | None, info: str = "") -> None:
        """Set a fault of the whole charger, or None."""
        self.fault = None if code is None else (code, info)
        self.changed(0)

    def second(self) -> None:
        """Send the statuses that have lasted as long as they have to, and repeat those that were not delivered."""
        if self._repeat:
            for connector_id in list(self._repeat):
                times, tried_ms = self._repeat[connector_id]
                if self._ready() and clock.uptime_ms() - tried_ms >= _PAUSE_MS * times:
                    self._send_status(connector_id, self.of(connector_id), times + 1)
        if not self._waiting:
            return
        least_ms = 1000 * self._config.get_int("MinimumStatusDuration")
        for connector_id in list(self._waiting):
            changed_ms = self._waiting[connector_id]
            if clock.uptime_ms() - changed_ms >= max(least_ms, self._calm_ms.get(connector_id, 0)):
                self._send_path(connector_id, self.of(connector_id), changed_ms)

    def sync(self, everything: bool = False) -> None:
        """Send missed errors, then every changed status, after a reconnect or start-up (OCPP-11, 26, 82)."""
        if everything:
            self._reported = {}
        missed, self._missed = self._missed, []
        for notification in missed:
            connector_id = notification["connectorId"]
            self._reported[connector_id] = _status_in(notification)
            self._send(notification, self._missed_again)
        self.update_fault()
        for connector in self._connectors:
            connector.poll()  # sends the present status, not that of the last poll
        for connector_id in range(len(self._connectors) + 1):
            now = self.of(connector_id)
            known = self._reported.get(connector_id)
            if known is None or not _same(known, now):
                self._send_status(connector_id, now)
        self._unsent = {}

    def lost(self) -> None:
        """The link is down: drop delayed statuses; sync() sends the present ones, with the moments of their changes."""
        self._unsent.update(self._waiting)
        self._waiting = {}
        self._passed = {}
        self._calm_ms = {}
        self._repeat = {}

    def _missed_again(self, notification: dict) -> None:
        """Keep an error for the next link when this one was lost, too."""
        if not self._ready() and len(self._missed) < _MAX_MISSED:
            self._missed.append(notification)

    def conflict(self, about: tuple) -> None:
        """Report that the local list and the back end disagree about (idTag, listVersion), once (OCPP-55)."""
        if about == self._conflict:
            return
        self._conflict = about
        status = self.of(0)[0]
        self._send(self.payload(0, (status, "LocalListConflict", "")), self._conflict_lost)

    def _conflict_lost(self, _notification: dict) -> None:
        self._conflict = None

    def _send_status(self, connector_id: int, now: tuple, times: int = 1) -> None:
        changed_ms = self._waiting.get(connector_id, self._unsent.get(connector_id, clock.uptime_ms()))
        self._forget(connector_id)
        self._report(self.payload(connector_id, now, changed_ms), now, changed_ms, times)

    def _send_path(self, connector_id: int, now: tuple, changed_ms: int, triggered: bool = False) -> None:
        """Send a status, after the intermediate ones if OCPP has no direct transition from the last one sent."""
        known = self._reported.get(connector_id)
        passed = self._passed.get(connector_id) or [self.payload(connector_id, now)]
        self._forget(connector_id)
        path = _shortest(None if known is None else known[0], passed) if connector_id else passed[-1:]
        for notification in path[:-1]:
            self._send(notification, None, triggered)
        self._report(path[-1], now, changed_ms, 1, triggered)

    def trigger(self, connector_id: int) -> None:
        """Send the present status at once, for TriggerMessage; one that MinimumStatusDuration delays counts as sent then."""
        changed_ms = self._waiting.get(connector_id, clock.uptime_ms())
        self._send_path(connector_id, self.of(connector_id), changed_ms, True)

    def _report(self, notification: dict, now: tuple, changed_ms: int, times: int, triggered: bool = False) -> None:
        """Send the present status of a connector, for the n-th time."""
        connector_id = notification["connectorId"]
        self._reported[connector_id] = now
        self._unsent.pop(connector_id, None)
        self._repeat.pop(connector_id, None)

        def failed(_notification: dict) -> None:
            if self._reported.get(connector_id) is not now:
                return  # a later one has followed
            self._reported.pop(connector_id)
            self._unsent.setdefault(connector_id, changed_ms)
            if self._ready() and times < _ATTEMPTS:  # else the next sync() sends it
                self._repeat[connector_id] = (times, clock.uptime_ms())

        self._send(notification, failed, triggered)

    def _forget(self, connector_id: int) -> None:
        self._waiting.pop(connector_id, None)
        self._passed.pop(connector_id, None)
        self._calm_ms.pop(connector_id, None)

    def payload(self, connector_id: int, now: tuple, changed_ms: int | None = None) -> dict:
        """Make a StatusNotification of the present status, since an uptime or now; without a time while it is unknown."""
        notification = {"connectorId": connector_id, "errorCode": now[1], "status": now[0]}
        if now[2]:
            notification["info"] = now[2]
            vendor = self._config.get_str("ChargePointVendor")
            if vendor:
                notification["vendorId"] = vendor[:255]
        moment = clock.utc_ms_at(clock.uptime_ms() if changed_ms is None else changed_ms)
        if moment is not None:
            notification["timestamp"] = clock.iso_ms(moment)
        return notification


def _status_in(notification: dict) -> tuple:
    """Return (status, error code, info) of a notification."""
    return notification["status"], notification["errorCode"], notification.get("info", "")


def _same(known: tuple, now: tuple) -> bool:
    """True for an equal status; `info` counts only beside an error."""
    return known[:2] == now[:2] and (now[1] == "NoError" or known[2] == now[2])


def _shortest(status: str | None, passed: list) -> list:
    """Return the shortest list of notifications from a status to the last one that OCPP's table allows (OCPP-80)."""
    last = len(passed) - 1
    if status is None or status == passed[last]["status"] or connector_status.allowed(status, passed[last]["status"]):
        return passed[last:]
    for notification in passed[:last]:
        middle = notification["status"]
        if connector_status.allowed(status, middle) and connector_status.allowed(middle, passed[last]["status"]):
            return [notification, passed[last]]
    return passed
