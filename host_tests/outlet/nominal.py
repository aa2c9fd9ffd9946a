"""The commands of the control port that make the simulated world nominal again."""

NOMINAL = (
    {"cmd": "ev", "max_amps": 32, "phases": 1, "diode": True, "obeys": True, "simplified": False, "reaction_ms": 1100,
     "stop_ms": 900, "sleep_ms": 0, "adapt_ms": 400, "overshoot_percent": 0, "inrush_amps": 0, "standby_ma": 0,
     "holds_s2": False, "give_up": 0, "rise_amps_per_s": 10, "fall_amps_per_s": 30, "steps": "", "step_ms": 250},
    {"cmd": "pilot", "plus_mv": 12000, "minus_mv": -12000, "noise_mv": 24, "glitch_every": 0, "ring_mv": 0, "edge_us": 14,
     "burst_us": 0, "drift_mv": 0},
    {"cmd": "adc", "max_mv": 3300, "min_mv": 0, "bow_mv": 0, "noise_mv": 0, "locked": False, "drift_ppm": 0},
    {"cmd": "mains", "volts": 230, "ohms": 0, "flicker_percent": 0, "lost_phase": 0, "neutral_shift_percent": 0},
    {"cmd": "contactor", "close_ms": 15, "open_ms": 10, "bounce_ms": 3, "auxiliary": "true", "drop_out_volts": 0,
     "leaks_volts": 0, "welded_pole": 0},
    {"cmd": "contactor", "second": True, "close_ms": 15, "open_ms": 10, "bounce_ms": 3, "auxiliary": "true", "stuck": False,
     "welded": False, "welded_pole": 0},
    {"cmd": "monitor", "latching": False, "reset": True, "trip_ms": 20, "test_ms": 20, "release_ms": 20},
    {"cmd": "meter", "frozen": False, "offset_ma": 0, "offset_w": 0},
    {"cmd": "meter", "stale": False},
    {"cmd": "lift_card"},
    {"cmd": "lock", "jams": 0, "sticks": 0, "move_ms": 250},
    {"cmd": "cable", "amps": 32},
)  # fmt: skip
