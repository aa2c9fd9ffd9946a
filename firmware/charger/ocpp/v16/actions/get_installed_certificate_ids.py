"""GetInstalledCertificateIds (WP-21): roots only."""

SPEC = ("obj", (("certificateType", ("enum", ("CentralSystemRootCertificate", "ManufacturerRootCertificate"))),))


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted with the hash data, or NotFound."""
    found = [] if cp.store is None else await cp.store.installed(request["certificateType"])
    if not found:
        return {"status": "NotFound"}
    return {"status": "Accepted", "certificateHashData": found}
