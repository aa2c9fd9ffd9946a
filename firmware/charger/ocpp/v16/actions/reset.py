"""Reset (OCPP-70): answer first, then restart."""

SPEC = ("obj", (("type", ("enum", ("Hard", "Soft"))),))


def handle(cp: ChargePoint, request: dict) -> dict:
    """Return Accepted: the charger can restart in every state."""
    kind = request["type"]
    cp.after(lambda: cp.unit_reset().begin(kind))
    return {"status": "Accepted"}
