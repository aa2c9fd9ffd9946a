"""UpdateFirmware (OCPP-115). Under security profiles 2 and 3 there is the signed message instead (OCPP-116)."""

from charger import clock
from charger.errors import OcppError
from charger.ocpp.transport.error_codes import NOT_SUPPORTED

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


def handle(cp, request: dict) -> dict:
    """Return an empty answer; FirmwareStatusNotifications report the progress."""
    if cp.updater is None or cp.config.get_int("SecurityProfile") >= 2:
        raise OcppError(NOT_SUPPORTED, "")
    location = request["location"]
    retrieve_s = clock.parse_iso(request["retrieveDate"])[0]
    retries = int(request.get("retries", 0))
    interval_s = int(request.get("retryInterval", 60))
    cp.after(lambda: cp.firmware.start(location, retrieve_s, retries, interval_s))
    return {}
