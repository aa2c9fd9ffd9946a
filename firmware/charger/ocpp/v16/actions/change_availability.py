"""ChangeAvailability (OCPP-69)."""

SPEC = ("obj", (("connectorId", ("int", None, None)), ("type", ("enum", ("Inoperative", "Operative")))))


def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted, Scheduled while a transaction runs, Rejected for a connector that is not there."""
    connector_id = request["connectorId"]
    if not 0 <= connector_id <= len(cp.connectors):
        return {"status": "Rejected"}
    return {"status": cp.availability.change(connector_id, request["type"] == "Operative")}
