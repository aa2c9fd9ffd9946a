"""The status of a connector and the transitions that OCPP allows between them (OCPP-80).

Where the charger has to get from one status to another and the table has no cell, it goes by one that is true meanwhile.
"""

AVAILABLE = "Available"
PREPARING = "Preparing"
CHARGING = "Charging"
SUSPENDED_EV = "SuspendedEV"
SUSPENDED_EVSE = "SuspendedEVSE"
FINISHING = "Finishing"
RESERVED = "Reserved"
UNAVAILABLE = "Unavailable"
FAULTED = "Faulted"

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
