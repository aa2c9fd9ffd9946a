"""ReserveNow (OCPP-71)."""

from charger import clock

SPEC = (
    "obj",
    (
        ("connectorId", ("int", None, None)),
        ("expiryDate", ("time",)),
        ("idTag", ("str", 20, 1)),
        ("reservationId", ("int", None, None)),
    ),
    (("parentIdTag", ("str", 20)),),
)


async def handle(cp, request: dict) -> dict:
    """Accepted, Occupied, Faulted, Unavailable or Rejected."""
    connector_id = request["connectorId"]
    if not 0 <= connector_id <= len(cp.connectors):
        return {"status": "Rejected"}
    until = clock.seconds_of(request["expiryDate"])
    parent = request.get("parentIdTag") or None  # an empty one is no group
    service = cp.reservations()  # made when it is first needed
    await clock.sleep_ms(0)
    status = service.reserve(request["reservationId"], connector_id, request["idTag"], parent, until)
    return {"status": status}
