"""Schemas of the JSON files on flash: a file with a valid checksum may be of another version or manipulated (SEC-13).

Checked by their readers: calibration.json, charging_hours.json, departures.json, factory.json, home_cards.json,
ocpp_firmware.json, ocpp_profiles.json, roots_gone.json, tariff.json, trial.json, update.json.
"""

from micropython import const

from charger.errors import InvalidValueError
from charger.validate import check

# Constants take no heap, nor do tuples of them.
_COUNT = const(("int", 0, None))
_NUMBER = const(("int", None, None))
_LOCATION = const(("location", ("str", 1024)))
_NAME = const(("name", ("str", 99)))
_RETRIES = const(("retries", _NUMBER))
_INTERVAL = const(("interval_s", _COUNT))
_SPAN = const(("span", ("list", ("any",), 2, 2)))
_JOB = const(("obj", (("id", _NUMBER), ("status", ("str", 50))), (("location", ("str", 2000)),)))
_SHAPES = {  # by name without digits
    "anchors.json": ("list", ("list", _NUMBER, 2, 2), None),
    "boot.json": ("int", 0, 1 << 30),
    "meter.json": ("list", ("obj", (("meter", ("str", 64)), ("offset_wh", _COUNT), ("boot", _COUNT))), None),
    "months.json": ("obj", (("upto", _COUNT), ("months", ("obj", ())))),
    "ocpp_config.json": ("obj", ()),
    "ocpp_diagnostics.json": ("obj", (_LOCATION, _NAME, _RETRIES, _INTERVAL, _SPAN)),
    "ocpp_firmware_last.json": _JOB,
    "ocpp_log.json": ("obj", (_LOCATION, _NAME, _RETRIES, _INTERVAL, _SPAN, ("kind", ("str", 50)), ("id", _NUMBER))),
    "ocpp_out_of_service.json": ("list", ("int", 0, 99), 100),
    "ocpp_reservations.json": ("list", ("list", ("any",), 5, 5), None),
    "ocpp_signed_firmware.json": _JOB,
    "ocpp_trial.json": ("obj", (), (("profile", ("int", 0, 3)), ("key", ("enum", ("factory", "vault"))))),
    "update_offer.json": ("obj", (), (("version", ("str", 50)), ("url", ("str", 2000)))),
}  # fmt: skip
_RESERVATION = const((_NUMBER, _NUMBER, ("str", 20), ("any",), _NUMBER))


def fault(name: str, value: Any) -> str:
    """Return why the content is not valid for that file; '' when it is valid or the file has no schema."""
    spec = _SHAPES.get("".join([ch for ch in name if not ch.isdigit()]))
    try:
        if spec is not None:
            check(spec, value)
        for row in value if name == "ocpp_reservations.json" else ():
            for number in range(5):
                check(_RESERVATION[number], row[number])
    except InvalidValueError as error:
        return str(error)
    return ""
