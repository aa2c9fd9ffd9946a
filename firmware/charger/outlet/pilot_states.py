"""Control pilot states of IEC 61851-1 and their voltage windows (CP-5, CP-6)."""

from micropython import const

A = const(0)  # no EV
B = const(1)  # EV connected, S2 open
C = const(2)  # EV asks for energy
D = const(3)  # EV asks for energy and ventilation
E = const(4)  # 0 V: pilot shorted to PE, or supply lost
F = const(5)  # -12 V: charger not available
UNDEFINED = const(6)  # between the windows

NAMES = "ABCDEF?"

# The low plateau of a PWM stays at or below this as long as the EV's diode is there (CP-9).
DIODE_LOW_MV = const(-10800)


def decode(high_mv: int) -> int:
    """The state that a plateau voltage stands for; UNDEFINED between the windows of CP-5."""
    if high_mv >= 11000:
        return A if high_mv <= 13000 else UNDEFINED
    if 8000 <= high_mv <= 10000:
        return B
    if 5000 <= high_mv <= 7000:
        return C
    if 2000 <= high_mv <= 4000:
        return D
    if -1000 <= high_mv <= 1000:
        return E
    if -13000 <= high_mv <= -11000:
        return F
    return UNDEFINED
