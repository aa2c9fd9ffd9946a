"""Builds the charger from the board's data: each part gets its collaborators here and in network_wiring.py."""

import asyncio

import board
import machine
from micropython import const

from charger import clock, log, version
from charger.audit import events, trip_latch
from charger.audit.security_log import SecurityLog
from charger.config.configuration import Configuration
from charger.credentials.certificate_store import CertificateStore
from charger.credentials.vault import Vault
from charger.drivers import flash_device, meters, reset_cause
from charger.drivers.contactor import Contactor
from charger.drivers.keystore import KeyStore
from charger.drivers.meters import calibration
from charger.drivers.pilot import Pilot
from charger.grid.planner import Planner
from charger.metering.energy_register import EnergyRegister
from charger.metering.meter import Meter
from charger.net import wifi
from charger.net.wifi import station
from charger.ocpp.transport.connection import Connection
from charger.ocpp.transport.connection_settings import ConnectionSettings
from charger.ocpp.v16.charge_point import ChargePoint
from charger.outlet import limits
from charger.outlet.connector import Connector
from charger.outlet.flash_pause import FlashPause
from charger.outlet.mains_sag import MainsSag
from charger.outlet.outlet import Outlet
from charger.runtime import cooperative, hold_ups
from charger.update.update_manager import UpdateManager

_LITTLE_FLASH = const(32768)
_HOUSE = const(0)  # of the board's input for the house, where outlets have their number


class Parts:
    """The drivers of one outlet; None for parts that the board does not have."""

    def __init__(self, wiring: dict, shared: dict, reading: Any, watched: bool = False):
        """`watched`: by the co-processor."""
        if watched:
            from charger.drivers import coprocessor  # 2,400 frozen bytes with the program, for boards that have one

            self.contactor, self.pilot = coprocessor.watch(wiring)
        else:
            self.contactor = Contactor(wiring["contactor"])  # first: opens its output (CP-30)
            self.pilot = Pilot(wiring["pilot"])
        switch = wiring.get("phase_switch")
        self.phase_switch = None if switch is None else Contactor(switch)
        self.reading = reading
        self.rcd = self._make(wiring, "rcd", "rcd", "ResidualCurrentMonitor")
        self.thermometer = self._make(wiring, "ntc", "thermometer", "Thermometer")
        self.lock = self._make(wiring, "lock", "lock", "Lock")
        self.proximity = self._make(wiring, "proximity", "proximity", "Proximity")
        self.fault_input = self._input((wiring.get("fault_input") or {}).get("pin"))
        self.tamper = self._input(shared.get("tamper"))
        self.rails = self._input(shared.get("rails"))
        self.board_fault = self._input(shared.get("fault"))
        self.flash = flash_device.device
        if watched:
            pilot: Any = self.pilot
            pilot.start((self.thermometer, self.proximity))

    def _make(self, wiring: Any, key: str, module: str, name: str):
        """Create one driver, which is imported only for boards with that part."""
        if not wiring.get(key):
            return None
        package = __import__("charger.drivers." + module, None, None, (name,))
        return getattr(package, name)(wiring[key])

    def _input(self, pin: Any):
        return None if pin is None else machine.Pin(pin, machine.Pin.IN)


def count_boot(files: Files) -> None:
    """Count this start-up; the boot id identifies start-ups while the time is unknown."""
    last = files.read_json("boot.json", 0)
    clock.boot_id = (last if isinstance(last, int) else 0) + 1
    files.write_json("boot.json", clock.boot_id)


def open_log(files: Files) -> SecurityLog:
    """Open the security log; its hashes are keyed, so that write access to the flash is not enough to forge it (SEC-22)."""
    return SecurityLog(files, keys=log_key)


def log_key(number: int) -> tuple:
    """Return KeyStore.log_key(), whose key is generated only with the radio on.

    The chip's random number generator is a true one only while the radio is on. If the radio does not start, the log has
    no key until a later start.
    """
    store = KeyStore()
    if not store.has_log_key() and not wifi.turn_on():
        log.warn("app", "no key for the security log yet, because the radio does not start")
        return b"", 0
    return store.log_key(number)


def open_vault(app: Application) -> tuple:
    """Return (vault, whether the unit is provisioned); completes an interrupted change of the device key (SEC-10)."""
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
    resume_erasure(app, vault)
    return vault, provisioned


def resume_erasure(app: Application, vault: Vault) -> None:
    """Do a requested erasure before other parts open their files; start the overwriting (SEC-15)."""
    names = app.files.names()
    if "erase" not in names and "scrub" not in names:
        return
    from charger.maintenance import erase  # with store/wipe.py: 3,500 frozen bytes, 1 KiB of heap, for an erasure

    if "erase" in names:
        from charger.maintenance import queue_anonymiser  # 700 frozen bytes, for an erasure

        try:
            erase.at_start(app.files, vault, app.security_log.add, queue_anonymiser.run)
        except OSError as error:  # the unit must start all the same; the next start retries
            log.error("app", "not erased: " + log.reason(error))
    overwriting = erase.overwrite(app.files, app.connectors, app.security_log.add, flash_device.device)
    asyncio.create_task(overwriting)  # noqa: RUF006 - MicroPython's scheduler holds its tasks


def configure_hold_ups(outlets: list) -> None:
    """Let TLS handshakes wait for open contactors on boards where they delay the control tick."""
    hold_ups.configure(outlets, board.HANDSHAKE_MS)


def make_flash_pause(outlets: list) -> FlashPause:
    """Create the FlashPause, which forbids flash erases while a contactor is closed."""
    return FlashPause(flash_device.device, outlets)


def csms_data(vault: Vault) -> dict:
    """CSMS of the board's data, or the back end that the owner has chosen in its place (UK-14)."""
    kept = vault.names()
    if "ocpp/url" not in kept:
        return board.CSMS
    csms = dict(board.CSMS)
    csms["secure_url"] = None
    for name, field in (("ocpp/url", "url"), ("ocpp/identity", "identity"), ("ocpp/roots", "ca")):
        text = vault.get(name) if name in kept else None
        if text:
            csms[field] = text.decode()
    plain = (csms["url"] or "").startswith("ws://")  # inside the home, where the owner allows it
    csms["security_profile"] = 0 if plain else max(2, csms["security_profile"] or 0)
    return csms


def make_configuration(app: Application) -> Configuration:
    """Create the Configuration with the board's facts as defaults."""
    locked = not app.provisioned or bool(app.vault.broken)
    config = Configuration(app.files, board.FACTORY, vault=app.vault, locked=locked)
    set_default = config.set_default
    set_default("ChargePointVendor", board.DEVICE["vendor"])
    set_default("ChargePointModel", board.DEVICE["model"])
    set_default("ChargeBoxSerialNumber", board.DEVICE["serial"])
    set_default("ChargePointSerialNumber", board.DEVICE["serial"])
    set_default("FirmwareVersion", version.VERSION)
    set_default("SecurityProfile", str(csms_data(app.vault)["security_profile"]))
    set_default("ConnectorLock", "true" if board.OUTLETS[0].get("lock") else "false")
    config.repair(app.security_log.add, KeyStore())
    if board.OUTLETS[0].get("wake_up"):
        set_default("WakeUpVehicle", "true")
    if board.LAB:
        if config.get_str("Country") == "none":
            set_default("RandomDelayMax", "0")
        set_default("SupportedFileTransferProtocols", "HTTPS,HTTP,FTP")  # SEC-12: only encrypted ones on a production unit
    return config


def add_connectors(app: Application) -> None:
    """Create every outlet with its meter and connector."""
    watched = getattr(board, "COPROCESSOR", False)
    stored = app.files.read_json(calibration.FILE)
    interrupted = [session.connector_id for session in app.sessions.recover()]
    connected = app.config.get_int("ConnectedPhases")
    for n in range(len(board.OUTLETS)):
        wiring = board.OUTLETS[n]
        kind, options = wiring["meter"]
        register = EnergyRegister(app.files, n + 1)
        meter = Meter(meters.make(kind, options, calibration.entry_of(stored, n + 1)), register)
        app.sessions.watch(n + 1, register)
        register.fitted(kind)  # after watch(): energy proved by sessions belongs to the previous meter
        wiring["late_ms"] = board.LATE_TICK_MS
        if connected:
            wiring["phases"] = min(connected, wiring.get("phases", 1))
            meter.reading.connect(connected)
        outlet = Outlet(n + 1, Parts(wiring, board.SHARED, meter.reading, watched), wiring)
        if outlet.id not in interrupted:
            outlet.mark_long_open()
        if outlet.rcd is not None:
            trip_latch.recover(app.files, outlet, app.security_log.add, KeyStore())
        connector = Connector(outlet, meter, app.sessions, app.config)
        app.outlets.append(outlet)
        app.meters.append(meter)
        app.connectors.append(connector)
        if wiring.get("reader"):
            from charger.drivers import readers  # 500 bytes of heap, for units with a card reader

            app.readers.append((connector, readers.make(wiring["reader"])))
    if watched:
        app.housekeeping.every_second("co-processor", lambda: app.outlets[0].pilot.poll(app.security_log.add, events.COPROCESSOR))
    app.limit_current(app.config.get_str("InstallerMaxCurrent"))
    app.config.on_change("InstallerMaxCurrent", app.limit_current)
    app.set_wake_up("")
    app.config.on_change("WakeUpVehicle", app.set_wake_up)


def add_sag_jobs(app: Application) -> None:
    """Create what lowers the current of each outlet where the mains sag, jobs of housekeeping."""
    for outlet in app.outlets:
        app.housekeeping.every_100_ms("mains", MainsSag(outlet).step)


def make_supply(app: Application) -> tuple:
    """Create the SharedSupply of outlets whose supply is smaller than their sum, and the ChargerGroup of units that share a fuse.

    None in the place of what the unit does not need. A unit of a group that has no key keeps to its safe share.
    """
    limit_da = getattr(board, "SUPPLY_DA", None)
    fuse_da = app.config.get_int("GroupMaxCurrent") * 10
    if limit_da is None and not fuse_da:
        return None, None
    from charger.grid.load_sharing import SharedSupply  # 1,700 frozen bytes, for outlets that share a supply

    rotations = [w.get("rotation", 0) for w in board.OUTLETS]
    supply = SharedSupply(app.outlets, rotations, limits.NO_LIMIT if limit_da is None else limit_da)
    if not fuse_da:
        return supply, None
    from charger.grid.charger_group import ChargerGroup  # with group_link.py: 4,500 frozen bytes, for units of a group
    from charger.net.group_link import GroupLink

    key = app.vault.get("group/key")
    link = GroupLink(key, app.config.get_int("GroupPort"), station()) if key else None
    return supply, ChargerGroup(board.DEVICE["serial"], supply, link, fuse_da, app.config.get_int("GroupUnits"))


def make_planner(app: Application) -> Planner:
    """National rules and schedules."""
    number = board.SHARED.get("reduction")
    signal = None if number is None else machine.Pin(number, machine.Pin.IN).value
    return Planner(app.connectors, app.config, app.files, app.security_log.add, signal)


def make_house_meter(app: Application):
    """The reader of the house's current: the HouseMeter if one is set, else the board's own input, else None."""
    address = app.config.get_str("HouseMeter")
    if address:
        from charger.net.modbus import HouseMeter  # 2,800 frozen bytes, for houses with such a meter

        return HouseMeter(address, app.planner.read_house)
    part = getattr(board, "HOUSE", None)
    if part is None:
        return None
    from charger.grid.house_input import HouseInput  # 700 frozen bytes, for boards with such an input

    kind, options = part
    entry = calibration.entry_of(app.files.read_json(calibration.FILE), _HOUSE)
    return HouseInput(meters.make(kind, dict(options, export=True), entry), app.planner.read_house)


def make_tamper_watch(app: Application):
    """Create the TamperWatch if the board has an enclosure switch, else None."""
    if board.SHARED.get("tamper") is None:
        return None
    from charger.audit.tamper_watch import TamperWatch  # 1,100 frozen bytes, for boards with an enclosure switch

    return TamperWatch(app.files, app.outlets, app.outlets[0].tamper, app.config, app.security_log.add, KeyStore())


def add_indicators(app: Application) -> None:
    """Create what shows the state at the unit: light and display."""
    _add_status_light(app)
    _add_display(app)


def _add_status_light(app: Application) -> None:
    """Create the StatusLight, a job of housekeeping, if the board has an LED or a WS2812 pixel."""
    led, pixel = board.SHARED.get("led"), board.SHARED.get("pixel")
    if led is None and pixel is None:
        return
    from charger.drivers.led import PixelLed, PlainLed  # with status_light.py: 1,500 frozen bytes
    from charger.status_light import StatusLight

    driver = PixelLed(pixel) if pixel is not None else PlainLed(led or 0)
    light = StatusLight(app.connectors, app.supervisor, app.updates, app.wifi, driver)
    app.housekeeping.every_100_ms("status light", light.poll)


def _add_display(app: Application) -> None:
    """Create the StatusDisplay, a job of housekeeping, if the board has a display. It charges without one that is broken."""
    options = getattr(board, "DISPLAY", None)
    if options is None:
        return
    from charger.drivers import displays  # with status_display.py: 2,700 frozen bytes
    from charger.status_display import StatusDisplay

    network = (app.wifi, app.station, app.vault)
    display = StatusDisplay(app.connectors, app.supervisor, app.updates, network, displays.make(options))
    app.housekeeping.every_100_ms("display", display.poll)


async def make_back_end(app: Application) -> tuple:
    """Create (connection settings, connection, charge point)."""
    csms = csms_data(app.vault)
    store = CertificateStore(app.files, app.config, app.security_log.add, app.vault, csms)
    settings = ConnectionSettings(app.config, csms, store)
    point = ChargePoint(
        app.config,
        app.files,
        app.connectors,
        app.sessions,
        app.restart,
        store,
        settings,
        app.security_log,
        make_updater=app.updater,
        make_uploader=app.make_uploader,
        unit_report=app.report,
        planner=app.planner,
        home_card=app.home_card,
        supply_da=getattr(board, "SUPPLY_DA", None),
    )
    await cooperative.run(point.loading())
    link = Connection(
        settings,
        point.handle,
        on_open=app.link_opened,
        on_close=app.link_closed,
        on_fault=app.link_failed,
        on_invalid=app.not_understood,
        lab=board.LAB,
        reclaim=app.memory.free,
    )
    point.attach(link)
    store.use_link(link)
    for connector in app.connectors:
        connector.listeners.append(point)
        connector.listeners.append(app.planner)  # after the point, which stages the profile of a session's start
    for key in ("AuthorizationKey", "SecurityProfile"):
        app.config.on_change(key, app.access_changed)
    app.config.on_change("PlainLinkAtHome", app.link_allowed)
    return settings, link, point


def make_updates(app: Application) -> UpdateManager | None:
    """Create the UpdateManager if the flash has a second slot, else None."""
    try:
        return UpdateManager(app, app.make_slots, board.UPDATE, board.UPDATE_KEYS, board.LAB)
    except OSError as error:
        log.info("app", "no updates: " + log.reason(error))
        return None


def note_start(app: Application) -> None:
    """Add the reason of this start-up to the security log (SEC-23)."""
    cause, why = reset_cause.read_and_clear()
    app.security_log.add(events.STARTUP, "%s, firmware %s" % (cause + (" by " + why if why else ""), version.VERSION))
    outage = cause in (reset_cause.POWER_ON, reset_cause.BROWN_OUT)
    app.charge_point.power_return.set_outage(outage)
    if outage:
        app.link.spread(app.config.get_int("PowerOnRandomRange"))
    if cause in (reset_cause.WATCHDOG, reset_cause.PANIC, reset_cause.BROWN_OUT):  # no event was logged before the reset
        app.security_log.add(events.RESET, cause)
    store = KeyStore()
    for name, text in ((store.MOUNT_FAILED, "file system not mounted"), (store.FORMATTED, "file system formatted")):
        count = store.take_count(name)
        if count:
            app.security_log.add(events.FLASH_FAILED, "%s, %d times" % (text, count))
    if app.files.free_bytes() < _LITTLE_FLASH:
        app.security_log.add(events.MEMORY_EXHAUSTION, "flash")
