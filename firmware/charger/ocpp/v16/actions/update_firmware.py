"""UpdateFirmware (OCPP-115). Under security profiles 2 and 3 there is the signed message instead (OCPP-116)."""

from charger import clock
from charger.errors import OcppError
from charger.ocpp.transport.error_codes import INTERNAL_ERROR, NOT_SUPPORTED

SPEC = (
    "obj",
    (
        ("location", ("str", 1024, 1)),
        ("retrieveDate", ("time",)),
    ),
    (
        ("retries", ("whole", 0, 100)),
        ("retryInterval", ("whole", 0, 86400)),
    ),
)


def handle(cp: ChargePoint, request: dict) -> dict:
    """Return an empty answer; FirmwareStatusNotifications report the progress."""
    if cp.updater() is None or cp.config.get_int("SecurityProfile") >= 2:
        raise OcppError(NOT_SUPPORTED, "")
    if cp.firmware().status == "Installing" or cp.signed_firmware().busy:
        raise OcppError(INTERNAL_ERROR, "another update is under way")
    job = {
        "location": request["location"],
        "retrieve_s": clock.seconds_of(request["retrieveDate"]),
        "retries": int(request.get("retries", 0)),
        "interval_s": int(request.get("retryInterval", 60)),
        "begun": 0,
    }
    cp.firmware().keep(job)
    cp.after(lambda: cp.firmware().start(job))
    return {}
