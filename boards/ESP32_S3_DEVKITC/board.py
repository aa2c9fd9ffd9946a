"""ESP32-S3-DevKitC-1 with the reference wiring of board.md, as plain data; boards/SIM/board.py explains every name."""

from esp32_board import *  # the names that all ESP32 boards share

NAME = "ESP32_S3_DEVKITC"
OUTLETS: "tuple[dict, ...]" = (
    outlet(
        max_da=160,
        phases=1,
        pilot={"pwm": 5, "adc": 1},
        contactor={"out": 6, "feedback": 7},
        rcd={"trip": 8, "test": 9},
        ntc={"adc": 2},
        reader={"uart": 2, "tx": 17, "rx": 16},
        meter=("ade7953_i2c", {"bus": 0, "scl": 11, "sda": 12, "address": 0x38}),
    ),
)
SHARED: "dict[str, int | None]" = {"tamper": 13, "button": 14, "led": 21, "pixel": None, "fault": None, "rails": 10}
HEAP_GROWS = False  # mpconfigboard.h fixes its size
COPROCESSOR = True  # the program of coprocessor_program/ watches the pilot and opens the contactor
DEVICE, CSMS, UPDATE = unit_data(NAME, "ESP32-S3-DevKitC-1")
