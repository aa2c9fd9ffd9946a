"""What a person may do at this unit, whoever brings the wish: the local page or the owner's portal (SEC-13, SEC-18).

A wish is a name and a plain dict, checked against its spec before anything is looked at; the answer is a plain dict, or
Refused with a sentence. Who asks was found out before (security/pin.py); what a role may do is in security/roles.py.
This module is in RAM only while somebody asks.
"""

import asyncio

from charger import clock, log, validate
from charger.security import events, roles

FORBIDDEN = "forbidden"  # not with this role
INVALID = "invalid"  # the wish makes no sense
UNKNOWN = "unknown"  # there is no such thing
CONFLICT = "conflict"  # not in the present state
WAIT = "wait"  # a PIN was wrong too often; `wait_s`
UNABLE = "unable"  # this unit cannot, or not now


class Refused(Exception):
    """A wish that is not fulfilled; nothing was changed. `kind` is one of the words above."""

    def __init__(self, kind: str, text: str, wait_s: int = 0):
        super().__init__(text)
        self.kind = kind
        self.wait_s = wait_s


# name, the right it takes, whether its value is secret. The keys' types and ranges: ocpp/configuration.py
_SETTINGS = """
AllowOfflineTxForUnknownId settings
AuthorizationCacheEnabled settings
AuthorizationKey backend secret
ConnectionTimeOut settings
CpoName backend
FreeVend settings
FreeVendIdTag settings
InstallerMaxCurrent limits
LocalAuthorizeOffline settings
LocalPreAuthorize settings
TamperPolicy settings
UnlockConnectorOnEVSideDisconnect settings
WifiName network
WifiPassword network secret
"""
_WIFI = {"WifiName": ("wifi/name", 1, 32), "WifiPassword": ("wifi/password", 8, 63)}  # in the vault; IEEE 802.11, WPA2

_PIN = ("str", 64, 1)
_MOST = 20  # entries in one answer


async def run(app, role: str, name: str, wish, surface: str = "page") -> dict:
    """Fulfil a wish of somebody with a role. Refused, OSError by the flash."""
    entry = _WISHES.get(name)
    if entry is None:
        raise Refused(UNKNOWN, "There is no such command.")
    right, spec, act = entry
    if spec is None:  # each field has a check of its own
        spec = ("obj", ())
    else:
        spec = ("strict", spec)
    if not roles.may(role, right):
        raise Refused(FORBIDDEN, "The %s may not do this." % role)
    try:
        validate.check(spec, wish)
    except validate.Invalid as error:
        raise Refused(INVALID, "%s." % error)
    return await act(app, role, wish, surface)


async def _status(app, role, _wish, _surface) -> dict:
    report = app.report()
    if not roles.may(role, "history"):
        for connector in report["connectors"].values():
            connector["id_tag"] = None  # whose session it is, is none of the installer's business (SEC-18)
    return report


# --- charging ---


def _connector(app, wish):
    number = wish.get("connector", 1)
    if number > len(app.connectors):
        raise Refused(UNKNOWN, "There is no connector %d." % number)
    return app.connectors[number - 1]


async def _charge(app, role, wish, _surface) -> dict:
    connector = _connector(app, wish)
    action = wish["action"]
    if action == "limit":
        amps = wish.get("amps")
        connector.outlet.limits.set("user", None if amps is None else int(amps * 10))
    elif "amps" in wish:
        raise Refused(INVALID, "amps: only with the action limit.")
    elif action == "stop":
        if not connector.stop("Local"):
            raise Refused(CONFLICT, "Nothing is charging.")
    else:
        _start(app, connector)
    log.info("page", "connector %d: %s by the %s" % (connector.id, action, role))
    return {}


def _start(app, connector):
    """A start without a card: on the wire it has the tag of a start that anybody may make (FreeVendIdTag)."""
    if connector.session is not None:
        raise Refused(CONFLICT, "A session is running already.")
    if not connector.startable():
        raise Refused(CONFLICT, "The connector cannot start now: %s." % (connector.why_no_energy() or "it is out of service"))
    if not app.charge_point.authorisation.begin(connector, app.config.get_str("FreeVendIdTag")):
        raise Refused(CONFLICT, "The connector is reserved.")


# --- settings ---


def _rows():
    for line in _SETTINGS.split("\n"):
        if line:
            yield (line + " ").split(" ")[:3]


async def _read_settings(app, role, _wish, _surface) -> dict:
    found = {}
    for name, right, secret in _rows():
        entry: dict = {"writable": roles.may(role, right)}
        if secret:
            entry["set"] = _is_set(app, name)
        elif name in _WIFI:
            kept = app.vault.get(_WIFI[name][0]) if _is_set(app, name) and roles.may(role, right) else None
            entry["value"] = None if kept is None else kept.decode()
        else:
            entry["value"] = app.config.typed(name)
        found[name] = entry
    return found


def _is_set(app, name) -> bool:
    return (_WIFI[name][0] if name in _WIFI else "ocpp/authorization-key") in app.vault.names()


async def _write_settings(app, role, wish, surface) -> dict:
    """All of them or none: everything is checked before the first is stored."""
    if not wish:
        raise Refused(INVALID, "No setting was given.")
    changes = []
    for name, value in wish.items():
        row = [row for row in _rows() if row[0] == name]
        if not row:
            raise Refused(INVALID, "%s: there is no such setting." % name)
        if not roles.may(role, row[0][1]):
            raise Refused(FORBIDDEN, "%s: the %s may not change it." % (name, role))
        changes.append((name, _wifi(name, value) if name in _WIFI else _shaped(app, name, value), row[0][1]))
    for name, value, right in changes:
        if name in _WIFI:
            app.vault.put(_WIFI[name][0], value)
        else:
            app.config.put(name, value)
        if right != "settings" or name == "TamperPolicy":
            app.security_log.add(events.RECONFIGURED, "%s, by %s, %s" % (name, role, surface))
    return {}


def _wifi(name, value) -> bytes:
    _, low, high = _WIFI[name]
    try:
        validate.check(("str", high, low), value)
    except validate.Invalid as error:
        raise Refused(INVALID, "%s: %s." % (name, error.why))
    data = value.encode()
    if len(data) > high:
        raise Refused(INVALID, "%s: longer than %d bytes." % (name, high))
    return data


def _shaped(app, name, value) -> str:
    """A value as the table of settings writes it."""
    kind = app.config.typed(name)
    if isinstance(kind, bool) != isinstance(value, bool) or not isinstance(value, type(kind)):
        wanted = {bool: "true or false", int: "a whole number", str: "text"}[type(kind)]
        raise Refused(INVALID, "%s: %s is wanted." % (name, wanted))
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if not validate.printable(text):
        raise Refused(INVALID, name + ": control or broken characters.")
    shaped = app.config.takes(name, text)
    if shaped is None:
        raise Refused(INVALID, name + ": out of range.")
    return shaped


async def _change_pin(app, role, wish, surface) -> dict:
    """The PIN in force is asked for again: a telephone that lies about is not its owner."""
    verdict = await app.pins.check(role, wish["current"], surface)
    if verdict.state == "wait":
        raise Refused(WAIT, "Too many wrong PINs: wait %d seconds." % verdict.wait_s, verdict.wait_s)
    if verdict.state == "refused":
        raise Refused(UNABLE, verdict.why)
    if not verdict.ok:
        raise Refused(FORBIDDEN, "The PIN in force is another one.")
    fault = await app.pins.change(role, wish.get("role", role), wish["pin"], surface)
    if fault:
        raise Refused(INVALID, fault)
    return {}


async def _set_clock(_app, role, wish, _surface) -> dict:
    if not clock.set_utc(clock.parse_iso(wish["utc"])[0], role):
        raise Refused(INVALID, "utc: before this firmware was built.")
    return {}


# --- looking back ---


def _count(wish) -> int:
    return wish.get("count", _MOST)


async def _log(app, _role, wish, _surface) -> dict:
    """A page of the security log, oldest first; "before" is for the page before it."""
    journal = app.security_log
    end = min(wish.get("before", journal.next_seq), journal.next_seq)
    start = max(journal.first_seq, end - _count(wish))
    entries = []
    for entry in journal.entries(start):
        if entry.seq >= end:
            break
        entries.append(entry.to_dict())
    return {"entries": entries, "before": start if start > journal.first_seq else None, "next": journal.next_seq}


async def _history(app, _role, wish, _surface) -> dict:
    """UK-17, UK-18: single sessions newest first, sums of months, the sum of twelve months."""
    history = app.sessions.history
    view = wish.get("view", "sessions")
    if view == "months":
        return {"months": await history.months()}
    if view == "year":
        return await history.year()
    sessions, before = history.page(wish.get("before"), _count(wish))
    return {"sessions": sessions, "before": before}


# --- care ---


async def _acknowledge(app, role, _wish, _surface) -> dict:
    return {"clear": app.acknowledge(role)}


def _updates(app):
    if app.updates is None:
        raise Refused(UNABLE, "This unit has no room for updates.")
    return app.updates


async def _update(app, _role, _wish, _surface) -> dict:
    return _updates(app).report()


async def _install(app, role, _wish, _surface) -> dict:
    updates = _updates(app)
    offer = updates.updater.offer
    if offer is None:
        raise Refused(CONFLICT, "No update is on offer.")
    if not updates.updater.idle:
        raise Refused(CONFLICT, "An update is under way.")
    log.info("update", "%s is wanted by the %s" % (offer["version"], role))
    from charger.update.owner import install

    asyncio.create_task(install(app))  # noqa: RUF006 - MicroPython's scheduler holds its tasks
    return {"version": offer["version"]}


async def _erase(app, _role, _wish, _surface) -> dict:
    if any(connector.session for connector in app.connectors):
        raise Refused(CONFLICT, "A session is running; end it first.")
    from charger.security.erase import erase_personal_data

    await erase_personal_data(app)
    return {}


async def _reset(app, role, wish, surface) -> dict:
    if wish["kind"] == "restart":
        app.restart("Soft", "the %s, %s" % (role, surface))
        return {}
    if not roles.may(role, "reset"):
        raise Refused(FORBIDDEN, "The %s may not do this." % role)
    if any(connector.session for connector in app.connectors):
        raise Refused(CONFLICT, "A session is running; end it first.")
    from charger.security.erase import factory_reset

    await factory_reset(app)
    return {}


_PAGE = (("before?", ("int", 0, None)), ("count?", ("int", 1, _MOST)))
_WISHES = {
    "status": ("status", (), _status),
    "charge": ("charge", (
        ("connector?", ("int", 1, None)), ("action", ("enum", ("start", "stop", "limit"))), ("amps?", ("num", 6, 80)),
    ), _charge),
    "settings": ("status", (), _read_settings),
    "set": ("status", None, _write_settings),
    "pin": ("status", (("current", _PIN), ("pin", _PIN), ("role?", ("enum", roles.ROLES))), _change_pin),
    "clock": ("clock", (("utc", ("time",)),), _set_clock),
    "log": ("log", _PAGE, _log),
    "history": ("history", (("view?", ("enum", ("sessions", "months", "year"))),) + _PAGE, _history),  # noqa: RUF005
    "acknowledge": ("acknowledge", (), _acknowledge),
    "update": ("status", (), _update),
    "install": ("update", (), _install),
    "erase": ("erase", (), _erase),
    "reset": ("restart", (("kind", ("enum", ("restart", "factory"))),), _reset),
}  # fmt: skip
