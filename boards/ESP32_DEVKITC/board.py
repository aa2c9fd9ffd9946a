"""ESP32-DevKitC with the reference wiring of board.md, as plain data; boards/SIM/board.py explains every name."""

from esp32_board import *  # the names that all ESP32 boards share

NAME = "ESP32_DEVKITC"
OUTLETS: "tuple[dict, ...]" = (
    outlet(
        max_da=160,
        phases=1,
        pilot={"pwm": 25, "adc": 34},
        contactor={"out": 26, "feedback": 35},
        rcd={"trip": 39, "test": 33},
        ntc={"adc": 36},
        reader={"uart": 2, "tx": 17, "rx": 16},
        meter=("ade7953_i2c", {"bus": 0, "scl": 22, "sda": 21, "address": 0x38}),
    ),
)
SHARED: "dict[str, int | None]" = {"tamper": 27, "button": 18, "led": 19, "pixel": None, "fault": None, "rails": 13}
HEAP_GROWS = True  # the port adds to the heap when it is full, out of what mbedTLS allocates from
COPROCESSOR = True  # the program of coprocessor_program/ watches the pilot and opens the contactor
DEVICE, CSMS, UPDATE = unit_data(NAME, "ESP32-DevKitC")
