"""ESP32-S2 EVSE DA with the wiring of board.md, as plain data; boards/SIM/board.py explains every name.

What differs from unit to unit comes from FACTORY_FILE, which the factory writes.
"""

from machine import unique_id

from charger.config.factory import FactoryData

NAME = "ESP32_S2_EVSE_DA"
FLASH_ROOT = ""  # the port mounts its file system at /
FACTORY_FILE = "/factory.json"
LATE_TICK_MS = 100

_UNIT = FactoryData(FACTORY_FILE)
_PILOT = {"pwm": 33, "adc": 4, "r1": 220000, "r2": 47000, "r3": 36000, "rail_mv": 3300}
_PILOT.update(_UNIT.pilot_wiring)

OUTLETS: "tuple[dict, ...]" = (
    {
        "max_da": 160,
        "phases": 1,
        "pilot": _PILOT,
        "contactor": {"out": 21, "active": 1, "feedback": 11, "contact": "normally_open",
                      "close_ms": 60, "open_ms": 50},
        "phase_switch": None,
        "rcd": {"trip": 41, "test": 26},
        "lock": None,
        "proximity": None,
        "ntc": None,
        "fault_input": None,
        "meter": ("ct_adc", {"v_adc": 8, "i_adc": 5, "v_ratio": 470000, "i_ratio": 90909}),
        "reader": {"uart": 1, "tx": 13, "rx": 12},
    },
)
SHARED: "dict[str, int | None]" = {"tamper": 2, "button": 0, "led": 36, "fault": None, "rails": None}
HEAP_GROWS = True  # mpconfigboard.h fixes the heap's size where it lies in PSRAM
DEVICE = _UNIT.device("Pilotlight", "ESP32-S2 EVSE DA", unique_id())
FACTORY = _UNIT.keys
CSMS = _UNIT.csms(DEVICE["serial"])
HANDSHAKE_MS = 1200  # TLS, measured by users of the port: no control tick runs meanwhile
WEB = "0.0.0.0:443"
MQTT = _UNIT.mqtt()
LAB = False
UPDATE = _UNIT.update(NAME)
UPDATE_KEYS = _UNIT.update_keys()
