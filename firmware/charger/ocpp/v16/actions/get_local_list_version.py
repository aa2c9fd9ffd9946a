"""GetLocalListVersion (OCPP-56): 0 for an empty list, -1 while the list is switched off."""

SPEC = ("obj", ())


def handle(cp: ChargePoint, request: dict) -> dict:
    """The version of the list."""
    enabled = cp.config.get_bool("LocalAuthListEnabled")
    return {"listVersion": cp.id_tags.local_list().version if enabled else -1}
