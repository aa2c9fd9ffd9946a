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
    connector = _connector_for(cp, request.get("connectorId"), tag)
    fields = request.get("chargingProfile")
    if connector is None or not cp.boot.accepted:
        return {"status": "Rejected"}
    profile = profiles = None
    if fields is not None and cp.config.has_profile("SmartCharging"):
        profiles = cp.smart_charging()
        profile = profiles.profile_for_start(connector.id, fields)
        if profile is None:
            return {"status": "Rejected"}
        profiles.under_way(profile, True)  # its place is kept from now on
    connector.promised = True
    cp.after(lambda: cp.authorisation.remote_start(connector, tag, profile, profiles))
    return {"status": "Accepted"}


def _connector_for(cp: ChargePoint, connector_id: int | None, tag: str) -> Connector | None:
    """Return the connector for a remote start, None when none is available (OCPP-65).

    When the request has no connectorId, it is the first with a vehicle, else a free one, that which is reserved for the idTag
    before others, else one in Finishing.
    """
    if connector_id is not None:
        candidates = [cp.connector(connector_id)]
    else:
        candidates = sorted(cp.connectors, key=lambda c: _use_first(c, cp.claim(c.id, tag, None)[1] is None))
    for connector in candidates:
        if connector is None or not connector.accepts_start() or connector.pending is not None or connector.promised:
            continue
        if not cp.availability.wanted(connector.id):
            continue
        if cp.authorisation.may_claim(connector.id, tag) or cp.reservations().for_group(connector.id):
            return connector  # in the second case Authorize tells the parent
    return None


def _use_first(connector: Connector, others: bool) -> tuple:
    """Order of the connectors for a start that names none: with a new vehicle, free, used before; not reserved for it: later."""
    used = connector.session is not None or connector.status == "Finishing"
    return used, not connector.view.plugged, others, connector.id
