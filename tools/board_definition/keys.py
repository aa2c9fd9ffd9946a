"""Every key of board data with its range: the one place where a new key is added (boards/SIM/board.py explains them).

A value's rule is a tuple of bounds (low, high) of an integer, a frozenset of allowed values, a direction of a pin, a
dictionary of a part's keys, or a type. A key that ends in "?" may be absent, a rule in a list may be None.
"""

PIN_IN, PIN_OUT, PIN_ADC = "input", "output", "analogue input"
DIRECTIONS = (PIN_IN, PIN_OUT, PIN_ADC)
PINS_IN = "inputs"  # one pin, or a tuple of pins
FLAG = frozenset((True, False))
TEXT = str

PILOT = {
    "pwm": PIN_OUT, "adc": PIN_ADC,
    "r1": (100_000, 400_000), "r2": (20_000, 100_000), "r3": (15_000, 80_000), "rail_mv": (3000, 3600),
    "conversion_us": [(20, 250)],
}  # fmt: skip
CONTACTOR = {
    "out": PIN_OUT, "active": frozenset((0, 1)), "feedback": PINS_IN,
    "contact": frozenset(("normally_open", "mirror", "voltage")), "close_ms": (5, 500), "open_ms": (5, 100),
}  # fmt: skip
OUTLET = {
    "max_da": (60, 800),
    "phases": frozenset((1, 3)),
    "pilot": PILOT,
    "contactor": CONTACTOR,
    "phase_switch": [CONTACTOR],
    "rcd": [{"trip": PIN_IN, "test": PIN_OUT, "answer_ms?": (10, 2000), "release_ms?": (10, 2000), "reset?": PIN_OUT}],
    "lock": [{"out": PIN_OUT, "feedback": PIN_IN, "move_ms": (50, 5000)}],
    "proximity": [{"adc": PIN_ADC, "pullup": (300, 5000), "rail_mv": (3000, 3600)}],
    "ntc": [{"adc": PIN_ADC}],
    "fault_input": [{"pin": PIN_IN}],
    "rotation?": (0, 2),
    "wake_up?": FLAG,
}
SHARED = {
    "tamper": [PIN_IN], "button": [PIN_IN], "led": [PIN_OUT], "pixel": [PIN_OUT], "fault": [PIN_IN], "rails": [PIN_IN],
    "reduction?": [PIN_IN],
}  # fmt: skip
DEVICE_TEXT = {"vendor": 20, "model": 20, "serial": 25}  # characters at most, as in OCPP's BootNotification
BOARD = {
    "NAME": TEXT,
    "FLASH_ROOT": TEXT,
    "FACTORY_FILE?": TEXT,
    "LATE_TICK_MS": (40, 100),
    "HEAP_GROWS": FLAG,
    "HANDSHAKE_MS": (0, 5000),
    "WEB": [TEXT],
    "SETUP_PORTS": [{"dns": frozenset((53,)), "http": frozenset((80,))}],  # no telephone asks at others
    "LAB": FLAG,
    "COPROCESSOR?": FLAG,
    "SUPPLY_DA?": [(60, 10_000)],
    "SHARED": SHARED,
    "DEVICE": {"vendor": TEXT, "model": TEXT, "serial": TEXT},
    "FACTORY": dict,
    "CSMS": dict,
    "MQTT": [dict],
    "UPDATE": dict,
    "UPDATE_KEYS": list,
}
# kind of Ethernet chip -> the keys of LAN beside "kind"; a W5500 has a bus besides
LAN = {
    "lan8720": {
        "mdc": PIN_OUT, "mdio": PIN_OUT, "address": (0, 31), "clock": frozenset(("input", "output")), "ref_clk": (0, 48),
        "power?": [PIN_OUT], "reset?": PIN_OUT,
    },
    "w5500": {"int": PIN_IN, "reset?": PIN_OUT},
}  # fmt: skip
UNCHECKED = ("FACTORY", "CSMS", "MQTT", "UPDATE", "UPDATE_KEYS")  # factory data: what is in them is not the board's
BUS_PINS = {
    "i2c": {"scl": PIN_OUT, "sda": PIN_OUT},
    "spi": {"sck": PIN_OUT, "mosi": PIN_OUT, "miso": PIN_IN},
    "uart": {"tx": PIN_OUT, "rx": PIN_IN},
    "adc": {"v_adc": PIN_ADC, "i_adc": PIN_ADC},
}
OWN_PINS = {"spi": {"cs": PIN_OUT}}  # of one part, where the bus's pins belong to all parts on it
BUS_OPTIONS = {"i2c": {"freq?": (10_000, 400_000)}}
