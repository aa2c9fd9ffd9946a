"""UnlockConnector (OCPP-68)."""

SPEC = ("obj", (("connectorId", ("int", None, None)),))


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Unlocked or UnlockFailed; NotSupported without a lock, and for a connector that is not there."""
    connector = cp.connector(request["connectorId"])
    if connector is None or not cp.config.get_bool("ConnectorLock"):
        return {"status": "NotSupported"}
    return {"status": "Unlocked" if await cp.unlock(connector) else "UnlockFailed"}
