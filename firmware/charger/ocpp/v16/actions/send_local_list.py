"""SendLocalList (OCPP-56)."""

from charger.ocpp.v16.services.id_tag_table import INFO

_ENTRY = ("obj", (("idTag", ("str", 20, 1)),), (("idTagInfo", INFO),))
SPEC = (
    "obj",
    (
        ("listVersion", ("int", None, None)),
        ("updateType", ("enum", ("Differential", "Full"))),
    ),
    (("localAuthorizationList", ("list", _ENTRY, None)),),
)


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted, Failed, VersionMismatch, or NotSupported while the list is switched off."""
    if not cp.config.get_bool("LocalAuthListEnabled"):
        return {"status": "NotSupported"}
    full, entries = request["updateType"] == "Full", request.get("localAuthorizationList", [])
    return {"status": await cp.id_tags.local_list().update(request["listVersion"], full, entries)}
