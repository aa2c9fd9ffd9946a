"""Board data that all ESP32 boards share: a board.py imports these names and adds its wiring.

boards/SIM/board.py explains every name. What differs from unit to unit comes from FACTORY_FILE, which the factory writes
(board.md of ESP32_DEVKITC says what it holds).
"""

from machine import unique_id

from charger.config.factory import FactoryData

FLASH_ROOT = ""  # the port mounts its file system at /
FACTORY_FILE = "/factory.json"
LATE_TICK_MS = 100
HANDSHAKE_MS = 1200  # TLS, measured by users of the port: no control tick runs meanwhile
WEB = "0.0.0.0:443"
SETUP_PORTS = {"dns": 53, "http": 80}
LAB = False

_UNIT = FactoryData(FACTORY_FILE)
FACTORY = _UNIT.keys
MQTT = _UNIT.mqtt()
UPDATE_KEYS = _UNIT.update_keys()
_OPTIONAL_PARTS = ("phase_switch", "rcd", "lock", "proximity", "ntc", "fault_input", "reader")


def outlet(pilot: dict, contactor: dict, **parts) -> dict:
    """Return one outlet of OUTLETS. What board.py does not say is the reference's divider and contactor; other parts are None."""
    data = dict.fromkeys(_OPTIONAL_PARTS)
    data.update(parts)
    data["pilot"] = {"r1": 220000, "r2": 47000, "r3": 36000, "rail_mv": 3300, "conversion_us": None}
    data["pilot"].update(pilot)
    data["pilot"].update(_UNIT.pilot_wiring)  # of this unit, as the factory wrote it
    data["contactor"] = {"active": 1, "contact": "normally_open", "close_ms": 60, "open_ms": 50}
    data["contactor"].update(contactor)
    return data


def unit_data(board_name: str, model: str) -> tuple:
    """Return DEVICE, CSMS and UPDATE of this unit."""
    device = _UNIT.device("Pilotlight", model, unique_id())
    return device, _UNIT.csms(device["serial"]), _UNIT.update(board_name)
