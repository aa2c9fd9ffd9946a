"""All commands: name to (right, spec, coroutine function); run() checks and executes one."""

from charger import validate
from charger.access import roles
from charger.commands import (
    FORBIDDEN,
    INVALID,
    UNKNOWN,
    cards,
    charging,
    logs_and_history,
    maintenance,
    owner_settings,
    pin_and_clock,
    planning,
)
from charger.errors import CommandError, InvalidValueError

COMMANDS = {}
for _module in (cards, charging, logs_and_history, maintenance, owner_settings, pin_and_clock, planning):
    COMMANDS.update(_module.COMMANDS)


async def run(app, role: str, name: str, args: dict, surface: str = "page", device: str = "") -> dict:
    """Run a command for a person with a role. CommandError, OSError by the flash. device: see Pins.check()."""
    if name not in COMMANDS:
        raise CommandError(UNKNOWN, "No such command.")
    right, spec, act = COMMANDS[name]
    if not roles.may(role, right):
        raise CommandError(FORBIDDEN, "The %s may not do this." % role)
    try:
        validate.check(spec, args)
    except InvalidValueError as error:
        raise CommandError(INVALID, "%s." % error)
    if device:
        args = dict(args)
        args["device"] = device
    return await act(app, role, args, surface)
