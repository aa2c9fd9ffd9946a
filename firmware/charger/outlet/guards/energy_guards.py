"""Guards of what carries the energy: residual current, load, mains, heat, and the meter that watches it."""

from micropython import const

from charger.outlet.guards import base

_STEEP_MS = const(2000)  # how long 1.25 x is borne
_SHORT_MS = const(100)  # and 2 x
_RETRIES = const(3)
_SAG_MS = const(9000)  # longer than ADAPT_MS of the outlet
_DEEP_MV = const(170000)
_LEAST_DA = const(60)
_START_MS = const(3000)  # a monitor says "tripped" until it has started itself
_RESET_MS = const(500)  # how long the reset of a latching monitor is pressed
_RESET_EACH_MS = const(5000)
_ASKED_MS = const(10000)  # so long the owner's word counts for one


class ResidualCurrent(base.Guard):
    """The RDC-DD or RCD has tripped. Its output cuts the coil by itself; this follows and latches (CP-41 to CP-44).

    A latching monitor is reset where the latch here may end: the vehicle has left, or the owner has acknowledged. It trips again
    where the current still flows.
    """

    NEEDS = "rcd"
    CODE = "GroundFailure"
    INFO = "Residual current device tripped"
    RULE = base.UNPLUG
    TRIP_MS = 40  # with the contactor open, where one disturbed reading is no residual current; else at once

    def __init__(self) -> None:
        super().__init__()
        self._start_ms = _START_MS
        self._reset_ms = 0
        self._asked_ms = 0  # for which the owner's word still counts

    def danger(self, outlet: Outlet) -> bool:
        """The trip input, except during our own self-test pulse, and while the monitor starts with the unit."""
        if not outlet.rcd_tripped:
            self._start_ms = 0
            return False
        if outlet.self_test.running:
            return False
        if outlet.trip_edge or outlet.contactor.commanded:
            self._present_ms = self.TRIP_MS
        elif self._start_ms > 0:
            self._start_ms -= outlet.dt_ms
            return False
        return True

    def step_present(self, outlet: Outlet) -> None:
        """Press the reset of a latching monitor, again and again while it may be."""
        super().step_present(outlet)
        if not outlet.rcd.latches:
            return
        self._reset_ms = self._reset_ms + outlet.dt_ms if self.tripped and self.may_clear(outlet) else 0
        if self._reset_ms >= _RESET_EACH_MS:
            self._reset_ms -= _RESET_EACH_MS
        outlet.rcd.reset(0 < self._reset_ms <= _RESET_MS)
        self._pass_time(outlet.dt_ms)

    def step_gone(self, outlet: Outlet) -> None:
        """The monitor has let go."""
        outlet.rcd.reset(False)
        self._reset_ms = 0
        super().step_gone(outlet)
        self._pass_time(outlet.dt_ms)

    def _pass_time(self, dt_ms: int) -> None:
        if self._asked_ms > 0:
            self._asked_ms -= dt_ms

    def may_clear(self, outlet: Outlet) -> bool:
        """Unplugging; the owner's word, while a latching monitor is reset for it."""
        return self._asked_ms > 0 or super().may_clear(outlet)

    def acknowledge(self, outlet: Outlet) -> bool:
        """Reset a latching monitor first, which takes some ticks."""
        clear = super().acknowledge(outlet)
        self._asked_ms = 0 if clear or not outlet.rcd.latches else _ASKED_MS
        return clear

    def release(self) -> None:
        """Forget the trip."""
        super().release()
        self._asked_ms = 0


class ResidualSelfTest(base.Guard):
    """The residual current device did not answer its self-test (CP-43): no charging until a test passes."""

    NEEDS = "self_test"
    CODE = "GroundFailure"
    INFO = "Residual current device fails its self-test"

    def danger(self, outlet: Outlet) -> bool:
        """The result of the last test."""
        return outlet.self_test.failed


class OverCurrent(base.Guard):
    """The car draws more than it was told (CP-47): 1.1 x for 7 s, 1.25 x for 2 s, 2 x at the next reading.

    Below these a count goes back, that of 1.1 x as fast, that of 1.25 x half as fast, since a car that regulates in steps
    heats the conductors all the same.
    A car that follows a lower limit slowly, or not at all, within what the conductors bear is no danger: the pilot is withdrawn
    first. After a trip it is tried again after 30 s, three times; then it stays latched until the car is unplugged.
    """

    CODE = "OverCurrentFailure"
    INFO = "Vehicle draws more than offered"
    TRIP_MS = 7000
    CLEAR_MS = 30000  # between a trip and the next try

    def __init__(self) -> None:
        super().__init__()
        self._trips = 0
        self._steep_ms = 0
        self._short_ms = 0

    def danger(self, outlet: Outlet) -> bool:
        """Limit: signalled current plus 0.5 A of noise, times 1.1. The two steeper curves trip through the base's."""
        if not outlet.plugged:
            self._trips = 0
        measured = outlet.metered
        if measured is None or not outlet.contactor.commanded:
            self._steep_ms = self._short_ms = 0
            return False
        worst_ma = measured[0]
        base_ma = (outlet.signalled_da + 5) * 100
        if worst_ma > base_ma + base_ma // 4:
            self._steep_ms += outlet.dt_ms
        elif self._steep_ms > 0:
            self._steep_ms -= outlet.dt_ms // 2
        if worst_ma <= base_ma:
            self._short_ms = 0
            return False
        self._short_ms = self._short_ms + outlet.dt_ms if worst_ma > 2 * base_ma else 0
        if self._steep_ms > _STEEP_MS or self._short_ms > _SHORT_MS:
            self._present_ms = self.TRIP_MS
        self.soft = worst_ma <= (outlet.rated_da() + 5) * 110
        return worst_ma > base_ma + base_ma // 10

    def step_present(self, outlet: Outlet) -> None:
        """Count the trips, anew after half an hour of charging (outlet/power_switch.py)."""
        was = self.tripped
        super().step_present(outlet)
        if self.tripped and not was:
            self._trips = self._trips + 1 if outlet.switch.interruptions else 1

    def step_gone(self, outlet: Outlet) -> None:
        """Count down again: the dips of a car that regulates hide no over-current."""
        if self._present_ms > outlet.dt_ms and not self.tripped and outlet.contactor.commanded:
            self._present_ms -= outlet.dt_ms
        else:
            super().step_gone(outlet)

    def may_clear(self, outlet: Outlet) -> bool:
        """Three tries, then unplugging."""
        return self._trips <= _RETRIES or not outlet.plugged


class UnderVoltage(base.Guard):
    """Mains below 180 V for 1 s in any metered phase; below 207 V where the unit detects an open PEN (CP-49).

    Like OverVoltage it does not trip without a valid reading. Mains that sag under the load get time for less current first
    (outlet/mains_sag.py), and then the car may stop before the contactor opens.
    """

    CODE = "UnderVoltage"
    INFO = "Mains voltage too low"
    TRIP_MS = 1000
    CLEAR_MS = 10000
    SOFT = True

    def __init__(self) -> None:
        super().__init__()
        self._sag_ms = 0

    def danger(self, outlet: Outlet) -> bool:
        """The lowest phase, mV."""
        self.soft = not outlet.open_pen  # which is a danger
        measured = outlet.metered
        return measured is not None and measured[1] < (207000 if outlet.open_pen else 180000)

    def step_present(self, outlet: Outlet) -> None:
        """Wait while the car follows a lower limit, at most _SAG_MS, where the voltage is low by less than _DEEP_MV."""
        if outlet.signalled_da > _LEAST_DA and self.soft and outlet.energised and self._sag_ms < _SAG_MS:
            if outlet.metered[1] >= _DEEP_MV:
                self._sag_ms += outlet.dt_ms
                self.active = True  # for step_gone()
                return
        super().step_present(outlet)

    def step_gone(self, outlet: Outlet) -> None:
        """The voltage is back."""
        self._sag_ms = 0
        super().step_gone(outlet)


class OverVoltage(base.Guard):
    """Mains above 265 V for 1 s in any metered phase; above 253 V where the unit detects an open PEN (CP-49)."""

    CODE = "OverVoltage"
    INFO = "Mains voltage too high"
    TRIP_MS = 1000
    CLEAR_MS = 10000

    def danger(self, outlet: Outlet) -> bool:
        """The highest phase, mV."""
        measured = outlet.metered
        return measured is not None and measured[2] > (253000 if outlet.open_pen else 265000)


class MeterLost(base.Guard):
    """No valid reading: the current could not be watched, so the energy stops (MET-1)."""

    CODE = "PowerMeterFailure"
    INFO = "Energy meter does not answer"
    TRIP_MS = 2000
    CLEAR_MS = 2000
    SOFT = True

    def danger(self, outlet: Outlet) -> bool:
        """The meter task publishes readings only while they pass their checks; the tick drops those older than 2 s."""
        return outlet.metered is None


class Temperature(base.Guard):
    """Stop at 85 degC, resume below 70 degC and after 5 minutes; an open or shorted sensor counts as hot (CP-48)."""

    NEEDS = "thermometer"
    CODE = "HighTemperature"
    INFO = "Too hot inside"
    TRIP_MS = 200
    CLEAR_MS = 300000
    SOFT = True

    def danger(self, outlet: Outlet) -> bool:
        """With hysteresis: once tripped the lower threshold counts. A broken sensor reads as very hot."""
        return outlet.thermometer.value_dc >= (700 if self.tripped else 850)
