"""ESP32-S2 EVSE DA with the wiring of board.md, as plain data; boards/SIM/board.py explains every name."""

from esp32_board import *  # the names that all ESP32 boards share

NAME = "ESP32_S2_EVSE_DA"
OUTLETS: "tuple[dict, ...]" = (
    outlet(
        max_da=160,
        phases=1,
        pilot={"pwm": 33, "adc": 4},
        contactor={"out": 21, "feedback": 11},
        rcd={"trip": 41, "test": 26},
        reader={"uart": 1, "tx": 13, "rx": 12},
        meter=("ct_adc", {"v_adc": 8, "i_adc": 5, "v_ratio": 470000, "i_ratio": 90909}),
    ),
)
SHARED: "dict[str, int | None]" = {"tamper": 2, "button": 0, "led": 36, "pixel": None, "fault": None, "rails": None}
HEAP_GROWS = True  # the port adds to the heap when it is full, out of what mbedTLS allocates from
DEVICE, CSMS, UPDATE = unit_data(NAME, "ESP32-S2 EVSE DA")
