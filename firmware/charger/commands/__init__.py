"""What a person may do at this unit, whoever brings the wish: the local page or the owner's portal (SEC-13, SEC-18).

A wish is a name and a plain dict, checked against its spec before anything is looked at; the answer is a plain dict, or
Refused with a sentence. Who asks was found out before (access/pin.py); what a role may do is in access/roles.py.
A module of this package has WISHES, name to (right, spec, coroutine function), and is in RAM only while it is asked.
"""

from charger import late, validate
from charger.access import roles
from charger.validate import Refused

# kinds of refusals
FORBIDDEN = "forbidden"  # not with this role
INVALID = "invalid"  # the wish makes no sense
UNKNOWN = "unknown"  # there is no such thing
CONFLICT = "conflict"  # not in the present state
WAIT = "wait"  # a PIN was wrong too often; `wait_s`
UNABLE = "unable"  # this unit cannot, or not now

_WHERE = {
    "status": "charging", "charge": "charging", "settings": "owner_settings", "set": "owner_settings",
    "pin": "pin_and_clock", "clock": "pin_and_clock", "log": "logs_and_history", "history": "logs_and_history",
    "acknowledge": "maintenance", "update": "maintenance", "install": "maintenance", "erase": "maintenance",
    "reset": "maintenance",
}  # fmt: skip


async def run(app, role: str, name: str, wish, surface: str = "page", device: str = "") -> dict:
    """Fulfil a wish of somebody with a role. Refused, OSError by the flash. device: see Pins.check()."""
    if name not in _WHERE:
        raise Refused(UNKNOWN, "There is no such command.")
    try:
        right, spec, act = __import__("charger.commands." + _WHERE[name], None, None, ("WISHES",)).WISHES[name]
        if not roles.may(role, right):
            raise Refused(FORBIDDEN, "The %s may not do this." % role)
        try:
            validate.check(spec, wish)
        except validate.Invalid as error:
            raise Refused(INVALID, "%s." % error)
        if device:
            wish = dict(wish)
            wish["device"] = device
        return await act(app, role, wish, surface)
    finally:
        act = None
        late.drop("charger.commands." + _WHERE[name], "charger.status_report")
