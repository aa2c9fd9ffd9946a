"""Current against temperature: full up to 65 degC, falling in a line to 6 A at 80 degC (CP-48)."""

from micropython import const

from charger.outlet import pilot_duty

_BEGIN_DC = const(650)
_END_DC = const(800)


def derated_da(value_dc: int, full_da: int) -> int | None:
    """The limit in 0.1 A at a temperature in 0.1 degC, None where there is none."""
    if value_dc <= _BEGIN_DC:
        return None
    if value_dc >= _END_DC:
        return pilot_duty.MINIMUM_DA
    return full_da - (full_da - pilot_duty.MINIMUM_DA) * (value_dc - _BEGIN_DC) // (_END_DC - _BEGIN_DC)
