"""Who may do what at this unit (SEC-18): each role has the rights that its work needs, and nobody has all.

The owner runs the unit, a user charges, the installer sets what the wiring bears and calibrates. What is not in the
table nobody may do. The back end is none of these: OCPP has its own table of keys (config/configuration.py).
"""

OWNER = "owner"
USER = "user"
INSTALLER = "installer"
ROLES = (OWNER, USER, INSTALLER)

_ALL = (OWNER, USER, INSTALLER)
_MAY = {
    "status": _ALL,
    "charge": (OWNER, USER),
    "history": (OWNER, USER),
    "schedule": (OWNER,),  # when it charges by itself, and how strong within the installer's limits
    "settings": (OWNER,),  # names, cards, notices
    "network": (OWNER, INSTALLER),  # Wi-Fi, the owner's broker
    "backend": (OWNER, INSTALLER),  # whose back end, its password
    "limits": (INSTALLER,),  # what wiring and supply bear
    "calibration": (INSTALLER,),  # MET-3: it decides what is billed
    "clock": (OWNER, INSTALLER),
    "log": (OWNER, INSTALLER),
    "acknowledge": (OWNER,),  # the lid, latched faults (SEC-17)
    "update": (OWNER,),  # SEC-7
    "erase": (OWNER,),  # SEC-15
    "reset": (OWNER,),
    "restart": (OWNER, INSTALLER),
    "pin.owner": (OWNER,),
    "pin.user": (OWNER, USER),
    "pin.installer": (INSTALLER,),
}


def may(role: str, action: str) -> bool:
    """Whether a role may do something; nobody may do what is not in the table."""
    return role in _MAY.get(action, ())


def actions(role: str) -> list:
    """All that a role may do, sorted: what a page offers."""
    return sorted([action for action, roles in _MAY.items() if role in roles])
