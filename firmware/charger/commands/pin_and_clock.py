"""PINs and the clock."""

from charger import clock
from charger.access import roles
from charger.commands import CONFLICT, FORBIDDEN, INVALID, UNABLE, WAIT
from charger.errors import CommandError


async def _change_pin(app, role, wish, surface) -> dict:
    """The PIN in force is asked for again: a telephone that lies about is not its owner."""
    verdict = await app.pins.check(role, wish["current"], surface, wish.get("device", ""))
    if verdict.state == "wait":
        raise CommandError(WAIT, "Too many wrong PINs: wait %d seconds." % verdict.wait_s, verdict.wait_s)
    if verdict.state == "refused":
        raise CommandError(UNABLE, verdict.why)
    if not verdict.ok:
        raise CommandError(FORBIDDEN, "The PIN in force is another one.")
    fault = await app.pins.change(role, wish.get("role", role), wish["pin"], surface)
    if fault:
        raise CommandError(INVALID, fault)
    return {}


async def _set_clock(_app, role, wish, _surface) -> dict:
    if not clock.set_utc(clock.parse_iso(wish["utc"])[0], role):
        raise CommandError(CONFLICT, "This is before this firmware was built.")
    return {}


_PIN = ("str", 64, 1)
COMMANDS = {
    "pin": ("status", ("strict", (("current", _PIN), ("pin", _PIN), ("role?", ("enum", roles.ROLES)))), _change_pin),
    "clock": ("clock", ("strict", (("utc", ("time",)),)), _set_clock),
}
