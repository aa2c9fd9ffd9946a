"""ClearChargingProfile (OCPP-109)."""

from charger.ocpp.v16.actions.charging_profile_spec import PURPOSES
from charger.runtime import cooperative

SPEC = (
    "obj",
    (),
    (
        ("id", ("int", None, None)),
        ("connectorId", ("int", 0, None)),
        ("chargingProfilePurpose", PURPOSES),
        ("stackLevel", ("int", 0, None)),
    ),
)


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted, or Unknown when nothing matched."""
    cleared = await cooperative.run(cp.smart_charging().clear(
        request.get("id"), request.get("connectorId"), request.get("chargingProfilePurpose"), request.get("stackLevel")
    ))
    return {"status": "Accepted" if cleared else "Unknown"}
