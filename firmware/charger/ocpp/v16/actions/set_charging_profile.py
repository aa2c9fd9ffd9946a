"""SetChargingProfile (OCPP-100 to 102)."""

from charger.errors import OcppError
from charger.ocpp.transport.error_codes import PROPERTY_CONSTRAINT_VIOLATION
from charger.ocpp.v16.actions import charging_profile_spec
from charger.runtime import cooperative

SPEC = ("obj", (("connectorId", ("int", 0, None)), ("csChargingProfiles", charging_profile_spec.SPEC)))


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted or Rejected; a connector that is not there is an error of the message (OCPP-20)."""
    connector_id = request["connectorId"]
    if connector_id > len(cp.connectors):
        raise OcppError(PROPERTY_CONSTRAINT_VIOLATION, "connectorId: no such connector")
    installed = await cooperative.run(cp.smart_charging().install(connector_id, request["csChargingProfiles"]))
    return {"status": "Accepted" if installed else "Rejected"}
