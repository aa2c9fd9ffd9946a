"""Current in 0.1 A to pilot duty and back (CP-11 to CP-14), rounded so that the car never gets more than the limit."""

from micropython import const

MINIMUM_DA = const(60)  # below 6 A there is no duty: the limit means "pause" (CP-14)
MAXIMUM_DA = const(800)
DUTY_STEADY = const(65535)  # steady +12 V: state x1
DUTY_OFF = const(0)  # steady -12 V: state F
_KNEE_DA = const(510)


def duty_from_da(current_da: int) -> int:
    """16-bit duty for a current of 60..800 (0.1 A); 0 below 60, the duty of 80 A above 800."""
    if current_da < MINIMUM_DA:
        return DUTY_OFF
    if current_da > MAXIMUM_DA:
        current_da = MAXIMUM_DA
    if current_da <= _KNEE_DA:
        return current_da * 65535 // 600  # D = I / 0.6
    return (current_da + 1600) * 65535 // 2500  # D = I / 2.5 + 64


def da_from_duty(duty: int) -> int:
    """The current that a car reads from a 16-bit duty, 0.1 A; 0 where it may not charge (CP-11, both edges of CP-62 accepted)."""
    permille = (duty * 1000 + 32767) // 65535
    if permille < 80 or permille > 970:
        return 0
    if permille < 100:
        return MINIMUM_DA
    if permille <= 850:
        return duty * 600 // 65535
    if permille <= 960:
        return duty * 2500 // 65535 - 1600
    return MAXIMUM_DA
