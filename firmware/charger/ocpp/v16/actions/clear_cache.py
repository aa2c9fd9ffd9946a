"""ClearCache (OCPP-57)."""

SPEC = ("obj", ())


def handle(cp: ChargePoint, request: dict) -> dict:
    """Rejected when the cache is switched off."""
    if not cp.config.get_bool("AuthorizationCacheEnabled"):
        return {"status": "Rejected"}
    cp.id_tags.cache().clear()
    return {"status": "Accepted"}
