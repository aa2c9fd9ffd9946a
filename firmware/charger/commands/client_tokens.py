"""The owner's tokens: list, make, revoke."""

from charger.access import tokens
from charger.audit import events
from charger.commands import CONFLICT, INVALID, UNKNOWN
from charger.errors import CommandError


async def _tokens(app: Application, _role: Role, _args: dict, _surface: str) -> dict:
    return {"tokens": [{"name": name, "rights": rights, "home_assistant": bool(token)}
                       for name, rights, _, token in tokens.kept(app.vault)]}


async def _set_tokens(app: Application, role: str, args: dict, surface: str) -> dict:
    """Make a token or revoke one."""
    name = args["name"]
    if (args["action"] == "make") != ("rights" in args) or (args["action"] == "remove" and "home_assistant" in args):
        raise CommandError(INVALID, "rights, home_assistant: with the action make, and only with it.")
    if args["action"] == "make":
        return _make(app, name, args, "by %s, %s" % (role, surface))
    if not tokens.remove(app.vault, name):
        raise CommandError(UNKNOWN, "No token has this name.")
    _tell(app, "token revoked, by %s, %s" % (role, surface))
    return {}


def _make(app: Application, name: str, args: dict, by: str) -> dict:
    """Make a token and tell it once; that of Home Assistant is told to the broker alone."""
    published = args.get("home_assistant", False)
    rights = [right for right in tokens.RIGHTS if right in args["rights"]]
    token = tokens.make(app.vault, name, rights, published)
    if not token:
        raise CommandError(CONFLICT, "There are too many tokens, or one of this name.")
    _tell(app, "token made: %s, %s" % (" ".join(rights), by))
    return {} if published else {"token": token}


def _tell(app: Application, text: str) -> None:
    app.security_log.add(events.RECONFIGURED, text)
    if app.mqtt_client is not None:
        app.mqtt_client.announce_due = True


COMMANDS = {
    "tokens": ("tokens", ("strict", ()), _tokens),
    "set_tokens": ("tokens", ("strict", (
        ("action", ("enum", ("make", "remove"))), ("name", ("str", 24, 1)),
    ), (
        ("rights", ("list", ("enum", tokens.RIGHTS), len(tokens.RIGHTS), 1)), ("home_assistant", ("bool",)),
    )), _set_tokens),
}  # fmt: skip
