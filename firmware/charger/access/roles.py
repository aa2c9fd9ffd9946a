"""The rights of each role (SEC-18): only those that its work needs; no role has all.

The owner runs the unit, a user charges, the installer sets the current limits of wiring and supply and calibrates. An
action that is not in the table is refused. The back end is not a role: OCPP has its own table (config/keys.py).
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
    "schedule": (OWNER,),  # schedule and current, within the installer's limits
    "settings": (OWNER,),  # names, cards, notices
    "tokens": (OWNER,),
    "network": (OWNER, INSTALLER),  # Wi-Fi, the owner's broker
    "backend": (OWNER, INSTALLER),  # address and password of the back end
    "limits": (INSTALLER,),  # current limits of wiring and supply
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


def may(role: Role, action: str) -> bool:
    """True when a role, or a client with a token (access/tokens.py), has a right; one that is not in the table is refused."""
    if not isinstance(role, str):
        return action in role.rights
    return role in _MAY.get(action, ())


def actions(role: str) -> list:
    """Return the rights of a role, sorted."""
    return sorted([action for action, roles in _MAY.items() if role in roles])
