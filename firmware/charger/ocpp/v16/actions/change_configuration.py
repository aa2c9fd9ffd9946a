"""ChangeConfiguration (OCPP-73)."""

SPEC = ("obj", (("key", ("str", 50)), ("value", ("text", 500))))


def handle(cp: ChargePoint, request: dict) -> dict:
    """The status of the change."""
    if request["key"].lower() in ("authorizationkey", "securityprofile") and cp.plain:
        return {"status": "Rejected"}
    return {"status": cp.config.change(request["key"], request["value"])}
