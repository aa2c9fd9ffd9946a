"""DeleteCertificate (WP-23)."""

SPEC = (
    "obj",
    (
        (
            "certificateHashData",
            (
                "obj",
                (
                    ("hashAlgorithm", ("enum", ("SHA256", "SHA384", "SHA512"))),
                    ("issuerNameHash", ("str", 128)),
                    ("issuerKeyHash", ("str", 128)),
                    ("serialNumber", ("str", 40)),
                ),
            ),
        ),
    ),
)


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted, NotFound, or Failed for one that is in use, or the unit's own."""
    if cp.store is None:
        return {"status": "NotFound"}
    if cp.plain:
        return {"status": "Failed"}
    return {"status": await cp.store.delete(request["certificateHashData"])}
