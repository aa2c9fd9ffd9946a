"""RemoteStopTransaction (OCPP-67)."""

SPEC = ("obj", (("transactionId", ("int", None, None)),))


def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted only for a transaction that runs here."""
    connector = cp.transactions.running(request["transactionId"])
    if connector is None or not cp.boot.accepted:
        return {"status": "Rejected"}
    cp.after(lambda: connector.stop("Remote"))
    return {"status": "Accepted"}
