"""Guards of the control pilot: the diode, the short to PE, the car that wants ventilation."""

from charger.outlet import pilot_states
from charger.outlet.guards import base

_FRESH_MS = 20  # so old a duty must be before its negative half can have been sampled


class Diode(base.Guard):
    """The negative half-wave is loaded: there is no diode, so no car or a broken one (CP-9)."""

    CODE = "EVCommunicationError"
    INFO = "No diode at the pilot of the vehicle"
    FAULTED = False
    RULE = base.UNPLUG

    def danger(self, outlet) -> bool:
        """Only with PWM out and a car-like high plateau is there a negative half to look at (CP-10)."""
        if not outlet.pwm_on or outlet.pilot_age_ms < _FRESH_MS:
            return False
        if not pilot_states.B <= outlet.raw_state <= pilot_states.D:
            return False
        return outlet.pilot.low_mv > pilot_states.DIODE_LOW_MV


class PilotShort(base.Guard):
    """Pilot shorted to PE, or the supply of the pilot lost: state E, or an F that we do not drive (CP-27)."""

    CODE = "OtherError"
    INFO = "Control pilot shorted or lost"
    TRIP_MS = 200  # of the report only: the contactor opens at the first bad reading

    def danger(self, outlet) -> bool:
        """State F is right only while we drive it."""
        raw = outlet.raw_state
        return raw == pilot_states.E or (raw == pilot_states.F and not outlet.driving_f)


class PilotVoltage(base.Guard):
    """A voltage that belongs to no state: something is connected that is no car (CP-5)."""

    CODE = "EVCommunicationError"
    INFO = "The pilot voltage belongs to no vehicle state"
    FAULTED = False
    TRIP_MS = 200  # of the report only, as above

    def danger(self, outlet) -> bool:
        """Between the windows, or beyond them."""
        return outlet.raw_state == pilot_states.UNDEFINED


class Ventilation(base.Guard):
    """The car asks for ventilation and the site has none (CP-40)."""

    CODE = "OtherError"
    INFO = "The vehicle needs ventilation, the site has none"
    FAULTED = False
    RULE = base.UNPLUG

    def danger(self, outlet) -> bool:
        """State D without has_ventilation."""
        return outlet.state == pilot_states.D and not outlet.has_ventilation
