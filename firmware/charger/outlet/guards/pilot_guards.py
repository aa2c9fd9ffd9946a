"""Guards of the control pilot: the diode, the short to PE, the car that wants ventilation."""

from charger.outlet import pilot_states
from charger.outlet.guards import base

_NO_CAR_MV = 10000  # a car in state B brings the pilot below this


class Diode(base.Guard):
    """The negative half-wave is loaded: there is no diode, so no car or a broken one (CP-9)."""

    CODE = "EVCommunicationError"
    INFO = "No diode at the pilot of the vehicle"
    FAULTED = False
    RULE = base.UNPLUG
    TRIP_MS = 200  # of the latch: the contactor opens in the tick that has read it twice

    def danger(self, outlet: Outlet) -> bool:
        """Judge the negative plateau, and tell the outlet, which does not wait for the latch."""
        outlet.diode_lost = lost = self._is_lost(outlet)
        return lost

    def _is_lost(self, outlet: Outlet) -> bool:
        """True with PWM and the high plateau of a car: only then there is a negative half-wave to check (CP-10)."""
        if not outlet.pwm_on or not pilot_states.B <= outlet.raw_state <= pilot_states.D:
            return False
        return outlet.pilot.low_mv > pilot_states.DIODE_LOW_MV


class PilotGenerator(base.Guard):
    """The unit's own pilot is out of range while nothing is plugged (CP-1): no car is to blame, and none is seen."""

    CODE = "InternalError"
    INFO = "Level of the pilot generator out of range"
    TRIP_MS = 200

    def danger(self, outlet: Outlet) -> bool:
        """By the test of the negative level, or by a positive one that is below state A and above what any car makes of it."""
        return outlet.generator_test.failed or is_weak(outlet)


def is_weak(outlet: Outlet) -> bool:
    """True for a voltage beside state A's window with no car plugged."""
    return not outlet.plugged and outlet.raw_state == pilot_states.UNDEFINED and outlet.pilot.high_mv > _NO_CAR_MV


class PilotShort(base.Guard):
    """Pilot shorted to PE, or the supply of the pilot lost: state E, or an F that we do not drive (CP-27)."""

    CODE = "OtherError"
    INFO = "Control pilot shorted or lost"
    TRIP_MS = 200  # of the report only: the contactor opens at the first bad reading

    def danger(self, outlet: Outlet) -> bool:
        """State F is right only while we drive it."""
        raw = outlet.raw_state
        return raw == pilot_states.E or (raw == pilot_states.F and not outlet.driving_f)


class PilotVoltage(base.Guard):
    """A voltage that belongs to no state: something is connected that is no car (CP-5)."""

    CODE = "EVCommunicationError"
    INFO = "The pilot voltage belongs to no vehicle state"
    FAULTED = False
    TRIP_MS = 200  # of the report only, as above

    def danger(self, outlet: Outlet) -> bool:
        """Between the windows, or beyond them; not in our own state F.

        In state F a car without a diode, which Diode reports, shows some voltage of its own. Where the generator itself is wrong
        PilotGenerator comes first.
        """
        return outlet.raw_state == pilot_states.UNDEFINED and not outlet.driving_f


class Ventilation(base.Guard):
    """The car asks for ventilation and the site has none (CP-40)."""

    CODE = "OtherError"
    INFO = "The vehicle needs ventilation, the site has none"
    FAULTED = False
    RULE = base.UNPLUG
    TRIP_MS = 200  # of the latch: the contactor opens in the tick that has read it twice

    def danger(self, outlet: Outlet) -> bool:
        """State D without has_ventilation."""
        return outlet.state == pilot_states.D and not outlet.has_ventilation
