"""The factory's file for one unit: its schema, its check and the board data derived from it.

A file that is absent, or invalid in any field, counts as empty: the unit then works with the values of its board.py and
without a back end. board.md documents the file.
"""

import json

from charger import validate
from charger.errors import InvalidValueError
from charger.store import file_system

_TEXT = ("str", 512)
_PEM = ("text", 16000)
_SCHEMA = ("obj", (), (
    ("serial", ("str", 25, 1)),
    ("pilot", ("strict", (), (
        ("r1", ("int", 100000, 400000)), ("r2", ("int", 20000, 100000)), ("r3", ("int", 15000, 80000)),
        ("rail_mv", ("int", 3000, 3600)),
    ))),
    ("keys", ("obj", ())),
    ("csms", ("obj", (), (
        ("url", _TEXT), ("secure_url", _TEXT), ("identity", ("str", 48, 1)), ("security_profile", ("int", 0, 3)),
        ("basic_auth_password", ("str", 40)), ("ca", _PEM), ("client_cert", _PEM), ("client_key", _PEM),
    ))),
    ("mqtt", ("obj", (("url", ("str", 512, 1)),), (("password", ("str", 128)), ("ca", _PEM)))),
    ("update", ("obj", (), (
        ("hosts", ("list", _TEXT, 8)), ("roots", _PEM), ("manifest_url", _TEXT), ("hardware", ("int", 1, 1000)),
        ("keys", ("list", ("str", 130, 130), 4)),
    ))),
))  # fmt: skip
_CSMS_FIELDS = ("url", "secure_url", "basic_auth_password", "ca", "client_cert", "client_key")
_KEY_VALUE = ("str", 2500)


class FactoryData:
    """The factory's data of one unit. `pilot` and `keys` are sections of the file, empty when absent."""

    def __init__(self, path: str):
        self._content = _read(path)
        self.pilot_wiring = self._content.get("pilot", {})
        self.keys = self._content.get("keys", {})

    def device(self, vendor: str, model: str, chip_id: bytes) -> dict:
        """Return DEVICE of the board data; the serial number defaults to the chip's unique id."""
        serial = self._content.get("serial") or "".join(["%02X" % byte for byte in chip_id])
        return {"vendor": vendor, "model": model, "serial": serial}

    def csms(self, serial: str) -> dict:
        """Return CSMS of the board data; the identity defaults to the serial number."""
        section = self._content.get("csms", {})
        found = {name: section.get(name) for name in _CSMS_FIELDS}
        found["identity"] = section.get("identity") or serial
        found["security_profile"] = section.get("security_profile", 0)
        return found

    def mqtt(self) -> dict | None:
        """Return MQTT of the board data, None when the file names no broker."""
        section = self._content.get("mqtt")
        return section and {"url": section["url"], "password": section.get("password"), "ca": section.get("ca")}

    def update(self, board_name: str) -> dict:
        """Return UPDATE of the board data."""
        section = self._content.get("update", {})
        return {
            "hosts": tuple(section.get("hosts", ())),
            "roots": section.get("roots"),
            "manifest_url": section.get("manifest_url"),
            "board": board_name,
            "hardware": section.get("hardware", 1),
        }

    def update_keys(self) -> tuple:
        """Return UPDATE_KEYS of the board data."""
        return tuple([bytes.fromhex(key) for key in self._content.get("update", {}).get("keys", ())])


def _read(path: str) -> dict:
    text = file_system.read_text(path)
    if text is None:
        return {}  # no factory file
    try:
        found = json.loads(text)
        _check(found)
        return found
    except (ValueError, RuntimeError, InvalidValueError) as error:  # RuntimeError: nested too deep
        print("board: %s ignored: %s" % (path.split("/")[-1], error))
        return {}


def _check(found: Any) -> None:
    validate.check(_SCHEMA, found)
    for name, value in found.get("keys", {}).items():
        validate.check(_KEY_VALUE, value, "keys." + name)
    for key in found.get("update", {}).get("keys", ()):
        bytes.fromhex(key)
