"""The statuses of a connector, which one is true now, and the transitions that OCPP allows between them (OCPP-80).

Where the charger has to get from one status to another and the table has no cell, it goes by one that is true meanwhile.
"""

from micropython import const

from charger import clock
from charger.outlet import pilot_duty

AVAILABLE = "Available"
PREPARING = "Preparing"
CHARGING = "Charging"
SUSPENDED_EV = "SuspendedEV"
SUSPENDED_EVSE = "SuspendedEVSE"
FINISHING = "Finishing"
RESERVED = "Reserved"
UNAVAILABLE = "Unavailable"
FAULTED = "Faulted"

# A car that has a PWM takes a moment to close S2; so long the status does not leave Preparing (OCPP-81).
_READY_MS = const(4000)
_IN_SESSION = (CHARGING, SUSPENDED_EV, SUSPENDED_EVSE)
_ORDER = (AVAILABLE, PREPARING, CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, FINISHING, RESERVED, UNAVAILABLE, FAULTED)

# OCPP 1.6 section 4.9: each cell that exists, with its cause. Rows A to I and columns 1 to 9 are in the order of _ORDER.
_CELLS = """
A2 a plug, an identity or a remote start is there
A3 all that charging needs is there at once
A4 as A3, and the car does not ask for energy
A5 as A3, and the charger does not give energy
A7 a reservation begins
A8 taken out of service
A9 a fault
B1 the intended use has ended: the plug, the card a second time, or the time is over
B3 energy flows
B4 a transaction runs and the car does not ask for energy
B5 a transaction runs and the charger does not give energy
B6 no idTag was authorised in time, or the use was ended, and the connector is not free yet
B9 a fault
C1 the transaction has ended and nothing is left in the connector
C4 the car has opened S2
C5 the charger pauses
C6 the transaction has ended and the connector is not free yet
C8 the transaction has ended and the connector was to go out of service
C9 a fault
D1 as C1
D3 the car asks again
D5 the charger pauses
D6 as C6
D8 as C8
D9 a fault
E1 as C1
E3 the charger's pause is over
E4 the charger's pause is over and the car does not ask for energy
E6 as C6
E8 as C8
E9 a fault
F1 the plug is gone
F2 another use begins while the plug is still there
F8 the connector was to go out of service
F9 a fault
G1 the reservation has ended and no car is there
G2 the identity is there, or the reservation has ended and a car is there
G8 taken out of service
G9 a fault
H1 back in service, nothing is there
H2 back in service, a car is there
H3 back in service with a transaction
H4 as H3, and the car does not ask for energy
H5 as H3, and the charger does not give energy
H9 a fault
I1 the fault is over
I2 the fault is over
I3 the fault is over
I4 the fault is over
I5 the fault is over
I6 the fault is over
I7 the fault is over
I8 the fault is over
"""
# What the way takes where there is no cell, first that fits: the use is ended or begun, and true at that moment.
_BETWEEN = (PREPARING, FINISHING, AVAILABLE)


def cause(old: str, new: str) -> str:
    """Why OCPP has the direct transition; '' when it has none."""
    at = _CELLS.find("\n%s%d " % ("ABCDEFGHI"[_ORDER.index(old)], _ORDER.index(new) + 1))
    return "" if at < 0 else _CELLS[at + 4 : _CELLS.find("\n", at + 1)]


def allowed(old: str, new: str) -> bool:
    """True when OCPP has a direct transition."""
    return cause(old, new) != ""


def step(old: str, new: str) -> str:
    """The next status on the way from one to another."""
    if old == new or allowed(old, new):
        return new
    for middle in _BETWEEN:
        if middle != old and allowed(old, middle) and allowed(middle, new):
            return middle
    return AVAILABLE


def transition_path(old: str, new: str) -> tuple:
    """The statuses to pass, the new one last; empty when nothing changes."""
    steps = ()
    while old != new:
        old = step(old, new)
        steps += (old,)
    return steps


class ConnectorStatus:
    """Base of Connector with what decides which status is true now; Connector tells it step by step."""

    outlet: Outlet
    view: OutletView
    settings: Configuration
    session: Session | None
    pending: Pending | None
    held_for: tuple | None
    suspended: str
    status: str
    operative: bool
    reserved: bool
    ev_left: bool
    _ending: tuple | None
    _finishing: bool
    _shown: bool
    _unattended_ms: int | None
    _offered_ms: int | None

    def _unplugged_end(self, wanted: str) -> bool:
        """Unplugging ends in Finishing before the connector is free (OCPP-43), unless it goes out of service."""
        if self.session is not None or not self.ev_left or self._occupied or wanted in (FAULTED, UNAVAILABLE):
            return False
        return self.status == PREPARING or self.status in _IN_SESSION

    @property
    def _occupied(self) -> bool:
        """Something is in the connector: a car, or a cable that is held."""
        return self.view.plugged or self.held_for is not None

    def _status_now(self) -> str:
        fault = self.view.fault
        if fault is not None and fault.FAULTED:
            return FAULTED
        if self.session is not None:
            return self._session_status()
        if not self.operative:
            return UNAVAILABLE
        if self.pending is not None:
            return PREPARING
        if self.reserved and not self._finishing:
            self._unattended_ms = None
            return RESERVED  # until the identity is there (G2), whatever is plugged
        if self._occupied:
            return self._unattended_status()
        return RESERVED if self.reserved else AVAILABLE

    def _unattended_status(self) -> str:
        """Preparing until an idTag is authorised, Finishing after a session or when none was authorised in time (OCPP-80 B6)."""
        if not self._finishing:
            if self._unattended_ms is None:
                self._unattended_ms = clock.ticks_ms()
            if clock.elapsed_ms(self._unattended_ms) >= self.settings.connection_timeout_s * 1000:
                self._finishing = True
        return FINISHING if self._finishing else PREPARING

    def _session_status(self) -> str:
        view = self.view
        if self._ending is not None and (self.status in _IN_SESSION or not self._shown):
            return self.status if self.status in _IN_SESSION else PREPARING
        if view.energised:
            return self._own(CHARGING)
        held = self.suspended or self.outlet.limits.effective_da < pilot_duty.MINIMUM_DA
        if not held and not view.blocked and self._moment() and (self.status in _IN_SESSION or not self._shown):
            return self.status if self.status in _IN_SESSION else PREPARING
        if self.outlet.permit and view.pwm_on and not view.ev_ready:
            return self._own(SUSPENDED_EV)
        return self._own(SUSPENDED_EVSE)

    def _own(self, status: str) -> str:
        self._shown = True
        return status

    def _moment(self) -> bool:
        """True in the short time between our offer and the closed contactor, which is no status of its own."""
        if self.view.about_to_close:
            return True
        if self.status == CHARGING:
            return False  # energy has flowed since the offer: the car has opened S2 again
        return self._offered_ms is not None and clock.elapsed_ms(self._offered_ms) < _READY_MS
