"""CertificateSigned (WP-17, 18): the certificate requested by SignCertificate."""

SPEC = ("obj", (("certificateChain", ("text", 10000)),))


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Return Accepted or Rejected; after the answer the link reconnects with the new certificate."""
    service = cp.certificates()
    if service is None:
        return {"status": "Rejected"}
    status = await service.signed(request["certificateChain"])
    if status == "Accepted":
        cp.after(service.begin)
    return {"status": status}
