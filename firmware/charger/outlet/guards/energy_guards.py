"""Guards of what carries the energy: residual current, contactor, load, mains, heat, and the meter that watches it."""

from micropython import const

from charger.outlet.guards import base

_STEEP_MS = const(2000)  # how long 1.25 x is borne
_SHORT_MS = const(100)  # and 2 x
_RETRIES = const(3)


class ResidualCurrent(base.Guard):
    """The RDC-DD or RCD has tripped. Its output cuts the coil by itself; this follows and latches (CP-41 to CP-44)."""

    CODE = "GroundFailure"
    INFO = "Residual current device tripped"
    RULE = base.UNPLUG

    def danger(self, outlet) -> bool:
        """The trip input, except during our own self-test pulse."""
        return outlet.rcd is not None and outlet.rcd.tripped() and not outlet.self_test.running


class ResidualSelfTest(base.Guard):
    """The residual current device did not answer its self-test (CP-43): no charging until a test passes."""

    CODE = "GroundFailure"
    INFO = "Residual current device fails its self-test"
    RULE = base.UNPLUG

    def danger(self, outlet) -> bool:
        """The result of the last test."""
        return outlet.self_test is not None and outlet.self_test.failed


class Weld(base.Guard):
    """The auxiliary contact says closed although the coil is released (CP-45)."""

    CODE = "PowerSwitchFailure"
    INFO = "Contactor welded"
    RULE = base.SERVICE
    TRIP_MS = 200

    def danger(self, outlet) -> bool:
        """Released and still closed."""
        return not outlet.contactor.commanded and outlet.contactor.closed()


class CloseFailure(base.Guard):
    """The contactor was told to close and did not (CP-46)."""

    CODE = "PowerSwitchFailure"
    INFO = "Contactor does not close"
    RULE = base.UNPLUG
    TRIP_MS = 300

    def danger(self, outlet) -> bool:
        """Commanded and still open."""
        return outlet.contactor.commanded and not outlet.contactor.closed()


class OverCurrent(base.Guard):
    """The car draws more than it was told (CP-47): 1.1 x for 7 s, 1.25 x for 2 s, 2 x at the next reading.

    After a trip it is tried again after 30 s, three times; then it stays latched until the car is unplugged.
    """

    CODE = "OverCurrentFailure"
    INFO = "Vehicle draws more than offered"
    TRIP_MS = 7000
    CLEAR_MS = 30000  # between a trip and the next try

    def __init__(self):
        super().__init__()
        self._trips = 0
        self._steep_ms = 0
        self._short_ms = 0

    def danger(self, outlet) -> bool:
        """Limit: signalled current plus 0.5 A of noise, times 1.1."""
        return self._worst_ma(outlet) > (outlet.signalled_da + 5) * 110

    def step(self, outlet, dt_ms: int) -> bool:
        """The base's curve for 1.1 x, and the two steeper ones."""
        worst_ma = self._worst_ma(outlet)
        base_ma = (outlet.signalled_da + 5) * 100
        self._steep_ms = self._steep_ms + dt_ms if worst_ma > base_ma + base_ma // 4 else 0
        self._short_ms = self._short_ms + dt_ms if worst_ma > 2 * base_ma else 0
        if self._steep_ms > _STEEP_MS or self._short_ms > _SHORT_MS:
            self._present_ms = self.TRIP_MS  # the base trips on it
        was = self.tripped
        super().step(outlet, dt_ms)
        if self.tripped and not was:
            self._trips += 1
        if not outlet.plugged:
            self._trips = 0
        return self.tripped

    def _clear(self, outlet, dt_ms: int):
        if self._trips <= _RETRIES or not outlet.plugged:
            super()._clear(outlet, dt_ms)

    def _worst_ma(self, outlet) -> int:
        reading = outlet.reading
        if not outlet.contactor.commanded or not reading.usable():
            return 0
        worst = 0
        for n in range(reading.phases):
            if reading.i_ma[n] > worst:
                worst = reading.i_ma[n]
        return worst


class _Mains(base.Guard):
    """Base of the two voltage guards: metered phases only, no trip without a valid reading."""

    TRIP_MS = 1000
    CLEAR_MS = 10000

    def danger(self, outlet) -> bool:
        """Any metered phase outside; the narrow window where the unit is its own open-PEN device (CP-49)."""
        reading = outlet.reading
        if not reading.usable():
            return False
        for n in range(reading.phases):
            if self.outside(reading.v_mv[n], outlet.open_pen):
                return True
        return False

    def outside(self, v_mv: int, open_pen: bool) -> bool:
        """The limit of the one or the other side."""
        raise NotImplementedError


class UnderVoltage(_Mains):
    """Mains below 180 V for 1 s; below 207 V where the unit detects an open PEN (CP-49)."""

    CODE = "UnderVoltage"
    INFO = "Mains voltage too low"

    def outside(self, v_mv: int, open_pen: bool) -> bool:
        """Limits in mV."""
        return v_mv < (207000 if open_pen else 180000)


class OverVoltage(_Mains):
    """Mains above 265 V for 1 s; above 253 V where the unit detects an open PEN (CP-49)."""

    CODE = "OverVoltage"
    INFO = "Mains voltage too high"

    def outside(self, v_mv: int, open_pen: bool) -> bool:
        """Limits in mV."""
        return v_mv > (253000 if open_pen else 265000)


class MeterLost(base.Guard):
    """No valid reading: the current could not be watched, so the energy stops (MET-1)."""

    CODE = "PowerMeterFailure"
    INFO = "Energy meter does not answer"
    TRIP_MS = 2000
    CLEAR_MS = 2000

    def danger(self, outlet) -> bool:
        """The meter task keeps `valid` true only while readings are fresh and pass their checks."""
        return not outlet.reading.usable()


class Temperature(base.Guard):
    """Stop at 85 degC, resume below 70 degC and after 5 minutes; an open or shorted sensor counts as hot (CP-48)."""

    CODE = "HighTemperature"
    INFO = "Too hot inside"
    TRIP_MS = 200
    CLEAR_MS = 300000

    def danger(self, outlet) -> bool:
        """With hysteresis: once tripped the lower threshold counts."""
        thermometer = outlet.thermometer
        if thermometer is None:
            return False
        if not thermometer.valid:
            return True
        return thermometer.value_dc >= (700 if self.tripped else 850)
