"""Reset (OCPP-70): answer first, then restart."""

SPEC = ("obj", (("type", ("enum", ("Hard", "Soft"))),))


def handle(cp, request: dict) -> dict:
    """Always Accepted: there is no state in which the charger could not restart."""
    kind = request["type"]
    cp.after(lambda: cp.reset(kind))
    return {"status": "Accepted"}
