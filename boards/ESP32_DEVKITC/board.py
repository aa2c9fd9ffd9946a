"""ESP32-DevKitC with the reference wiring of board.md, as plain data; boards/SIM/board.py explains every name.

What differs from unit to unit comes from FACTORY_FILE, which the factory writes (board.md says what it holds).
"""

import json

from machine import unique_id

from charger.errors import InvalidValueError

NAME = "ESP32_DEVKITC"
FLASH_ROOT = ""  # the port mounts its file system at /
FACTORY_FILE = "/factory.json"
LATE_TICK_MS = 100


_TEXT = ("str", 512)
_PEM = ("text", 16000)
_FACTORY = ("obj", (
    ("serial?", ("str", 25, 1)),
    ("pilot?", ("strict", (
        ("r1?", ("int", 100000, 400000)), ("r2?", ("int", 20000, 100000)), ("r3?", ("int", 15000, 80000)),
        ("rail_mv?", ("int", 3000, 3600)),
    ))),
    ("keys?", ("obj", ())),
    ("csms?", ("obj", (
        ("url?", _TEXT), ("secure_url?", _TEXT), ("identity?", ("str", 48, 1)), ("security_profile?", ("int", 0, 3)),
        ("basic_auth_password?", ("str", 40)), ("ca?", _PEM), ("client_cert?", _PEM), ("client_key?", _PEM),
    ))),
    ("update?", ("obj", (
        ("hosts?", ("list", _TEXT, 8)), ("roots?", _PEM), ("manifest_url?", _TEXT), ("hardware?", ("int", 1, 1000)),
        ("keys?", ("list", ("str", 130, 130), 4)),
    ))),
))  # fmt: skip


def _unit() -> dict:
    """What the factory left, or an empty dictionary: the unit then works with this file's values and no back end."""
    from charger import validate

    try:
        with open(FACTORY_FILE) as file:
            found = json.load(file)
        validate.check(_FACTORY, found)
        for key in found.get("update", {}).get("keys", ()):
            bytes.fromhex(key)
        return found
    except OSError:
        return {}  # not made yet
    except (ValueError, RuntimeError, InvalidValueError) as error:  # the contactors must reach their pins all the same
        print("board: factory.json ignored:", error)
        return {}


def _section(name: str) -> dict:
    found = _UNIT.get(name)
    return found if isinstance(found, dict) else {}


_UNIT = _unit()

_PILOT = {"pwm": 25, "adc": 34, "r1": 220000, "r2": 47000, "r3": 36000, "rail_mv": 3300}
_PILOT.update(_section("pilot"))

OUTLETS: "tuple[dict, ...]" = (
    {
        "max_da": 160,
        "phases": 1,
        "pilot": _PILOT,
        "contactor": {"out": 26, "feedback": 35, "close_ms": 60, "open_ms": 50},
        "phase_switch": None,
        "rcd": {"trip": 39, "test": 33},
        "lock": None,
        "proximity": None,
        "ntc": {"adc": 36},
        "fault_input": None,
        "meter": ("ade7953_i2c", {"bus": 0, "scl": 22, "sda": 21, "address": 0x38}),
        "reader": {"uart": 2},  # the port's own pins: TX 17, RX 16
    },
)
SHARED: "dict[str, int | None]" = {"tamper": 27, "button": 18, "led": 19, "fault": None, "rails": 13}
HEAP_GROWS = True  # the port adds to the heap when it is full, out of what mbedTLS allocates from
DEVICE = {
    "vendor": "Pilotlight",
    "model": "ESP32-DevKitC",
    "serial": _UNIT.get("serial") or "".join(["%02X" % byte for byte in unique_id()]),
}
FACTORY = _section("keys")
_CSMS = _section("csms")
CSMS = {
    "url": _CSMS.get("url"),
    "secure_url": _CSMS.get("secure_url"),
    "identity": _CSMS.get("identity") or DEVICE["serial"],
    "security_profile": _CSMS.get("security_profile", 0),
    "basic_auth_password": _CSMS.get("basic_auth_password"),
    "ca": _CSMS.get("ca"),
    "client_cert": _CSMS.get("client_cert"),
    "client_key": _CSMS.get("client_key"),
}
WEB = "0.0.0.0:443"
_MQTT = _section("mqtt")
MQTT = {"url": _MQTT["url"], "password": _MQTT.get("password"), "ca": _MQTT.get("ca")} if _MQTT.get("url") else None
LAB = False
_UPDATE = _section("update")
UPDATE = {
    "hosts": tuple(_UPDATE.get("hosts") or ()),
    "roots": _UPDATE.get("roots"),
    "manifest_url": _UPDATE.get("manifest_url"),
    "board": "ESP32_DEVKITC",
    "hardware": _UPDATE.get("hardware", 1),
}
UPDATE_KEYS = tuple([bytes.fromhex(key) for key in _UPDATE.get("keys") or ()])
