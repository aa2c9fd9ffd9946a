"""TriggerMessage (OCPP-72): answer first, then send."""

from charger.ocpp.v16.message_queue import MOST_READINGS

SPEC = ("obj", (("requestedMessage", ("str", 50)),), (("connectorId", ("int", None, None)),))


def handle(cp: ChargePoint, request: dict) -> dict:
    """Return Accepted, Rejected when it is not possible now, or NotImplemented when the message cannot be triggered."""
    message = request["requestedMessage"]
    connector_id = request.get("connectorId")
    if message in ("MeterValues", "StatusNotification"):
        if cp.urgent.waiting >= MOST_READINGS or (connector_id is not None and not 0 <= connector_id <= len(cp.connectors)):
            return {"status": "Rejected"}
        if message == "MeterValues":
            messages = cp.meter_values.triggered(connector_id)
            if not messages:
                return {"status": "Rejected"}  # no measurand is configured, or none can be read
            cp.after(lambda: cp.meter_values.send_triggered(messages))
        else:
            cp.after(lambda: cp.send_status(connector_id))
    elif message == "Heartbeat":
        cp.after(lambda: cp.heartbeat(True))
    elif message == "BootNotification":
        if cp.boot.accepted:
            return {"status": "Rejected"}  # OCPP-31
        cp.after(cp.boot.trigger)
    elif message == "DiagnosticsStatusNotification":
        cp.after(cp.diagnostics().trigger)
    elif message == "FirmwareStatusNotification":
        cp.after(cp.firmware().trigger)
    else:
        return {"status": "NotImplemented"}
    return {"status": "Accepted"}
