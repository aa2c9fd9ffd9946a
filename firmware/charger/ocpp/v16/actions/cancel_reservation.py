"""CancelReservation (OCPP-71)."""

SPEC = ("obj", (("reservationId", ("int", None, None)),))


def handle(cp: ChargePoint, request: dict) -> dict:
    """Rejected when there is no such reservation."""
    return {"status": "Accepted" if cp.reservations().cancel(request["reservationId"]) else "Rejected"}
