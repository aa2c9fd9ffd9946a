"""Acknowledge, update, erase and reset."""

import asyncio

from charger import log
from charger.access import roles
from charger.audit import events
from charger.commands import CONFLICT, FORBIDDEN, UNABLE
from charger.errors import CommandError
from charger.update.owner_install import install


async def _acknowledge(app: Application, role: str, _wish: dict, _surface: str) -> dict:
    return {"clear": app.acknowledge(role)}


def _updates(app: Application) -> UpdateManager:
    if app.updates is None:
        raise CommandError(UNABLE, "This unit has no partition for updates.")
    return app.updates


async def _update(app: Application, _role: Role, _wish: dict, _surface: str) -> dict:
    return _updates(app).report()


async def _install(app: Application, role: Role, _wish: dict, _surface: str) -> dict:
    updater = _updates(app).updater()
    offer = updater.offer
    if offer is None:
        raise CommandError(CONFLICT, "No update is on offer.")
    if updater.on_trial or updater.reserved or not app.charge_point.give_way():
        raise CommandError(CONFLICT, "An update is under way.")
    updater.reserved = True  # the download starts now, the installation after the session
    log.info("update", "%s requested by the %s" % (offer["version"], role))
    asyncio.create_task(install(updater, app.charge_point.availability))  # noqa: RUF006 - MicroPython's scheduler holds its tasks
    return {"version": offer["version"]}


async def _confirm_update(app: Application, role: str, _wish: dict, _surface: str) -> dict:
    updater = _updates(app).updater()
    if not updater.awaits_backend:
        raise CommandError(CONFLICT, "No update waits for the back end.")
    updater.vouch()
    log.info("update", "confirmed by the " + role)
    return {}


async def _label(app: Application, _role: Role, _args: dict, _surface: str) -> dict:
    """The part of the label that may be printed again: no secret (SEC-10), and no PIN, of which the unit has a verifier alone."""
    get = app.config.get_str
    network = app.files.read("setup_ssid")
    return {
        "vendor": get("ChargePointVendor"), "model": get("ChargePointModel"), "serial": get("ChargeBoxSerialNumber"),
        "network": network and network.decode(), "host": app.wifi.host,
    }  # fmt: skip


async def _erase(app: Application, role: str, _wish: dict, _surface: str) -> dict:
    """Request an erasure, done at the restart that follows within seconds (SEC-15)."""
    # with store/wipe.py: 3,500 frozen bytes, 1 KiB of heap, for an erasure
    from charger.maintenance.erase import erase_personal_data

    _certain(erase_personal_data(app.files, app.connectors, app.restart, role))
    return {}


def _certain(why: str) -> None:
    if why:
        raise CommandError(CONFLICT, why)


async def _reset(app: Application, role: str, args: dict, surface: str) -> dict:
    if args["kind"] == "restart":
        app.restart("Soft", "the %s, %s" % (role, surface))
        return {}
    if not roles.may(role, "reset"):
        raise CommandError(FORBIDDEN, "The %s may not do this." % role)
    if args["kind"] == "console":
        if not app.reopen_console():
            raise CommandError(UNABLE, "This build has no console.")
        app.security_log.add(events.RECONFIGURED, "console open until the next restart, by the %s, %s" % (role, surface))
        return {}
    from charger.maintenance.erase import factory_reset  # with store/wipe.py: 3,500 frozen bytes, 1 KiB of heap, for an erasure

    _certain(factory_reset(app.files, app.connectors, app.restart, role))
    return {}


COMMANDS = {
    "acknowledge": ("acknowledge", ("strict", ()), _acknowledge),
    "update": ("status", ("strict", ()), _update),
    "install": ("update", ("strict", ()), _install),
    "confirm_update": ("update", ("strict", ()), _confirm_update),
    "label": ("status", ("strict", ()), _label),
    "erase": ("erase", ("strict", ()), _erase),
    "reset": ("restart", ("strict", (("kind", ("enum", ("restart", "factory", "console"))),)), _reset),
}
