"""Limits of the end-of-line test. What depends on the board comes from its data, the rest from the standard and METERING.md."""

# Plateaus at the plug with all tolerances (docs/RULES.md CP-4), in mV.
PILOT_MV = {"A": (11400, 12600), "B": (8370, 9590), "C": (5470, 6530), "low": (-12600, -11400)}
DUTY_PERMILLE = 5  # what the duty may differ from the offer's (CP-2)
STEADY_PERMILLE = 1000
METER_PPM = 10_000  # of voltage, current and power against the reference meter
TEMPERATURE_DC = (50, 500)  # inside a unit in a hall
RSSI_DBM = (-75, 0)
RCD_S = 1.0  # within which a residual current has to have opened the contactor, seen from the bench
AMPERE_PERMILLE = 1000 / 60  # duty of the pilot an ampere, 10 to 85 %


def offered(facts: dict, cable_da: int | None) -> int:
    """The current that the outlet has to offer, 0.1 A: the board's, or less by the cable."""
    return min(facts["max_da"], cable_da or facts["max_da"])
