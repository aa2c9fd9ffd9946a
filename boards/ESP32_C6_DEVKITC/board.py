"""ESP32-C6-DevKitC-1 with the wiring of board.md, as plain data; boards/SIM/board.py explains every name."""

from esp32_board import *  # the names that all ESP32 boards share

NAME = "ESP32_C6_DEVKITC"
OUTLETS: "tuple[dict, ...]" = (
    outlet(
        max_da=160,
        phases=1,
        pilot={"pwm": 18, "adc": 0},
        contactor={"out": 2, "feedback": 3},
        rcd={"trip": 20, "test": 21},
        ntc={"adc": 1},
        reader={"uart": 1, "tx": 10, "rx": 11},
        meter=("ade7953_i2c", {"bus": 0, "scl": 7, "sda": 6, "address": 0x38}),
    ),
)
SHARED: "dict[str, int | None]" = {"tamper": 22, "button": 23, "led": None, "pixel": 8, "fault": None, "rails": 19}
HEAP_GROWS = True  # the port adds to the heap when it is full, out of what mbedTLS allocates from
DEVICE, CSMS, UPDATE = unit_data(NAME, "ESP32-C6-DevKitC-1")
