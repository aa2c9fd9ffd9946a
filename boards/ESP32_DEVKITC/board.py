"""ESP32-DevKitC with the reference wiring of board.md, as plain data; boards/SIM/board.py explains every name.

What differs from unit to unit comes from FACTORY_FILE, which the factory writes (board.md says what it holds).
"""

from machine import unique_id

from charger.config.factory import FactoryData

NAME = "ESP32_DEVKITC"
FLASH_ROOT = ""  # the port mounts its file system at /
FACTORY_FILE = "/factory.json"
LATE_TICK_MS = 100

_UNIT = FactoryData(FACTORY_FILE)
_PILOT = {"pwm": 25, "adc": 34, "r1": 220000, "r2": 47000, "r3": 36000, "rail_mv": 3300}
_PILOT.update(_UNIT.pilot_wiring)

OUTLETS: "tuple[dict, ...]" = (
    {
        "max_da": 160,
        "phases": 1,
        "pilot": _PILOT,
        "contactor": {"out": 26, "active": 1, "feedback": 35, "contact": "normally_open",
                      "close_ms": 60, "open_ms": 50},
        "phase_switch": None,
        "rcd": {"trip": 39, "test": 33},
        "lock": None,
        "proximity": None,
        "ntc": {"adc": 36},
        "fault_input": None,
        "meter": ("ade7953_i2c", {"bus": 0, "scl": 22, "sda": 21, "address": 0x38}),
        "reader": {"uart": 2, "tx": 17, "rx": 16},
    },
)
SHARED: "dict[str, int | None]" = {"tamper": 27, "button": 18, "led": 19, "fault": None, "rails": 13}
HEAP_GROWS = True  # the port adds to the heap when it is full, out of what mbedTLS allocates from
DEVICE = _UNIT.device("Pilotlight", "ESP32-DevKitC", unique_id())
FACTORY = _UNIT.keys
CSMS = _UNIT.csms(DEVICE["serial"])
HANDSHAKE_MS = 1200  # TLS, measured by users of the port: no control tick runs meanwhile
WEB = "0.0.0.0:443"
MQTT = _UNIT.mqtt()
LAB = False
UPDATE = _UNIT.update(NAME)
UPDATE_KEYS = _UNIT.update_keys()
