"""The status of a connector and the transitions that OCPP allows between them (OCPP-80).

Where the charger has to get from one status to another and the table has no direct way, it goes by the one that has.
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

# OCPP 1.6 section 4.9: columns in the order of _ORDER, one row a present status; x marks a transition that exists.
_ORDER = (AVAILABLE, PREPARING, CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, FINISHING, RESERVED, UNAVAILABLE, FAULTED)
_TABLE = (
    "-xxxx-xxx",
    "x-xxxx--x",
    "x--xxx-xx",
    "x-x-xx-xx",
    "x-xx-x-xx",
    "xx-----xx",
    "xx-----xx",
    "xxxxx---x",
    "xxxxxxxx-",
)
_BETWEEN = (PREPARING, AVAILABLE, FINISHING)


def allowed(old: str, new: str) -> bool:
    """True when OCPP has a direct transition."""
    return _TABLE[_ORDER.index(old)][_ORDER.index(new)] == "x"


def way(old: str, new: str) -> tuple:
    """The statuses to pass, the new one last; empty when nothing changes."""
    if old == new:
        return ()
    if allowed(old, new):
        return (new,)
    for middle in _BETWEEN:
        if middle not in (old, new) and allowed(old, middle) and allowed(middle, new):
            return (middle, new)
    return (AVAILABLE, PREPARING, new)
