"""Status of the unit; start, stop and limit of charging by a person."""

from charger import log
from charger.access import roles
from charger.commands import CONFLICT, INVALID, UNKNOWN
from charger.errors import CommandError
from charger.runtime import cooperative


async def _status(app: Application, role: Role, _wish: dict, _surface: str) -> dict:
    report = app.report()
    if not roles.may(role, "history"):
        for connector in report["connectors"].values():
            connector["id_tag"] = None  # the installer does not see the user of a session (SEC-18)
    return report


def connector_of(connectors: list, args: dict) -> Connector:
    """The connector that the arguments name, 1 by default. CommandError for one that is not there."""
    number = int(args.get("connector", 1))
    if number > len(connectors):
        raise CommandError(UNKNOWN, "There is no connector %d." % number)
    return connectors[number - 1]


async def _charge(app: Application, role: Role, args: dict, _surface: str) -> dict:
    connector = connector_of(app.connectors, args)
    action = args["action"]
    if action == "limit":
        amps = args.get("amps")
        connector.outlet.limits.set("user", None if amps is None else int(amps * 10))
    elif "amps" in args:
        raise CommandError(INVALID, "amps: only with the action limit.")
    elif action in ("pause", "resume"):  # without a session it holds for the next one, at whose end it ends
        connector.outlet.limits.set("pause", 0 if action == "pause" else None)
    elif action in ("now", "skip"):
        _steer(app, connector, action, role)
    elif action == "stop":
        if not connector.stop("Local"):
            raise CommandError(CONFLICT, "Nothing is charging.")
    else:
        _start(app, connector, role)
    log.info("page", "connector %d: %s by the %s" % (connector.id, action, role))
    return {}


def _steer(app: Application, connector: Connector, action: str, role: Role) -> None:
    """Override what is scheduled, for the running session only."""
    planner = app.planner
    if connector.session is None or connector.stopping:
        raise CommandError(CONFLICT, "No session is running.")
    reason = planner.refusal(connector)
    if reason:
        raise CommandError(CONFLICT, "This would be dangerous: %s." % reason)
    if action == "now":
        planner.override(connector, role)
        app.charge_point.smart_charging().recompute()  # without the profiles of a DSR event
    elif not planner.skip_delay(connector, role):
        raise CommandError(CONFLICT, "No random delay is running.")


def _start(app: Application, connector: Connector, role: Role) -> None:
    """Start a session without a card; OCPP messages have the idTag FreeVendIdTag."""
    if connector.session is not None:
        raise CommandError(CONFLICT, "A session is running already.")
    if not connector.startable():
        reason = connector.why_no_energy() or "it is out of service"
        raise CommandError(CONFLICT, "The connector cannot start now: %s." % reason)
    if not app.charge_point.authorisation.begin(connector, app.config.get_str("FreeVendIdTag")):
        raise CommandError(CONFLICT, "The connector is reserved.")
    app.planner.skip_delay(connector, role)  # a pressed start is meant for now (UK-33, UK-36)


async def _hours(app: Application, _role: Role, _args: dict, _surface: str) -> dict:
    rules = app.planner.report()
    report = {"country": rules["country"], "delay_max_s": rules["delay_max_s"]}
    report.update(app.planner.hours().report())
    return report


async def _set_hours(app: Application, role: Role, args: dict, surface: str) -> dict:
    """Accept the default charging hours, remove them, or set others (UK-22, UK-23)."""
    windows = args.get("windows", "")
    if (args["choice"] == "change") != ("windows" in args and windows != ""):
        raise CommandError(INVALID, "windows: with the choice change, and only with it.")
    try:
        await cooperative.run(app.planner.choose_hours(args["choice"], windows, "%s, %s" % (role, surface)))
    except ValueError:
        raise CommandError(INVALID, "windows: such as 1-5 22:00-24:00;6-7 00:00-24:00 is wanted.")
    return {}


COMMANDS = {
    "status": ("status", ("strict", ()), _status),
    "charge": ("charge", ("strict", (
        ("action", ("enum", ("start", "stop", "limit", "now", "skip", "pause", "resume"))),
    ), (
        ("connector", ("whole", 1, 32)), ("amps", ("num", 6, 80)),
    )), _charge),
    "hours": ("status", ("strict", ()), _hours),
    "set_hours": ("schedule", ("strict", (
        ("choice", ("enum", ("accept", "remove", "change"))),
    ), (
        ("windows", ("str", 300)),
    )), _set_hours),
}  # fmt: skip
