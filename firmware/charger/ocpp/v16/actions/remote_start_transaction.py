"""RemoteStartTransaction (OCPP-65, 66). An empty idTag is taken: the charger then uses FreeVendIdTag on the wire."""

from charger.ocpp.v16.actions import charging_profile_spec

SPEC = (
    "obj",
    (("idTag", ("str", 20)),),
    (
        ("connectorId", ("int", None, None)),
        ("chargingProfile", charging_profile_spec.SPEC),
    ),
)


def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted means that the charger will try."""
    tag = request["idTag"]
    connector = cp.remote_start_connector(request.get("connectorId"), tag)
    fields = request.get("chargingProfile")
    if connector is None or not cp.boot.accepted:
        return {"status": "Rejected"}
    profile = None
    if fields is not None and cp.config.has_profile("SmartCharging"):
        profile = cp.smart_charging.profile_for_start(connector.id, fields)
        if profile is None:
            return {"status": "Rejected"}
        cp.smart_charging.under_way(profile, True)  # its place is kept from now on
    connector.promised = True
    cp.after(lambda: cp.authorisation.remote_start(connector, tag, profile))
    return {"status": "Accepted"}
