"""Current against temperature: full up to 65 degC, falling in a line to 6 A at 80 degC (CP-48)."""

from micropython import const

from charger.outlet import pilot_duty
from charger.outlet.limits import SAFETY

_VALID_S = const(10)  # renewed each second; a limit that is not renewed for so long falls to 6 A (limits.py)
_BEGIN_DC = const(650)
_END_DC = const(800)
_BACK_DC = const(20)  # so much cooler before the limit rises: the noise of a reading changes no offer


def derated_da(value_dc: int, full_da: int) -> int | None:
    """The limit in 0.1 A at a temperature in 0.1 degC, None where there is none."""
    if value_dc <= _BEGIN_DC:
        return None
    if value_dc >= _END_DC:
        return pilot_duty.MINIMUM_DA
    return full_da - (full_da - pilot_duty.MINIMUM_DA) * (value_dc - _BEGIN_DC) // (_END_DC - _BEGIN_DC)


def step(outlet) -> None:
    """Read the outlet's thermometer and renew the limit by temperature. Called once a second."""
    thermometer = outlet.thermometer
    if thermometer is None:
        return
    thermometer.read(True)
    if thermometer.valid:  # a broken sensor opens through its guard
        full_da = outlet.limits.get("hardware")
        value_dc = thermometer.value_dc
        limit_da = _limit_da(value_dc, full_da)
        now_da = outlet.limits.get("temperature")
        if now_da is not None and limit_da > now_da:
            limit_da = max(now_da, _limit_da(value_dc + _BACK_DC, full_da))
        outlet.limits.set("temperature", limit_da, SAFETY, _VALID_S)


def _limit_da(value_dc: int, full_da: int) -> int:
    """In whole amperes, so that an offer does not change with each tenth of a degree (CP-22)."""
    limit_da = derated_da(value_dc, full_da)
    return full_da if limit_da is None else limit_da // 10 * 10
