"""Status of the unit; start, stop and limit of charging by a person."""

from charger import log
from charger.access import roles
from charger.commands import CONFLICT, INVALID, UNKNOWN
from charger.errors import CommandError


async def _status(app, role, _wish, _surface) -> dict:
    report = app.report()
    if not roles.may(role, "history"):
        for connector in report["connectors"].values():
            connector["id_tag"] = None  # the installer does not see the user of a session (SEC-18)
    return report


def _connector(app, args):
    number = int(args.get("connector", 1))
    if number > len(app.connectors):
        raise CommandError(UNKNOWN, "There is no connector %d." % number)
    return app.connectors[number - 1]


async def _charge(app, role, args, _surface) -> dict:
    connector = _connector(app, args)
    action = args["action"]
    if action == "limit":
        amps = args.get("amps")
        connector.outlet.limits.set("user", None if amps is None else int(amps * 10))
    elif "amps" in args:
        raise CommandError(INVALID, "amps: only with the action limit.")
    elif action == "stop":
        if not connector.stop("Local"):
            raise CommandError(CONFLICT, "Nothing is charging.")
    else:
        _start(app, connector)
    log.info("page", "connector %d: %s by the %s" % (connector.id, action, role))
    return {}


def _start(app, connector):
    """Start a session without a card; OCPP messages have the idTag FreeVendIdTag."""
    if connector.session is not None:
        raise CommandError(CONFLICT, "A session is running already.")
    if not connector.startable():
        reason = connector.why_no_energy() or "it is out of service"
        raise CommandError(CONFLICT, "The connector cannot start now: %s." % reason)
    if not app.charge_point.authorisation.begin(connector, app.config.get_str("FreeVendIdTag")):
        raise CommandError(CONFLICT, "The connector is reserved.")


COMMANDS = {
    "status": ("status", ("strict", ()), _status),
    "charge": ("charge", ("strict", (
        ("connector?", ("whole", 1, 32)), ("action", ("enum", ("start", "stop", "limit"))), ("amps?", ("num", 6, 80)),
    )), _charge),
}  # fmt: skip
