"""RemoteStartTransaction (OCPP-65, 66). An empty idTag is taken: the charger then uses FreeVendIdTag on the wire."""

from charger.ocpp.v16.actions import charging_profile_spec

SPEC = (
    "obj",
    (("idTag", ("str", 20)), ("connectorId?", ("int", None, None)), ("chargingProfile?", charging_profile_spec.SPEC)),
)


def handle(cp, request: dict) -> dict:
    """Accepted means that the charger will try."""
    tag = request["idTag"]
    connector = cp.remote_start_connector(request.get("connectorId"), tag)
    profile = request.get("chargingProfile")
    if profile is not None and not cp.config.has_profile("SmartCharging"):
        profile = None
    if connector is None or not cp.boot.accepted:
        return {"status": "Rejected"}
    if profile is not None and not cp.smart_charging.acceptable_for_start(connector.id, profile):
        return {"status": "Rejected"}
    cp.after(lambda: cp.authorisation.remote_start(connector, tag, profile))
    return {"status": "Accepted"}
