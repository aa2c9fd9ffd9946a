"""Change of PINs; setting the clock."""

from charger import clock
from charger.access import roles
from charger.commands import CONFLICT, FORBIDDEN, INVALID, UNABLE, WAIT
from charger.errors import CommandError


async def _change_pin(app: Application, role: str, args: dict, surface: str) -> dict:
    """Change a PIN; requires the current PIN, since a logged-in phone may be in other hands."""
    verdict = await app.pins.check(role, args["current"], surface, args.get("device", ""))
    if verdict.state == "wait":
        raise CommandError(WAIT, "Too many wrong PINs: wait %d seconds." % verdict.wait_s, verdict.wait_s)
    if verdict.state == "refused":
        raise CommandError(UNABLE, verdict.why)
    if not verdict.ok:
        raise CommandError(FORBIDDEN, "The current PIN is wrong.")
    fault = await app.pins.change(role, args.get("role", role), args["pin"], surface)
    if fault:
        raise CommandError(INVALID, fault)
    return {}


async def _set_clock(_app: Application, role: str, args: dict, _surface: str) -> dict:
    if not clock.set_utc(clock.parse_iso(args["utc"])[0], role):
        raise CommandError(CONFLICT, "The time is before the build of this firmware or over 20 years after it.")
    return {}


_PIN = ("str", 64, 1)
COMMANDS = {
    "pin": ("status", ("strict", (("current", _PIN), ("pin", _PIN)), (("role", ("enum", roles.ROLES)),)), _change_pin),
    "clock": ("clock", ("strict", (("utc", ("time",)),)), _set_clock),
}
