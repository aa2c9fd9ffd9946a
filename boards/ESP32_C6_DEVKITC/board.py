"""ESP32-C6-DevKitC-1 with the wiring of board.md, as plain data; boards/SIM/board.py explains every name.

What differs from unit to unit comes from FACTORY_FILE, which the factory writes.
"""

from machine import unique_id

from charger.config.factory import FactoryData

NAME = "ESP32_C6_DEVKITC"
FLASH_ROOT = ""  # the port mounts its file system at /
FACTORY_FILE = "/factory.json"
LATE_TICK_MS = 100

_UNIT = FactoryData(FACTORY_FILE)
_PILOT = {"pwm": 18, "adc": 0, "r1": 220000, "r2": 47000, "r3": 36000, "rail_mv": 3300}
_PILOT.update(_UNIT.pilot_wiring)

OUTLETS: "tuple[dict, ...]" = (
    {
        "max_da": 160,
        "phases": 1,
        "pilot": _PILOT,
        "contactor": {"out": 2, "active": 1, "feedback": 3, "contact": "normally_open",
                      "close_ms": 60, "open_ms": 50},
        "phase_switch": None,
        "rcd": {"trip": 20, "test": 21},
        "lock": None,
        "proximity": None,
        "ntc": {"adc": 1},
        "fault_input": None,
        "meter": ("ade7953_i2c", {"bus": 0, "scl": 7, "sda": 6, "address": 56}),
        "reader": {"uart": 1, "tx": 10, "rx": 11},
    },
)
SHARED: "dict[str, int | None]" = {"tamper": 22, "button": 23, "led": 8, "fault": None, "rails": 19}
HEAP_GROWS = True  # mpconfigboard.h fixes the heap's size where it lies in PSRAM
DEVICE = _UNIT.device("Pilotlight", "ESP32-C6-DevKitC-1", unique_id())
FACTORY = _UNIT.keys
CSMS = _UNIT.csms(DEVICE["serial"])
HANDSHAKE_MS = 1200  # TLS, measured by users of the port: no control tick runs meanwhile
WEB = "0.0.0.0:443"
MQTT = _UNIT.mqtt()
LAB = False
UPDATE = _UNIT.update(NAME)
UPDATE_KEYS = _UNIT.update_keys()
