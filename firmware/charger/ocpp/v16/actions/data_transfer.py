"""DataTransfer (OCPP-75). The charger has no vendor messages of its own yet: every vendor is unknown to it."""

SPEC = (
    "obj",
    (("vendorId", ("str", 255)),),
    (
        ("messageId", ("str", 50)),
        ("data", ("text", 16384)),
    ),
)


def handle(cp: ChargePoint, request: dict) -> dict:
    """UnknownMessageId for our own vendor id, UnknownVendorId for any other."""
    ours = request["vendorId"].lower() == cp.config.get_str("ChargePointVendor").lower()
    return {"status": "UnknownMessageId" if ours else "UnknownVendorId"}
