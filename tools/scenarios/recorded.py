"""A scenario of a recorded trace: what was done to the charger is derived from what it said, and done again.

Cars, cards, faults and power cuts are in no message; the messages that they cause tell them. A transaction's id is that of the
new run. What comes by the clock (Heartbeat, all but the first MeterValues of a transaction, security events) is not expected, nor
what the back end did not answer with a result; the last message counts without, a trace may end before its answer.
"""

from simulator.tracer import HIDDEN

TIME_SCALE = 10
_LONGEST_WAIT_S = 30  # of the charger's time, between two events
_WITHIN_S = 20  # seconds of this machine, beside what the recorded messages were apart
_CUT_S = 2
_BY_THE_CLOCK = ("Heartbeat", "SecurityEventNotification")
_COMPARED = {
    "BootNotification": ("chargePointVendor", "chargePointModel"),
    "StatusNotification": ("connectorId", "status", "errorCode"),
    "Authorize": ("idTag",),
    "StartTransaction": ("connectorId", "idTag"),
    "MeterValues": ("connectorId", "transactionId"),
    "StopTransaction": ("transactionId", "reason"),
}
_PLUGGED = ("Charging", "SuspendedEV", "SuspendedEVSE")
# Error codes of OCPP that the simulator can raise by the same name.
_FAULTS = ("OtherError", "GroundFailure", "OverCurrentFailure", "HighTemperature", "UnderVoltage", "OverVoltage",
           "PowerMeterFailure", "PowerSwitchFailure", "ConnectorLockFailure", "ReaderFailure", "InternalError",
           "EVCommunicationError")


class _Connector:
    """The state of a connector at this point of the trace."""

    def __init__(self):
        self.plugged = False
        self.status = None
        self.fault = None  # that was raised
        self.transaction = None  # id in the trace


def scenario_of(lines):
    """The content of a scenario file, of the lines of one charger's trace, oldest first."""
    return _Recording(lines).scenario()


def _verdict(answer):
    """The status of a card in an answer; None for an answer without one."""
    return ((answer or {}).get("idTagInfo") or {}).get("status")


class _Recording:
    def __init__(self, lines):
        self._lines = lines
        self._answers = {(line["dir"], line["id"]): line for line in lines if line["kind"] in ("CALLRESULT", "CALLERROR")}
        self._last = next((line for line in reversed(lines) if line["kind"] == "CALL" and line["dir"] == "out"), None)
        self._connectors = {}
        self._names = {}  # transaction id in the trace: what the scenario saves it as
        self._metered = set()
        self._told = []  # payloads of the transactions' messages: the same once more is a repetition
        self._shown = []  # cards that were shown and whose message has come
        self._boots_again = True  # the next BootNotification has its reason in the messages
        self._steps = []
        self._last_ms = None  # of the message before

    def scenario(self):
        """All steps and the head."""
        for number, line in enumerate(self._lines):
            if line["kind"] != "CALL" or not isinstance(line.get("payload"), dict):
                continue
            if line["dir"] == "in":
                self._called(line)
            elif self._result(line) is not None or (line is self._last and ("in", line["id"]) not in self._answers):
                self._said(number, line)
            self._last_ms = line["at_ms"]
        head = {"name": "From a trace", "connectors": max(1, max(self._connectors, default=1)), "time_scale": TIME_SCALE}
        tags = self._tags()
        return head | ({"tags": tags} if tags else {}) | {"steps": self._steps}

    def _result(self, line):
        """The payload of the back end's CALLRESULT to a CALL; None for none and for a CALLERROR."""
        found = self._answers.get(("in", line["id"]))
        return found["payload"] if found is not None and found["kind"] == "CALLRESULT" else None

    def _tags(self):
        """The back end's first answer for each card."""
        tags = {}
        for line in self._lines:
            if line["kind"] == "CALL" and line.get("action") in ("Authorize", "StartTransaction"):
                status = _verdict(self._result(line))
                if status and status != "ConcurrentTx":
                    tags.setdefault(line["payload"].get("idTag"), status)
        return tags

    # --- steps ---

    def _event(self, line, **step):
        """Something that was done to the charger before this message, after as long a pause as there was."""
        pause_s = round((line["at_ms"] - self._last_ms) / 1000) if self._last_ms is not None else 0
        if 1 <= pause_s and not (self._steps and "expect" not in self._steps[-1]):
            self._steps.append({"wait": min(pause_s, _LONGEST_WAIT_S)})
        self._steps.append(step)

    def _expect(self, line):
        payload = {name: item for name, item in line["payload"].items() if not isinstance(item, dict | list)}
        names = _COMPARED.get(line["action"], ("status", "vendorId", "messageId"))
        where = self._renamed({name: payload[name] for name in names if name in payload})
        gap_s = max(0, line["at_ms"] - (self._last_ms or 0)) / 1000
        self._steps.append({"expect": {"message": line["action"], "where": where,
                                       "within": _WITHIN_S + round(3 * gap_s / TIME_SCALE)}})

    def _renamed(self, value):
        """A payload with the transactions of the new run."""
        if isinstance(value, dict):
            return {name: "${%s}" % self._names[item] if name == "transactionId" and item in self._names else self._renamed(item)
                    for name, item in value.items()}
        return [self._renamed(item) for item in value] if isinstance(value, list) else value

    def _of(self, number):
        return self._connectors.setdefault(number, _Connector())

    def _called(self, line):
        """A call of the back end."""
        payload, answer = line["payload"], self._answers.get(("out", line["id"]))
        if payload.get("value") == HIDDEN:
            return
        step = {"action": line["action"], "payload": self._renamed(payload)}
        if answer is None:  # the trace ends before it
            pass
        elif answer["kind"] == "CALLERROR":
            step["error"] = answer["error"][0]
        elif "status" in answer["payload"]:
            step["answer"] = {"status": answer["payload"]["status"]}
        self._event(line, call=step)
        if line["action"] in ("Reset", "UpdateFirmware", "SignedUpdateFirmware"):
            self._boots_again = True
        elif payload.get("requestedMessage") == "BootNotification":
            self._boots_again = True
        if line["action"] == "RemoteStartTransaction" and step.get("answer", {}).get("status") == "Accepted":
            self._shown.append(payload["idTag"])

    def _said(self, number, line):
        """A message of the charger: first what caused it."""
        action, payload = line["action"], line["payload"]
        if action == "BootNotification":
            self._boot(number, line)
        if action in _BY_THE_CLOCK or self._is_repeated(action, payload, line):
            return
        before = {"Authorize": self._authorise, "StartTransaction": self._start, "StopTransaction": self._stop,
                  "StatusNotification": self._status}.get(action)
        if before is not None:
            before(number, line, payload)
        if action == "MeterValues":
            if payload.get("transactionId") in self._metered:
                return
            self._metered.add(payload.get("transactionId"))
        if action == "StopTransaction" and payload.get("transactionId") not in self._names:
            return  # of a transaction that began before the trace
        self._expect(line)
        if action == "StartTransaction":
            self._save(line, payload)

    def _is_repeated(self, action, payload, line):
        """A start or a stop that the charger tells again, as after a power cut; the id may be another one then."""
        if action not in ("StartTransaction", "StopTransaction"):
            return False
        if payload not in self._told:
            self._told.append(payload)
            return False
        connector = self._of(payload["connectorId"]) if action == "StartTransaction" else None
        again = (self._result(line) or {}).get("transactionId")
        if connector is not None and connector.transaction in self._names and again is not None:
            self._names.setdefault(again, self._names[connector.transaction])
            connector.transaction = again
        return True

    def _boot(self, number, line):
        """A BootNotification without a reason in the messages comes after a power cut, or the reset."""
        if not self._boots_again:
            reason = None  # that of the first stop of this start
            for later in self._lines[number:]:
                if later["kind"] != "CALL" or later["dir"] != "out" or not isinstance(later["payload"], dict):
                    continue
                if later["action"] == "BootNotification" and later is not line:
                    break
                if later["action"] == "StopTransaction":
                    reason = later["payload"].get("reason")
                    break
            self._event(line, **({"reboot": {}} if reason == "Reboot" else {"power_cut": _CUT_S}))
        self._last_ms = None  # the clock of at_ms begins anew
        self._boots_again = (self._result(line) or {}).get("status") != "Accepted"

    # --- what causes a message ---

    def _plug(self, line, connector_id):
        connector = self._of(connector_id)
        if not connector.plugged:
            connector.plugged = True
            self._event(line, plug_in=connector_id)

    def _unplug(self, line, connector_id):
        connector = self._of(connector_id)
        if connector.plugged:
            connector.plugged = False
            self._event(line, plug_out=connector_id)

    def _swipe(self, number, line, tag):
        """A card, unless it was shown for this; at the connector that it is used for next."""
        if tag in self._shown:
            return
        for later in self._lines[number:]:
            said = later.get("payload")
            if later["kind"] == "CALL" and later["dir"] == "out" and later["action"] == "StartTransaction" \
                    and said.get("idTag") == tag:
                connector_id = said["connectorId"]
                break
        else:
            connector_id = next((n for n, one in self._connectors.items() if one.plugged and one.transaction is None), 1)
        self._event(line, swipe={"token": tag, "connector": connector_id})

    def _authorise(self, number, line, payload):
        self._swipe(number, line, payload["idTag"])
        if _verdict(self._result(line)) == "Accepted" and payload["idTag"] not in self._shown:
            self._shown.append(payload["idTag"])

    def _start(self, number, line, payload):
        self._plug(line, payload["connectorId"])
        self._swipe(number, line, payload["idTag"])
        if payload["idTag"] in self._shown:
            self._shown.remove(payload["idTag"])

    def _save(self, line, payload):
        transaction = (self._result(line) or {}).get("transactionId")
        if transaction is None:
            return
        self._of(payload["connectorId"]).transaction = transaction
        self._names[transaction] = f"transaction{len(self._names) + 1}"
        self._steps.append({"expect": {"message": "StartTransaction", "from": "back_end", "kind": "result",
                                       "save": {self._names[transaction]: "transactionId"}}})

    def _end(self, number, line, connector_id):
        """The cause that ends a connector's transaction, of which this message is the first sign."""
        connector = self._of(connector_id)
        stop = next((later["payload"] for later in self._lines[number:] if later["kind"] == "CALL" and later["dir"] == "out"
                     and later["action"] == "StopTransaction"
                     and later["payload"].get("transactionId") == connector.transaction), None)
        connector.transaction = None
        reason = (stop or {}).get("reason", "Local")
        if stop is None or reason == "EVDisconnected":
            self._unplug(line, connector_id)
        elif reason == "Local" and stop.get("idTag"):
            if stop["idTag"] in self._shown:
                self._shown.remove(stop["idTag"])
            else:
                self._event(line, swipe={"token": stop["idTag"], "connector": connector_id})

    def _stop(self, number, line, payload):
        for connector_id, connector in self._connectors.items():
            if connector.transaction is not None and connector.transaction == payload.get("transactionId"):
                self._end(number, line, connector_id)

    def _status(self, number, line, payload):
        connector_id, status = payload["connectorId"], payload["status"]
        connector = self._of(connector_id)
        before, connector.status = connector.status, status
        if connector.fault and (status != "Faulted" or payload["errorCode"] != connector.fault):
            self._event(line, clear_fault={"name": connector.fault, "connector": connector_id})
            connector.fault = None
        if status == "Faulted" and connector.fault is None and payload["errorCode"] in _FAULTS:
            connector.fault = payload["errorCode"]
            self._event(line, raise_fault={"name": connector.fault, "connector": connector_id})
        elif connector_id:
            self._car(number, line, connector_id, before, status)

    def _car(self, number, line, connector_id, before, status):
        """A status that a car or its driver has caused."""
        connector = self._of(connector_id)
        if status in ("Finishing", "Available") and connector.transaction is not None:
            self._end(number, line, connector_id)
        if status == "Available":
            if before == "Preparing":
                self._shown.clear()  # no car came in time
            self._unplug(line, connector_id)
        elif status in _PLUGGED or (status == "Preparing" and not self._shown):
            self._plug(line, connector_id)
        if status == "SuspendedEV" and before == "Charging":
            self._event(line, pause=connector_id)
        elif status == "Charging" and before == "SuspendedEV":
            self._event(line, resume=connector_id)
