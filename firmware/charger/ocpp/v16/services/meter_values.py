"""Meter values: sampled, clock-aligned, triggered, and those that go with StopTransaction (OCPP-90 to 96)."""

import json

from micropython import const

from charger import clock
from charger.metering import measurands
from charger.ocpp.v16 import transaction_queue

PERIODIC = "Sample.Periodic"
ALIGNED = "Sample.Clock"
TRIGGER = "Trigger"
BEGIN = "Transaction.Begin"
END = "Transaction.End"
INTERRUPTED = "Interruption.Begin"
RESUMED = "Interruption.End"

_STOP_BYTES = const(3000)  # of samples kept for one StopTransaction


class MeterValues:
    """Owned by the charge point `cp`; second() is called once a second."""

    def __init__(self, cp):
        self._cp = cp
        self._config = cp.config
        self._due_s = {}  # local id -> uptime of its next periodic sample
        self._kept = {}  # local id -> samples for StopTransaction, as JSON
        self._interrupted = set()  # local ids of sessions that a fault holds up
        self._slot = None  # number of the present clock-aligned interval
        cp.config.on_change("MeterValueSampleInterval", self._interval_changed)

    # --- the course of a session ---

    def started(self, session):
        """A session has begun."""
        interval_s = self._config.get_int("MeterValueSampleInterval")
        self._due_s[session.local_id] = clock.uptime_s() + interval_s
        if self._stop_names():
            self._keep(session.local_id, self._begin_end_names(), session.connector_id, BEGIN)

    def transaction_data(self, session, moment: int) -> list | None:
        """transactionData of a session that has ended, None when none is wanted (OCPP-92)."""
        self._due_s.pop(session.local_id, None)
        self._interrupted.discard(session.local_id)
        kept = self._kept.pop(session.local_id, None)
        if not self._stop_names():
            return None
        data = [json.loads(text) for text in kept or ()]
        if not data:  # the samples were lost with the power: the register at the beginning is known
            begin = transaction_queue.stamp(session.start_utc, session.start_uptime_ms // 1000)
            data.append({"timestamp": begin, "sampledValue": [measurands.energy(session.start_wh, BEGIN)]})
        connector = self._cp.connector(session.connector_id)
        values = [measurands.energy(session.stop_wh, END)]
        if not session.recovered and connector is not None:
            names = [name for name in self._begin_end_names() if name != measurands.ENERGY]
            values += measurands.sampled(names, connector, END)
        data.append({"timestamp": moment, "sampledValue": values})
        return data

    def status_changed(self, connector):
        """A fault interrupts a session, and its end lets it go on: a reading of each moment (OCPP-94)."""
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
        self._send(connector, names, INTERRUPTED if faulted else RESUMED)

    def _interval_changed(self, value: str):
        for local_id in self._due_s:
            self._due_s[local_id] = clock.uptime_s() + int(value)

    def _stop_names(self) -> bool:
        return bool(self._config.get_str("StopTxnSampledData") or self._config.get_str("StopTxnAlignedData"))

    def _begin_end_names(self) -> list:
        names = self._config.get_list("StopTxnSampledData") or self._config.get_list("StopTxnAlignedData")
        if measurands.ENERGY not in names:
            names.insert(0, measurands.ENERGY)
        return names

    def _keep(self, local_id: int, names: list, connector_id: int, context: str):
        """One more sample for StopTransaction; the middle is thinned when it is too much."""
        values = measurands.sampled(names, self._cp.connector(connector_id), context)
        if not values:
            return
        kept = self._kept.setdefault(local_id, [])
        kept.append(json.dumps({"timestamp": transaction_queue.now_stamp(), "sampledValue": values}))
        if sum(len(text) for text in kept) > _STOP_BYTES and len(kept) > 2:
            transaction_queue.thin(kept)

    # --- the clock ---

    def second(self):
        """Take the samples that are due."""
        for connector in self._cp.connectors:
            session = connector.session
            if session is not None and not connector.stopping:
                self._periodic(connector, session)
        self._aligned()

    def _periodic(self, connector, session):
        interval_s = self._config.get_int("MeterValueSampleInterval")
        due = self._due_s.get(session.local_id)
        now = clock.uptime_s()
        if not interval_s or due is None or now < due:
            return
        due += interval_s
        self._due_s[session.local_id] = due if due > now else now + interval_s
        self._send(connector, self._config.get_list("MeterValuesSampledData"), PERIODIC)
        names = self._config.get_list("StopTxnSampledData")
        if names:
            self._keep(session.local_id, names, connector.id, PERIODIC)

    def _aligned(self):
        """Every ClockAlignedDataInterval from midnight UTC, of all connectors and of the whole (OCPP-91)."""
        interval_s = self._config.get_int("ClockAlignedDataInterval")
        now = clock.utc_s()
        if not interval_s or now is None:
            self._slot = None
            return
        slot = now // interval_s
        before, self._slot = self._slot, slot
        if before is None or slot == before:
            return
        names = self._config.get_list("MeterValuesAlignedData")
        stop_names = self._config.get_list("StopTxnAlignedData")
        self.send_whole(names, ALIGNED)
        for connector in self._cp.connectors:
            self._send(connector, names, ALIGNED)
            session = connector.session
            if session is not None and stop_names:
                self._keep(session.local_id, stop_names, connector.id, ALIGNED)

    # --- sending ---

    def trigger(self, connector_id: int | None):
        """TriggerMessage(MeterValues): of one connector, or of all (OCPP-72)."""
        names = self._config.get_list("MeterValuesSampledData")
        for connector in self._cp.connectors:
            if connector_id in (None, connector.id):
                self._send(connector, names, TRIGGER, triggered=True)
        if connector_id == 0:
            self.send_whole(names, TRIGGER, triggered=True)

    def _send(self, connector, names: list, context: str, triggered: bool = False):
        """Of a running transaction: through the queue. Otherwise, and while pending: now or never."""
        values = measurands.sampled(names, connector, context)
        if not values:
            return
        session = connector.session
        queued = session is not None and not (triggered and not self._cp.ready())
        moment = transaction_queue.now_stamp() if queued else clock.now_iso()
        payload = {"connectorId": connector.id, "meterValue": [{"timestamp": moment, "sampledValue": values}]}
        if queued:
            self._cp.outbox.add_reading(session.local_id, payload)
        elif triggered or self._cp.ready():
            if session is not None and session.transaction_id is not None:
                payload["transactionId"] = session.transaction_id
            self._cp.post_call("MeterValues", payload, triggered)

    def send_whole(self, names: list, context: str, triggered: bool = False):
        """Connector 0: what goes through the whole charger."""
        if measurands.ENERGY not in names or not (triggered or self._cp.ready()):
            return
        total_wh = sum(connector.meter.total_wh for connector in self._cp.connectors)
        values = [measurands.energy(total_wh, context)]
        payload = {"connectorId": 0, "meterValue": [{"timestamp": clock.now_iso(), "sampledValue": values}]}
        self._cp.post_call("MeterValues", payload, triggered)
