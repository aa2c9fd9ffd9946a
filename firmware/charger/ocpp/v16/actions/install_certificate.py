"""InstallCertificate (WP-19, 20)."""

SPEC = (
    "obj",
    (
        ("certificateType", ("enum", ("CentralSystemRootCertificate", "ManufacturerRootCertificate"))),
        ("certificate", ("text", 5500)),
    ),
)


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted, Rejected, or Failed where the flash did not take it."""
    if cp.store is None:
        return {"status": "Failed"}
    if cp.plain:
        return {"status": "Rejected"}
    return {"status": await cp.store.install(request["certificateType"], request["certificate"])}
