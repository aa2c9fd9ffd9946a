"""CertificateSigned (WP-17, 18): the certificate that a SignCertificate asked for."""

SPEC = ("obj", (("certificateChain", ("text", 10000)),))


async def handle(cp, request: dict) -> dict:
    """Accepted, or Rejected; the link is made anew with it after the answer."""
    service = cp.certificates
    if service is None:
        return {"status": "Rejected"}
    status = await service.signed(request["certificateChain"])
    if status == "Accepted":
        cp.after(service.begin)
    return {"status": status}
