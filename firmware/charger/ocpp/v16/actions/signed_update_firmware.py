"""SignedUpdateFirmware (WP-30, 31): the certificate is checked before the answer, the signature after the download."""

from charger import clock

SPEC = (
    "obj",
    (
        ("requestId", ("int", None, None)),
        (
            "firmware",
            (
                "obj",
                (
                    ("location", ("str", 512, 1)),
                    ("retrieveDateTime", ("time",)),
                    ("signingCertificate", ("text", 5500)),
                    ("signature", ("text", 800)),
                ),
                (("installDateTime", ("time",)),),
            ),
        ),
    ),
    (
        ("retries", ("whole", 0, 100)),
        ("retryInterval", ("whole", 0, 86400)),
    ),
)


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Return the status; SignedFirmwareStatusNotifications report the progress."""
    firmware = request["firmware"]
    job = {
        "id": request["requestId"],
        "location": firmware["location"],
        "retrieve_s": clock.seconds_of(firmware["retrieveDateTime"]),
        "install_s": clock.seconds_of(firmware.get("installDateTime")),
        "certificate": firmware["signingCertificate"],
        "signature": firmware["signature"],
        "retries": int(request.get("retries", 0)),
        "interval_s": int(request.get("retryInterval", 60)),
    }
    service = await cp.load_signed_firmware()
    status = await service.status_of_request(job)
    if status.startswith("Accepted"):
        cp.after(lambda: service.start(job))
    return {"status": status}
