"""Meter values: periodic, clock-aligned, triggered, and those in StopTransaction (OCPP-90 to 96)."""

import json

from micropython import const

from charger import clock
from charger.metering import measurands
from charger.ocpp.v16.stamps import exact_stamp, stamp_in
from charger.ocpp.v16.transaction_queue import UNCONFIRMED, thin

PERIODIC = "Sample.Periodic"
ALIGNED = "Sample.Clock"
TRIGGER = "Trigger"
BEGIN = "Transaction.Begin"
END = "Transaction.End"
INTERRUPTED = "Interruption.Begin"
RESUMED = "Interruption.End"

_LATE_S = const(10)  # an aligned reading may be taken so much later
_STOP_BYTES = const(3000)  # bytes of samples kept for one StopTransaction


class MeterValues:
    """post_call() and ready() are those of the charge point; second() is called once a second."""

    def __init__(self, config: Configuration, connectors: list, transaction_queue: TransactionQueue,
                 post_call: Callable, ready: Callable):  # fmt: skip
        self._config = config
        self._connectors = connectors
        self._transaction_queue = transaction_queue
        self._post_call = post_call
        self._ready = ready
        self._due_s = {}  # local id -> uptime of its next periodic sample
        self._kept = {}  # local id -> samples for StopTransaction, as JSON
        self._interrupted = set()  # local ids of sessions interrupted by a fault
        self._aligned_s = 0  # ClockAlignedDataInterval for which the next time was computed
        self._next_s = None  # the next aligned time, UTC
        self._last_s = None  # the last one that was read
        clock.on_step(self._stepped)
        config.on_change("MeterValueSampleInterval", self._interval_changed)

    # --- sessions ---

    def started(self, session: Session | None) -> None:
        """A session has begun."""
        interval_s = self._config.get_int("MeterValueSampleInterval")
        self._due_s[session.local_id] = clock.uptime_s() + interval_s
        if self._stop_names():
            moment = exact_stamp(session.start_utc, session.start_uptime_ms, session.boot_id)
            self._keep(session.local_id, self._begin_end_names(), session.connector_id, BEGIN, moment)

    def transaction_data(self, session: Session | None, moment: int) -> list | None:
        """Return the transactionData of an ended session, None when none is configured (OCPP-92)."""
        self._due_s.pop(session.local_id, None)
        self._interrupted.discard(session.local_id)
        kept = self._kept.pop(session.local_id, None)
        if not self._stop_names():
            return None
        data = [json.loads(text) for text in kept or ()]
        if not data or data[0]["sampledValue"][0]["context"] != BEGIN:  # lost by a power cut, or the list was empty then
            # where it is known to the second only: not before the start, which may have been sent with milliseconds
            begin = exact_stamp(session.start_utc, session.start_uptime_ms, session.boot_id, 999)
            data.insert(0, {"timestamp": begin, "sampledValue": [measurands.energy(session.start_wh, BEGIN)]})
        values = [measurands.energy(session.stop_wh, END)]
        if not session.recovered:
            names = [name for name in self._begin_end_names() if name != measurands.ENERGY]
            values += measurands.sampled(names, self._connectors[session.connector_id - 1], END)
        data.append({"timestamp": moment, "sampledValue": values})
        return data

    def status_changed(self, connector: Connector) -> None:
        """Send a reading when a fault interrupts a session and when it continues (OCPP-94)."""
        session = connector.session
        if session is None or not self._config.get_int("MeterValueSampleInterval"):
            return
        faulted = connector.status == "Faulted"
        if faulted == (session.local_id in self._interrupted):
            return
        if faulted:
            self._interrupted.add(session.local_id)
        else:
            self._interrupted.discard(session.local_id)
        names = self._config.get_list("MeterValuesSampledData")
        self._send(connector, names, INTERRUPTED if faulted else RESUMED, stamp_in(session), session)

    def _interval_changed(self, value: str) -> None:
        for local_id in self._due_s:
            self._due_s[local_id] = clock.uptime_s() + int(value)

    def _stop_names(self) -> bool:
        return bool(self._config.get_str("StopTxnSampledData") or self._config.get_str("StopTxnAlignedData"))

    def _begin_end_names(self) -> list:
        names = self._config.get_list("StopTxnSampledData") or self._config.get_list("StopTxnAlignedData")
        if measurands.ENERGY not in names:
            names.insert(0, measurands.ENERGY)
        return names

    def _keep(self, local_id: int, names: list, connector_id: int, context: str, moment: int) -> None:
        """Keep a sample for StopTransaction; when there are too many, drop some in the middle."""
        values = measurands.sampled(names, self._connectors[connector_id - 1], context)
        if not values:
            return
        kept = self._kept.setdefault(local_id, [])
        kept.append(json.dumps({"timestamp": moment, "sampledValue": values}))
        if sum(len(text) for text in kept) > _STOP_BYTES and len(kept) > 2:
            thin(kept)

    # --- clock ---

    def second(self) -> None:
        """Take the samples that are due; an aligned moment is not after those of now."""
        self._aligned()
        for connector in self._connectors:
            session = connector.session
            if session is not None and not connector.stopping:
                self._periodic(connector, session)

    def _periodic(self, connector: Connector, session: Session | None) -> None:
        interval_s = self._config.get_int("MeterValueSampleInterval")
        due = self._due_s.get(session.local_id)
        now = clock.uptime_s()
        if not interval_s or due is None or now < due:
            return
        due += interval_s
        self._due_s[session.local_id] = due if due > now else now + interval_s
        moment = stamp_in(session)
        self._send(connector, self._config.get_list("MeterValuesSampledData"), PERIODIC, moment, session)
        names = self._config.get_list("StopTxnSampledData")
        if names:
            self._keep(session.local_id, names, connector.id, PERIODIC, moment)

    def _stepped(self, old: Any, new: Any, source: Any) -> None:
        """After a clock step of over 10 s compute the next aligned time again; skipped ones are not sent."""
        self._next_s = None

    def _aligned(self) -> None:
        """Send readings every ClockAlignedDataInterval from midnight UTC, for all connectors and connector 0 (OCPP-91)."""
        interval_s = self._config.get_int("ClockAlignedDataInterval")
        now = clock.utc_s()
        if not interval_s or now is None:
            self._next_s = None
            return
        if self._next_s is None or interval_s != self._aligned_s:
            self._aligned_s = interval_s
            self._next_s = now if now % interval_s == 0 else _after(now, interval_s)
        moment_s = self._next_s
        if now < moment_s:
            return
        self._next_s = _after(now, interval_s)
        if now - moment_s <= _LATE_S and moment_s != self._last_s:  # a clock that is set back comes to it again
            self._last_s = moment_s
            self._read_all(moment_s * 1000)

    def _read_all(self, moment: int) -> None:
        """Read all connectors for one aligned time, which is the stamp of all readings."""
        names = self._config.get_list("MeterValuesAlignedData")
        stop_names = self._config.get_list("StopTxnAlignedData")
        self.send_whole(names, ALIGNED, moment)
        for connector in self._connectors:
            session = connector.session
            if session is not None and not _within(session, moment):
                session = None
            self._send(connector, names, ALIGNED, moment, session)
            if session is not None and stop_names:
                self._keep(session.local_id, stop_names, connector.id, ALIGNED, moment)

    # --- sending ---

    def triggered(self, connector_id: int | None) -> list:
        """Return the messages for TriggerMessage(MeterValues): of one connector, or of all including 0 (OCPP-72)."""
        names = self._config.get_list("MeterValuesSampledData")
        messages = []
        if connector_id in (None, 0):
            messages.append(self._whole(names, TRIGGER, stamp_in(None)))
        for connector in self._connectors:
            if connector_id in (None, connector.id):
                session = connector.session
                payload = _payload(connector, names, TRIGGER, stamp_in(session))
                if payload and session is not None and session.transaction_id not in (None, UNCONFIRMED):
                    payload["transactionId"] = session.transaction_id
                messages.append(payload)
        return [payload for payload in messages if payload]

    def send_triggered(self, messages: list) -> None:
        """Send the messages of triggered() at once, before queued ones (F-O12)."""
        for payload in messages:
            self._post(payload, True)

    def _send(self, connector: Connector, names: list, context: str, moment: int, session: Session | None) -> None:
        """Send through the transaction queue in a transaction, otherwise once."""
        if session is None and not self._ready():
            return
        payload = _payload(connector, names, context, moment)
        if payload and session is not None:
            self._transaction_queue.add_reading(session.local_id, payload)
        elif payload:
            self._post(payload, False)

    def send_whole(self, names: list, context: str, moment: int) -> None:
        """Send the reading of connector 0, the sum of the charger."""
        payload = self._whole(names, context, moment) if self._ready() else None
        if payload:
            self._post(payload, False)

    def _whole(self, names: list, context: str, moment: int) -> dict | None:
        """Return the sum of the registers for connector 0; None when it is not configured."""
        if measurands.ENERGY not in names:
            return None
        total_wh = sum(connector.meter.reported_wh() for connector in self._connectors)
        values = [measurands.energy(total_wh, context)]
        return {"connectorId": 0, "meterValue": [{"timestamp": moment, "sampledValue": values}]}

    def _post(self, payload: dict, triggered: bool) -> None:
        """Queue a message that is sent once."""
        value = payload["meterValue"][0]
        moment = value["timestamp"]
        value["timestamp"] = clock.iso_ms(moment) if moment >= 0 else clock.now_iso()
        self._post_call("MeterValues", payload, triggered)


def _after(now: int, interval_s: int) -> int:
    """Return the first aligned time after now."""
    return (now // interval_s + 1) * interval_s


def _within(session: Session | None, moment: int) -> bool:
    """True for an aligned moment of now in a transaction, false where the clock was set back behind its start or readings."""
    start = exact_stamp(session.start_utc, session.start_uptime_ms, session.boot_id)
    return start <= moment and stamp_in(session) - moment <= 2000 * _LATE_S


def _payload(connector: Connector, names: list, context: str, moment: int) -> dict | None:
    """Make a MeterValues message of a connector with one reading, None without a value."""
    values = measurands.sampled(names, connector, context)
    if not values:
        return None
    return {"connectorId": connector.id, "meterValue": [{"timestamp": moment, "sampledValue": values}]}
