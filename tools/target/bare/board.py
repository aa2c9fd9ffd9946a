"""Board data for counting instructions: two outlets with every part, on the target's own pins."""

NAME = "TARGET"
FLASH_ROOT = "/flash"
LATE_TICK_MS = 100


def _outlet(base):
    return {
        "max_da": 320,
        "phases": 1,
        "pilot": {"pwm": base, "adc": base + 1, "r1": 220000, "r2": 47000, "r3": 36000, "rail_mv": 3300, "conversion_us": 45},
        "contactor": {"out": base + 2, "active": 1, "feedback": base + 3, "contact": "normally_open",
                      "close_ms": 30, "open_ms": 20},
        "rcd": {"trip": base + 4, "test": base + 5},
        "lock": {"out": base + 6, "feedback": base + 7, "move_ms": 500},
        "proximity": {"adc": base + 8, "pullup": 1000, "rail_mv": 3300},
        "ntc": {"adc": base + 9},
        "fault_input": {"pin": base + 10},
        "phase_switch": None,
        "meter": ("ade7953_i2c", {"bus": 0, "address": 0x38}),
        "reader": {"uart": 2},
    }


OUTLETS = (_outlet(10), _outlet(30))
SHARED = {"tamper": 90, "button": 91, "led": 92, "fault": 93, "rails": 94}
DEVICE = {"vendor": "Pilotlight", "model": "Target", "serial": "TARGET"}
FACTORY = {}
CSMS = {"url": None, "identity": "TARGET", "security_profile": 0}
WEB = None
SETUP_PORTS = None
MQTT = None
LAB = True
UPDATE = {"hosts": (), "roots": None, "manifest_url": None, "board": "TARGET", "hardware": 1}
UPDATE_KEYS = ()
