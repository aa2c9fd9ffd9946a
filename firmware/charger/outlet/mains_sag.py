"""Less current where the mains sag under the load, so that the voltage stays in its range and nothing has to open.

A job of the asyncio loop, a few times a second. It lowers the limit "mains" and raises it slowly while the voltage stays high;
the guard UnderVoltage waits for the car to follow. Without an own measurement of the supply's impedance it compares the
voltage under load with the last one before the load.
"""

from micropython import const

from charger import clock
from charger.outlet import limits, pilot_duty

_LOW_MV = const(183000)  # below this the load is lowered
_DEAD_MV = const(100000)  # below this no load is the reason: a phase is lost
_LASTS_MS = const(500)  # a shorter dip is none of the load's
_AIM_MV = const(184000)
_GOOD_MV = const(187000)  # above this it may rise again
_OPEN_PEN_MV = const(27000)  # where the window of CP-49 is the narrow one, each threshold is higher by this
_SETTLE_MS = const(7000)  # between two steps down: a car may take 5 s to follow
_RAISE_MS = const(300000)
_STEP_DA = const(20)
_LOAD_MA = const(2000)
_FRESH_MS = const(2000)
_SOURCE = "mains"


class MainsSag:
    """Of one outlet."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._idle_mv = 0  # the lowest phase when nothing flowed
        self._low_ms: int | None = None  # when the voltage was found low first, in a row
        self._changed_ms = clock.ticks_ms()
        self._raise = _OPEN_PEN_MV if outlet.open_pen else 0

    def step(self) -> None:
        """Look at the last reading."""
        outlet = self._outlet
        limit_da = outlet.limits.get(_SOURCE)
        if not outlet.plugged:
            if limit_da is not None:
                outlet.limits.set(_SOURCE, None)
            return
        measured = outlet.reading.protection
        if measured is None or clock.elapsed_ms(measured[3]) > _FRESH_MS:
            return
        load_ma, low_mv = measured[0], measured[1] - self._raise
        if low_mv < _DEAD_MV:
            return
        if low_mv >= _LOW_MV or load_ma < _LOAD_MA:
            self._low_ms = None
        elif self._low_ms is None:
            self._low_ms = measured[3]
        if load_ma < _LOAD_MA:
            self._idle_mv = low_mv
            return
        since_ms = clock.elapsed_ms(self._changed_ms)
        if self._low_ms is not None:
            lasts = clock.ticks_diff(measured[3], self._low_ms) >= _LASTS_MS
            if lasts and (limit_da is None or since_ms >= _SETTLE_MS):
                self._set(min(self._bearable_da(load_ma, low_mv), outlet.limits.effective_da))
        elif limit_da is not None and low_mv >= _GOOD_MV and since_ms >= _RAISE_MS:
            self._set(limit_da + _STEP_DA)

    def _bearable_da(self, load_ma: int, low_mv: int) -> int:
        drop_mv = self._idle_mv - low_mv
        if drop_mv <= 0 or self._idle_mv <= _AIM_MV:
            return pilot_duty.MINIMUM_DA
        return max(pilot_duty.MINIMUM_DA, load_ma * (self._idle_mv - _AIM_MV) // drop_mv // 100)

    def _set(self, limit_da: int) -> None:
        self._changed_ms = clock.ticks_ms()
        if limit_da >= self._outlet.limits.without(_SOURCE):
            self._outlet.limits.set(_SOURCE, None)
        else:
            self._outlet.limits.set(_SOURCE, limit_da, limits.SAFETY)
