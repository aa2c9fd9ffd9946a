"""The owner's list of cards: learn one at the reader, name, block, remove."""

from charger.audit import events
from charger.commands import CONFLICT, INVALID, UNABLE, UNKNOWN
from charger.errors import CommandError


async def _cards(app: Application, _role: Role, _args: dict, _surface: str) -> dict:
    from charger.access import home_cards  # 800 frozen bytes, for owners who add or look at cards

    cards = [{"card": tag.upper(), "name": name, "blocked": blocked}
             for tag, (name, blocked) in home_cards.kept(app.files).items()]
    return {"reader": bool(app.readers), "backend": bool(app.settings.url),
            "learning_s": app.learning.left_s if app.learning else 0, "cards": cards}


async def _set_cards(app: Application, role: str, args: dict, surface: str) -> dict:
    action = args["action"]
    if action == "cancel":
        app.learning = None
    elif action == "learn":
        _learn(app, args.get("name", ""))
    else:
        _change(app.files, args)
    if action != "cancel":
        app.security_log.add(events.RECONFIGURED, "card, %s, by %s, %s" % (action, role, surface))  # never its number
    return {}


def _learn(app: Application, name: str) -> None:
    from charger.access import home_cards  # 800 frozen bytes, for owners who add or look at cards

    if not app.readers:
        raise CommandError(UNABLE, "This charger has no card reader.")
    if home_cards.is_full(app.files):
        raise CommandError(CONFLICT, "The list of cards is full.")
    app.learning = home_cards.Learning(app.files, name)


def _change(files: Files, args: dict) -> None:
    from charger.access import home_cards  # 800 frozen bytes, for owners who add or look at cards

    if "card" not in args:
        raise CommandError(INVALID, "card: which one.")
    if not home_cards.change(files, args["card"], args.get("name"), args.get("blocked"), args["action"] == "remove"):
        raise CommandError(UNKNOWN, "This card is not in the list.")


COMMANDS = {
    "cards": ("settings", ("strict", ()), _cards),
    "set_cards": ("settings", ("strict", (
        ("action", ("enum", ("learn", "cancel", "change", "remove"))),
    ), (
        ("card", ("str", 20, 1)), ("name", ("str", 24)), ("blocked", ("bool",)),
    )), _set_cards),
}  # fmt: skip
