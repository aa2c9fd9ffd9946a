"""Builds the charger from the board's data. In RAM only during the start: nothing that lives on may be defined here.

(A function or a lambda that outlives the start would keep this whole module: callbacks are methods of Application.)
"""

import board
import machine
from micropython import const

from charger import clock, late, log, version

_LITTLE_FLASH = const(32768)


class Parts:
    """The drivers of one outlet, as outlet.Outlet wants them; None for what the board does not have."""

    def __init__(self, wiring: dict, shared: dict, reading):
        from charger.drivers.contactor import Contactor
        from charger.drivers.pilot import Pilot

        self.contactor = Contactor(wiring["contactor"])  # first: its output is open from here on (CP-30)
        self.pilot = Pilot(wiring["pilot"])
        self.reading = reading
        self.rcd = self._make(wiring, "rcd", "rcd", "ResidualCurrentMonitor")
        self.thermometer = self._make(wiring, "ntc", "thermometer", "Thermometer")
        self.lock = self._make(wiring, "lock", "lock", "Lock")
        self.proximity = self._make(wiring, "proximity", "proximity", "Proximity")
        self.fault_input = self._input((wiring.get("fault_input") or {}).get("pin"))
        self.tamper = self._input(shared.get("tamper"))
        self.rails = self._input(shared.get("rails"))
        self.board_fault = self._input(shared.get("fault"))
        switch = wiring.get("phase_switch")
        self.phase_switch = None if switch is None else machine.Pin(switch, machine.Pin.OUT, value=1)

    def _make(self, wiring, key, module, name):
        """One driver, imported only by boards that have the part."""
        if not wiring.get(key):
            return None
        package = __import__("charger.drivers." + module, None, None, (name,))
        return getattr(package, name)(wiring[key])

    def _input(self, pin):
        return None if pin is None else machine.Pin(pin, machine.Pin.IN)


def count_boot(files) -> None:
    """Counted before anything can go wrong: the boot id tells start-ups apart while the time is unknown."""
    last = files.read_json("boot.json", 0)
    clock.boot_id = (last if isinstance(last, int) else 0) + 1
    files.write_json("boot.json", clock.boot_id)


def open_log(app):
    """The security log, its links under a key of their own: who can write to the flash alone cannot forge it (SEC-22)."""
    from charger.audit.security_log import SecurityLog
    from charger.drivers.keystore import KeyStore

    return SecurityLog(app.files, keys=KeyStore().log_key)


def open_vault(app) -> tuple:
    """(vault, whether the unit is provisioned); a change of the device key that the power cut short is ended (SEC-10)."""
    from charger.credentials.vault import Vault
    from charger.drivers.keystore import KeyStore

    store = KeyStore()
    next_key = store.next_key()
    vault = Vault(app.files, store.key(), app.security_log.add, next_key)
    if next_key is not None:
        vault.rotate(next_key)
        store.end_change()
    provisioned = store.provisioned()
    if provisioned:
        vault.require("label/owner")
    else:
        log.warn("app", "not provisioned: nothing can be configured")
    late.drop("charger.drivers.keystore")
    resume_erasure(app, vault)
    return vault, provisioned


def resume_erasure(app, vault) -> None:
    """What the owner wants forgotten goes before anybody opens it; then it is overwritten by the way (SEC-15)."""
    names = app.files.names()
    if "erase" not in names and "scrub" not in names:
        return
    import asyncio

    from charger.drivers import flash_device
    from charger.maintenance import erase

    if "erase" in names:
        from charger.maintenance import queue_anonymiser

        try:
            erase.at_start(app.files, vault, app.security_log.add, queue_anonymiser.run)
        except OSError as error:  # the unit must start all the same; the next start goes on
            log.error("app", "not erased: " + log.reason(error))
        late.drop("charger.maintenance.queue_anonymiser", "charger.store.journal_rewrite")
    asyncio.create_task(erase.overwrite(app, flash_device.find()))  # noqa: RUF006 - MicroPython's scheduler holds its tasks


def make_configuration(app):
    """The settings, with what the board knows about itself where the factory has not said otherwise."""
    from charger.config.configuration import Configuration

    config = Configuration(app.files, board.FACTORY, vault=app.vault)
    config.locked = not app.provisioned or bool(app.vault.broken)
    give = config.give
    give("ChargePointVendor", board.DEVICE["vendor"])
    give("ChargePointModel", board.DEVICE["model"])
    give("ChargeBoxSerialNumber", board.DEVICE["serial"])
    give("ChargePointSerialNumber", board.DEVICE["serial"])
    give("FirmwareVersion", version.VERSION)
    give("SecurityProfile", str(board.CSMS["security_profile"]))
    give("ConnectorLock", "true" if board.OUTLETS[0].get("lock") else "false")
    if board.LAB:
        give("SupportedFileTransferProtocols", "HTTPS,HTTP,FTP")  # SEC-12: encrypted ones alone on a unit as sold
    return config


def add_connectors(app) -> None:
    """Every outlet with its meter and its connector."""
    from charger.drivers import meters
    from charger.drivers.meters import calibration
    from charger.metering.energy_register import EnergyRegister
    from charger.metering.meter import Meter
    from charger.outlet.connector import Connector
    from charger.outlet.outlet import Outlet

    stored = app.files.read_json(calibration.FILE)
    interrupted = [session.connector_id for session in app.sessions.recover()]
    for n in range(len(board.OUTLETS)):
        wiring = board.OUTLETS[n]
        kind, options = wiring["meter"]
        register = EnergyRegister(app.files, n + 1)
        meter = Meter(meters.make(kind, options, calibration.entry_of(stored, n + 1)), register)
        app.sessions.watch(n + 1, register)
        register.fitted(kind)  # after watch(): what the sessions prove was delivered belongs to the meter before
        wiring["late_ms"] = board.LATE_TICK_MS
        outlet = Outlet(n + 1, Parts(wiring, board.SHARED, meter.reading), wiring)
        if outlet.id not in interrupted:
            outlet.rested()
        connector = Connector(outlet, meter, app.sessions, app.config)
        app.outlets.append(outlet)
        app.meters.append(meter)
        app.connectors.append(connector)
        if wiring.get("reader"):
            from charger.drivers.rfid import Reader

            app.readers.append((connector, Reader(wiring["reader"])))
    app.limit_current(app.config.get_str("InstallerMaxCurrent"))
    app.config.on_change("InstallerMaxCurrent", app.limit_current)
    late.drop("charger.drivers.meters", "charger.outlet.guards")  # each chooses once, from all there are


def make_supply(app):
    """Only where several outlets hang on one supply that is smaller than their sum."""
    limit_da = getattr(board, "SUPPLY_DA", None)
    if limit_da is None:
        return None
    from charger.grid.load_sharing import SharedSupply

    return SharedSupply(app.outlets, [w.get("rotation", 0) for w in board.OUTLETS], limit_da)


def make_tamper_watch(app):
    """Where the board has a switch at its lid."""
    if board.SHARED.get("tamper") is None:
        return None
    from charger.audit.tamper_watch import TamperWatch
    from charger.outlet.guards.board_inputs import Tamper

    guards = [guard for outlet in app.outlets for guard in outlet.guards if isinstance(guard, Tamper)]
    return TamperWatch(app.files, guards, app.outlets[0].tamper, app.config, app.security_log.add)


def make_back_end(app) -> tuple:
    """(settings of the link, the link, the charge point)."""
    from charger.credentials import certificate_store
    from charger.ocpp.transport.connection import Connection
    from charger.ocpp.transport.connection_settings import LinkSettings
    from charger.ocpp.v16.charge_point import ChargePoint

    supply_da = None if app.supply is None else app.supply.limit_da
    point = ChargePoint(app.config, app.files, app.connectors, app.sessions, app.restart, supply_da)
    store = certificate_store.CertificateStore(app.files, app.config, app.security_log.add, app.vault, board.CSMS)
    settings = LinkSettings(app.config, board.CSMS, store)
    link = Connection(
        settings,
        point.handle,
        on_open=app.link_opened,
        on_close=app.link_closed,
        on_fault=app.link_failed,
        on_invalid=app.not_understood,
        lab=board.LAB,
    )
    link.make_room = app.make_room  # type: ignore[assignment]
    point.attach(link)
    store.peer = link.peer_certificate  # type: ignore[assignment]
    point.store = store  # type: ignore[assignment]
    point.settings = settings  # type: ignore[assignment]
    point.reconnect = app.reconnect  # type: ignore[assignment]
    point.manufacturer_roots = app.manufacturer_roots  # type: ignore[assignment]
    point.security_log = app.security_log  # type: ignore[assignment]
    point.make_uploader = app.make_uploader  # type: ignore[misc] - None without one
    point.state = app.report
    for connector in app.connectors:
        connector.listeners.append(point)
    for key in ("AuthorizationKey", "SecurityProfile"):
        app.config.on_change(key, app.access_changed)
    return settings, link, point


def make_updates(app):
    """Where the flash has a second slot."""
    from charger.update.update_manager import Updates

    try:
        updates = Updates(app, app.make_slots, board.UPDATE, board.UPDATE_KEYS, board.LAB)
    except OSError as error:
        log.info("app", "no updates: " + log.reason(error))
        return None
    app.charge_point.make_updater = app.updater  # type: ignore[misc] - None without a second slot
    return updates


def make_wifi(app) -> tuple:
    """(the station that joins the owner's network, a function for the level of the button or None).

    The button opens the setup network; held from the power-on on it resets the unit.
    """
    from charger.net import wifi

    station = wifi.station()
    late.drop("charger.net.wifi")
    number = board.SHARED.get("button")
    if number is None:
        return station, None
    button = machine.Pin(number, machine.Pin.IN)
    if not button.value() and machine.reset_cause() == machine.PWRON_RESET:
        import asyncio

        from charger.maintenance import erase

        asyncio.create_task(erase.held(app, button))  # noqa: RUF006 - MicroPython's scheduler holds its tasks
    return station, button.value


def make_door(app):
    """The local page's door, where the board wants one and the unit has an identity to show (SEC-12)."""
    if not board.WEB:
        return None
    if not app.provisioned or app.vault.broken:
        log.warn("app", "no local page: this unit has no identity of its own")
        return None
    from charger.local_api.listener import Door

    return Door(app, board.WEB)


def make_portal(app):
    """Where a broker of the owner's is set."""
    settings = board.MQTT
    if not settings:
        if "mqtt/url" not in app.vault.names():
            return None
        settings = {"url": None, "password": None, "ca": None}
    from charger.mqtt_client.client import Portal

    return Portal(app, settings, board.DEVICE["serial"])


def note_start(app) -> None:
    """Why this start-up came about, for the security log (SEC-23)."""
    from charger.audit import events

    cause = machine.reset_cause()
    words = {machine.PWRON_RESET: "power on", machine.WDT_RESET: "watchdog", machine.SOFT_RESET: "soft reset"}
    why = words.get(cause, "reset, cause %d" % cause)
    app.security_log.add(events.STARTUP, "%s, firmware %s" % (why, version.VERSION))
    if cause == machine.WDT_RESET:  # nobody could say so before
        app.security_log.add(events.RESET, "watchdog")
    if app.files.free_bytes() < _LITTLE_FLASH:
        app.security_log.add(events.MEMORY_EXHAUSTION, "flash")
