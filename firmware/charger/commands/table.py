"""All commands: name to (right, spec, coroutine function); run() checks and executes one."""

from charger import clock, validate
from charger.access import roles
from charger.commands import (
    FORBIDDEN,
    INVALID,
    UNKNOWN,
    cards,
    charging,
    client_tokens,
    logs_and_history,
    maintenance,
    owner_settings,
    pin_and_clock,
    planning,
)
from charger.errors import CommandError, InvalidValueError

# What a token may be used for, each with its right (SEC-18).
_OF_CLIENTS = ("status", "charge", "history", "hours", "set_hours", "plan", "set_plan", "tariff", "set_tariff", "house",
               "set_house", "update", "install", "set")  # of settings, those with one of a token's rights
COMMANDS = {}
for _module in (cards, charging, client_tokens, logs_and_history, maintenance, owner_settings, pin_and_clock, planning):
    COMMANDS.update(_module.COMMANDS)


async def run(app: Application, role: Role, name: str, args: dict, surface: str = "page", device: str = "") -> dict:
    """Run a command for a person with a role or for a client with a token. CommandError, OSError by the flash.

    device: see Pins.check().
    """
    if name not in COMMANDS:
        raise CommandError(UNKNOWN, "No such command.")
    right, spec, act = COMMANDS[name]
    if not roles.may(role, right) or not (isinstance(role, str) or name in _OF_CLIENTS):
        raise CommandError(FORBIDDEN, "The %s may not do this." % role)
    try:
        validate.check(spec, args)
    except InvalidValueError as error:
        raise CommandError(INVALID, "%s." % error)
    if device:
        args = dict(args)
        args["device"] = device
    await clock.sleep_ms(0)
    return await act(app, role, args, surface)
