"""The guards of one outlet: each watches one danger, has its own latch rule and its own OCPP error code (OCPP-84).

A guard only ever opens. `step()` runs in every control tick, in every state, and allocates nothing: it returns True
while the guard is tripped. What clears a tripped guard is its `RULE`:

- CLEARS: the condition has been gone for `CLEAR_MS`
- UNPLUG: the car has been unplugged and the condition is gone
- SERVICE: only a restart with the condition gone
"""

from micropython import const

from charger.outlet import states

CLEARS = const(0)
UNPLUG = const(1)
SERVICE = const(2)


class Guard:
    """Base: debounce, latch and clear; a subclass says when its danger is present."""

    CODE = "OtherError"
    INFO = ""
    FAULTED = True  # False: a warning beside the ordinary status (OCPP-83)
    RULE = CLEARS
    TRIP_MS = 0  # how long the danger may be there before the guard trips
    CLEAR_MS = 1000

    def __init__(self):
        self.tripped = False
        self._present_ms = 0
        self._gone_ms = 0

    def danger(self, outlet) -> bool:
        """True while the condition is there. Overridden."""
        raise NotImplementedError

    def step(self, outlet, dt_ms: int) -> bool:
        """One tick of dt_ms; True while tripped."""
        if self.danger(outlet):
            self._gone_ms = 0
            if not self.tripped:
                if self._present_ms >= self.TRIP_MS:
                    self.tripped = True
                else:
                    self._present_ms += dt_ms
        else:
            self._present_ms = 0
            if self.tripped:
                self._gone_ms += dt_ms
                if self._gone_ms >= self.CLEAR_MS and (
                    self.RULE == CLEARS or (self.RULE == UNPLUG and not outlet.plugged)
                ):
                    self.tripped = False
                    self._gone_ms = 0
        return self.tripped


class Diode(Guard):
    """The negative half-wave is not clipped by a diode: no car, or a broken one (CP-9)."""

    CODE = "EVCommunicationError"
    INFO = "No diode at the pilot of the vehicle"
    FAULTED = False
    RULE = UNPLUG

    def danger(self, outlet) -> bool:
        """Only with PWM out and a car-like high plateau is there a negative half to look at (CP-10)."""
        if not outlet.pwm_on or outlet.pilot_age_ms < 20:
            return False
        return states.B <= outlet.raw_state <= states.D and outlet.pilot.low_mv > states.DIODE_LOW_MV


class PilotShort(Guard):
    """Pilot shorted to PE, or the supply of the pilot lost: state E, or a voltage that belongs to no state (CP-5, 27)."""

    CODE = "OtherError"
    INFO = "Control pilot shorted or lost"
    TRIP_MS = 200  # of the report only: the contactor opens at the first bad reading

    def danger(self, outlet) -> bool:
        """State F is ours only while we drive it."""
        raw = outlet.raw_state
        return raw == states.E or raw == states.UNDEFINED or (raw == states.F and not outlet.driving_f)


class ResidualCurrent(Guard):
    """The RDC-DD or RCD has tripped; its output cuts the coil by itself, this only follows (CP-41 to CP-44)."""

    CODE = "GroundFailure"
    INFO = "Residual current device tripped"
    RULE = UNPLUG

    def danger(self, outlet) -> bool:
        """The trip input, except during our own self-test pulse."""
        return outlet.rcd is not None and outlet.rcd.tripped() and not outlet.rcd.testing


class Weld(Guard):
    """The auxiliary contact says closed although the coil is released (CP-45)."""

    CODE = "PowerSwitchFailure"
    INFO = "Contactor welded"
    RULE = SERVICE
    TRIP_MS = 200

    def danger(self, outlet) -> bool:
        """Released and still closed."""
        return not outlet.contactor.commanded and outlet.contactor.closed()


class CloseFailure(Guard):
    """The contactor was told to close and did not (CP-46)."""

    CODE = "PowerSwitchFailure"
    INFO = "Contactor does not close"
    RULE = UNPLUG
    TRIP_MS = 300

    def danger(self, outlet) -> bool:
        """Commanded and still open."""
        return outlet.contactor.commanded and not outlet.contactor.closed()


class OverCurrent(Guard):
    """The car draws more than it was told: more than 10 % over for 7 s (CP-47)."""

    CODE = "OverCurrentFailure"
    INFO = "Vehicle draws more than offered"
    RULE = UNPLUG
    TRIP_MS = 7000

    def danger(self, outlet) -> bool:
        """Limit: (signalled + 0.5 A) x 1.1, in mA."""
        reading = outlet.reading
        if not outlet.contactor.commanded or not reading.valid:
            return False
        allowed_ma = (outlet.signalled_da + 5) * 110
        for n in range(reading.phases):
            if reading.i_ma[n] > allowed_ma:
                return True
        return False


class UnderVoltage(Guard):
    """Mains below 180 V for 1 s (CP-49)."""

    CODE = "UnderVoltage"
    INFO = "Mains voltage too low"
    TRIP_MS = 1000
    CLEAR_MS = 10000
    LIMIT_MV = 180000

    def danger(self, outlet) -> bool:
        """Any metered phase."""
        reading = outlet.reading
        if not reading.valid:
            return False
        for n in range(reading.phases):
            if reading.v_mv[n] < self.LIMIT_MV:
                return True
        return False


class OverVoltage(Guard):
    """Mains above 265 V for 1 s (CP-49)."""

    CODE = "OverVoltage"
    INFO = "Mains voltage too high"
    TRIP_MS = 1000
    CLEAR_MS = 10000
    LIMIT_MV = 265000

    def danger(self, outlet) -> bool:
        """Any metered phase."""
        reading = outlet.reading
        if not reading.valid:
            return False
        for n in range(reading.phases):
            if reading.v_mv[n] > self.LIMIT_MV:
                return True
        return False


class MeterLost(Guard):
    """No valid reading: the current could not be watched, so the energy stops (MET-1)."""

    CODE = "PowerMeterFailure"
    INFO = "Energy meter does not answer"
    TRIP_MS = 2000
    CLEAR_MS = 2000

    def danger(self, outlet) -> bool:
        """The meter task keeps `valid` true only while readings are fresh and pass their checks."""
        return not outlet.reading.valid


class Temperature(Guard):
    """Stop at 85 degC, resume below 70 degC and after 5 minutes; an open or shorted sensor counts as hot (CP-48)."""

    CODE = "HighTemperature"
    INFO = "Too hot inside"
    TRIP_MS = 200
    CLEAR_MS = 300000
    STOP_DC = 850
    RESUME_DC = 700

    def danger(self, outlet) -> bool:
        """With hysteresis: once tripped the lower threshold counts."""
        if outlet.thermometer is None:
            return False
        if not outlet.thermometer.valid:
            return True
        return outlet.thermometer.value_dc >= (self.RESUME_DC if self.tripped else self.STOP_DC)


class FaultInput(Guard):
    """A board's general fault input."""

    CODE = "OtherError"
    INFO = "Fault input of the board"
    TRIP_MS = 40

    def danger(self, outlet) -> bool:
        """Boards without the input have none."""
        return outlet.fault_input is not None and outlet.fault_input.value() == 1


# In the order in which they are reported when several are tripped.
ALL = (
    ResidualCurrent, Weld, CloseFailure, PilotShort, Diode, OverCurrent, Temperature,
    MeterLost, UnderVoltage, OverVoltage, FaultInput,
)
