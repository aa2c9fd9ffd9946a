"""GetCompositeSchedule (OCPP-108)."""

from charger import clock

SPEC = (
    "obj",
    (
        ("connectorId", ("int", None, None)),
        ("duration", ("int", 0, None)),
    ),
    (("chargingRateUnit", ("enum", ("A", "W"))),),
)


async def handle(cp: ChargePoint, request: dict) -> dict:
    """The schedule from now on; Rejected for a connector that is not there, and while the time is unknown."""
    connector_id = request["connectorId"]
    now = clock.utc_s()
    if not 0 <= connector_id <= len(cp.connectors) or now is None:
        return {"status": "Rejected"}
    plan = cp.smart_charging().plan
    schedule = await plan.composite(connector_id, now, request["duration"], request.get("chargingRateUnit", "A"))
    return {
        "status": "Accepted",
        "connectorId": connector_id,
        "scheduleStart": clock.iso(now),
        "chargingSchedule": schedule,
    }
