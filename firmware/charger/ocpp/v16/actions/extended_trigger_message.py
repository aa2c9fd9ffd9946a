"""ExtendedTriggerMessage (WP-46): answer first, then send. Shared triggers are handled by TriggerMessage."""

from charger.ocpp.v16.actions import trigger_message

SPEC = ("obj", (("requestedMessage", ("str", 50)),), (("connectorId", ("int", 1, None)),))


def handle(cp: ChargePoint, request: dict):
    """Return Accepted, Rejected when it is not possible now, or NotImplemented when the message cannot be triggered."""
    message = request["requestedMessage"]
    if message == "LogStatusNotification":
        cp.after(cp.logs().trigger)
    elif message == "FirmwareStatusNotification":
        return _signed(cp)  # here it means the signed one
    elif message == "SignChargePointCertificate":
        return _sign(cp)
    elif message in ("BootNotification", "Heartbeat", "MeterValues", "StatusNotification"):
        return trigger_message.handle(cp, request)
    else:
        return {"status": "NotImplemented"}
    return {"status": "Accepted"}


async def _signed(cp: ChargePoint) -> dict:
    cp.after((await cp.load_signed_firmware()).trigger)
    return {"status": "Accepted"}


def _sign(cp: ChargePoint) -> dict:
    """A new key pair and a SignCertificate; not without a CpoName for the request (WP-15)."""
    service = cp.certificates()
    if service is None:
        return {"status": "NotImplemented"}
    if not service.may_renew():
        return {"status": "Rejected"}
    cp.after(service.trigger)
    return {"status": "Accepted"}
