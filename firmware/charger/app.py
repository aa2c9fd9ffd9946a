"""The composition root: the only module that knows every part. It builds them from the board's data and starts them."""

import asyncio
import gc

import board
import machine
from micropython import const

from charger import clock, late, log, version
from charger.supervisor import Supervisor

_TICK_MS = const(20)
_POLL_MS = const(100)
_SLOW_MS = const(1000)
_WATCHDOG_MS = const(8000)
_SAY_GOODBYE_MS = const(9000)
_END_MS = const(10000)
_ANSWER_MS = const(200)
_HEAT_VALID_S = const(10)  # read each second: nobody watches the heat any more after so long (limits.py)
_COLLECT_BYTES = const(8192)
_LITTLE_FLASH = const(32768)

current = None  # the running Application


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


class Application:
    """One charger: `connectors`, `charge_point`, `supervisor`, and the figures of the control tick."""

    def __init__(self):
        from charger.ocpp.configuration import Configuration
        from charger.security.log import SecurityLog
        from charger.store.files import Files

        self.ticks = 0
        self.max_gap_ms = 0
        self.max_tick_us = 0
        self.heap_peak = 0
        self.connectors = []
        self.readers = []
        self.meters = []
        self.outlets = []
        self.charge_point = None
        self._pins = None
        self._restarting = None
        self.files = Files(board.FLASH_ROOT)
        self._count_boot()
        self.security_log = SecurityLog(self.files)
        self._open_vault()
        clock.attach_rtc(machine.RTC())
        self.supervisor = Supervisor(machine.WDT(timeout=_WATCHDOG_MS), self.security_log.add)
        self.config = Configuration(self.files, board.FACTORY, vault=self.vault)
        self.config.locked = not self.provisioned or bool(self.vault.broken)
        self._describe()
        self._build_connectors()
        self._build_supply()
        self._build_tamper()
        self._build_back_end()
        self._build_updates()
        self._note_start()

    def _open_vault(self):
        """The secrets; a change of the device key that the power cut short is brought to its end (SEC-10)."""
        from charger.drivers.keystore import KeyStore
        from charger.security.vault import Vault

        store = KeyStore()
        next_key = store.next_key()
        self.vault = Vault(self.files, store.key(), self.security_log.add, next_key)
        if next_key is not None:
            self.vault.rotate(next_key)
            store.end_change()
        self.provisioned = store.provisioned()
        if self.provisioned:
            self.vault.require("label/owner")
        else:
            log.warn("app", "not provisioned: nothing can be configured")
        late.drop("charger.drivers.keystore")

    @property
    def pins(self):
        """The PINs, for the local page and the owner's portal: security/pin.py. Made when first asked for."""
        if self._pins is None:
            from charger.security.pin import Pins

            self._pins = Pins(self.files, self.vault, self.security_log.add, board.DEVICE["serial"], self.provisioned)
        return self._pins

    def _count_boot(self):
        """Counted before anything can go wrong: the boot id tells start-ups apart while the time is unknown."""
        last = self.files.read_json("boot.json", 0)
        clock.boot_id = (last if isinstance(last, int) else 0) + 1
        self.files.write_json("boot.json", clock.boot_id)

    def _note_start(self):
        """Why this start-up came about, for the security log (SEC-23)."""
        from charger.security import events

        cause = machine.reset_cause()
        words = {machine.PWRON_RESET: "power on", machine.WDT_RESET: "watchdog", machine.SOFT_RESET: "soft reset"}
        why = words.get(cause, "reset, cause %d" % cause)
        self.security_log.add(events.STARTUP, "%s, firmware %s" % (why, version.VERSION))
        if cause == machine.WDT_RESET:  # nobody could say so before
            self.security_log.add(events.RESET, "watchdog")
        if self.files.free_bytes() < _LITTLE_FLASH:
            self.security_log.add(events.MEMORY_EXHAUSTION, "flash")

    def _describe(self):
        """What the board knows about itself, where the factory has not said otherwise."""
        give = self.config.give
        give("ChargePointVendor", board.DEVICE["vendor"])
        give("ChargePointModel", board.DEVICE["model"])
        give("ChargeBoxSerialNumber", board.DEVICE["serial"])
        give("FirmwareVersion", version.VERSION)
        give("SecurityProfile", str(board.CSMS["security_profile"]))
        give("ConnectorLock", "true" if board.OUTLETS[0].get("lock") else "false")
        if board.LAB:
            give("SupportedFileTransferProtocols", "HTTPS,HTTP,FTP")  # SEC-12: encrypted ones alone on a unit as sold

    def _build_connectors(self):
        from charger.drivers import meters
        from charger.drivers.meters import calibration
        from charger.metering.meter import Meter
        from charger.metering.register import EnergyRegister
        from charger.metering.sessions import Sessions
        from charger.outlet.connector import Connector
        from charger.outlet.outlet import Outlet

        self.sessions = Sessions(self.files)
        stored = self.files.read_json(calibration.FILE)
        interrupted = [session.connector_id for session in self.sessions.recover()]
        for n in range(len(board.OUTLETS)):
            wiring = board.OUTLETS[n]
            kind, options = wiring["meter"]
            register = EnergyRegister(self.files, n + 1)
            meter = Meter(meters.make(kind, options, calibration.entry_of(stored, n + 1)), register)
            self.sessions.watch(n + 1, register)
            register.fitted(kind)  # after watch(): what the sessions prove was delivered belongs to the meter before
            wiring["late_ms"] = board.LATE_TICK_MS
            outlet = Outlet(n + 1, Parts(wiring, board.SHARED, meter.reading), wiring)
            if outlet.id not in interrupted:
                outlet.rested()
            connector = Connector(outlet, meter, self.sessions, self.config)
            self.outlets.append(outlet)
            self.meters.append(meter)
            self.connectors.append(connector)
            if wiring.get("reader"):
                from charger.drivers.rfid import Reader

                self.readers.append((connector, Reader(wiring["reader"])))

    def _build_supply(self):
        """Only where several outlets hang on one supply that is smaller than their sum."""
        limit_da = getattr(board, "SUPPLY_DA", None)
        self.supply = None
        if limit_da is not None:
            from charger.grid.supply import SharedSupply

            self.supply = SharedSupply(self.outlets, [w.get("rotation", 0) for w in board.OUTLETS], limit_da)

    def _build_tamper(self):
        """Where the board has a switch at its lid."""
        self.tamper = None
        if board.SHARED.get("tamper") is not None:
            from charger.outlet.guards.inputs import Tamper
            from charger.security.tamper import TamperWatch

            guards = [guard for outlet in self.outlets for guard in outlet.guards if isinstance(guard, Tamper)]
            pin = self.outlets[0].tamper
            self.tamper = TamperWatch(self.files, guards, pin, self.config, self.security_log.add)

    def _build_back_end(self):
        from charger.ocpp.charge_point import ChargePoint
        from charger.ocpp.connection import Connection
        from charger.ocpp.settings import LinkSettings
        from charger.security import certificates

        point = ChargePoint(self.config, self.files, self.connectors, self.sessions, self.restart)
        store = certificates.CertificateStore(self.files, self.config, self.security_log.add, self.vault, board.CSMS)
        settings = LinkSettings(self.config, board.CSMS, store)
        self.settings = settings
        self.link = Connection(
            settings,
            point.handle,
            on_open=lambda rpc: self._link_opened(),
            on_close=lambda reason: point.closed(),
            on_fault=self._link_failed,
            on_invalid=lambda reason: point.note("InvalidMessages", reason),
            lab=board.LAB,
        )
        point.attach(self.link)
        store.peer = self.link.peer_certificate  # type: ignore[assignment]
        point.store = store  # type: ignore[assignment]
        point.settings = settings  # type: ignore[assignment]
        point.reconnect = self._reconnect  # type: ignore[assignment]
        point.manufacturer_roots = lambda: store.roots(certificates.MANUFACTURER)  # type: ignore[assignment]
        point.security_log = self.security_log  # type: ignore[assignment]
        point.make_uploader = lambda: _uploader(settings)  # type: ignore[misc] - None without one
        point.state = self.report
        for connector in self.connectors:
            connector.listeners.append(point)
        for key in ("AuthorizationKey", "SecurityProfile"):
            self.config.on_change(key, lambda _: point.after(self._reconnect))
        self.charge_point = point

    def _build_updates(self):
        """Where the flash has a second slot."""
        from charger.update.service import Updates

        self.updates = None
        try:
            self.updates = Updates(self, _slots, board.UPDATE, board.UPDATE_KEYS, board.LAB)
        except OSError as error:
            log.info("app", "no updates: " + log.reason(error))
            return
        self.charge_point.make_updater = lambda: self.updates.updater  # type: ignore[misc] - None without a second slot

    def _link_opened(self):
        """What was on trial has proved itself; a unit with a certificate of its own looks after it from now on."""
        self.settings.opened()
        if self.settings.security_profile == 3 or self.settings.store.has_next():
            self.charge_point.certificates  # noqa: B018 - made by being asked for
        self.charge_point.opened()

    def _link_failed(self, cause: str, text: str):
        """An attempt to connect failed: an event, if it is a matter of security. The log bounds how often (WP-43)."""
        if self.settings.failed(cause):
            self.link.drop("settings as before", at_once=True)
        from charger.security import link_faults

        event = link_faults.event_of(cause)
        if event is not None:
            self.security_log.add(event, text)

    async def _reconnect(self):
        """A new key or profile holds from the next connection on; the answer goes out on this one first (OCPP-9, WP-4)."""
        await clock.sleep_ms(_ANSWER_MS)
        self.link.kick()
        self.link.drop("new credentials", at_once=True)

    # --- the control tick ---

    def tick(self, dt_ms: int):
        """One control step of all outlets. Allocates nothing."""
        clock.advance()
        for outlet in self.outlets:
            outlet.tick(dt_ms)

    async def _control(self):
        """Every 20 ms, whatever else happens; only this feeds the watchdog."""
        last = clock.ticks_ms()
        try:
            while True:
                await clock.sleep_ms(max(0, _TICK_MS - clock.elapsed_ms(last)))
                now = clock.ticks_ms()
                gap = clock.ticks_diff(now, last)
                last = now
                start = clock.ticks_us()
                self.tick(gap)
                spent = clock.ticks_diff(clock.ticks_us(), start)
                self.ticks += 1
                if spent > self.max_tick_us:
                    self.max_tick_us = spent
                if gap > self.max_gap_ms:
                    self.max_gap_ms = gap
                self.supervisor.feed()
        finally:
            for outlet in self.outlets:
                outlet.contactor.open()

    # --- the other tasks ---

    async def _poll(self):
        """What is seen ten times a second: sessions, status, card readers."""
        while True:
            for connector in self.connectors:
                connector.poll()
            for connector, reader in self.readers:
                tag = reader.poll()
                connector.outlet.reader_failed = reader.failed
                if tag:
                    self.charge_point.tag_shown(connector, tag)
            if self.tamper is not None:
                self.tamper.poll()
            await clock.sleep_ms(_POLL_MS)

    async def _slow(self):
        """What is seen once a second: heat, the shared supply, checkpoints of sessions, the heap's high-water mark."""
        from charger.outlet.derating import derated_da
        from charger.outlet.limits import SAFETY

        while True:
            for outlet in self.outlets:
                thermometer = outlet.thermometer
                if thermometer is not None:
                    thermometer.read()
                    if thermometer.valid:
                        full_da = outlet.limits.get("hardware")
                        limit_da = derated_da(thermometer.value_dc, full_da)
                        outlet.limits.set("temperature", full_da if limit_da is None else limit_da, SAFETY, _HEAT_VALID_S)
            if self.supply is not None:
                self.supply.share()
            for connector in self.connectors:
                self._checkpoint(connector)
            self.security_log.second()
            self.heap_peak = max(self.heap_peak, gc.mem_alloc())
            await clock.sleep_ms(_SLOW_MS)

    def _checkpoint(self, connector, now=False):
        if connector.session is not None:
            power_w = connector.meter.reading.total_mw() // 1000
            self.sessions.checkpoint(connector.session, connector.meter.total_wh, power_w, now=now)

    # --- start, restart, report ---

    def start(self):
        """Start every task under the supervisor."""
        log.info("app", "Pilotlight %s, start-up %d, %d connectors" % (version.VERSION, clock.boot_id, len(self.connectors)))
        self.supervisor.start("control", self._control, vital=True)
        self.supervisor.start("poll", self._poll)
        self.supervisor.start("slow", self._slow)
        for meter in self.meters:
            self.supervisor.start("meter", meter.run)
        if board.CSMS["url"]:
            self.supervisor.start("link", self.link.run)
        for name, job in self.charge_point.tasks():
            self.supervisor.start(name, job)
        for name, job in self.updates.jobs() if self.updates else ():
            self.supervisor.start(name, job)

    def restart(self, kind: str, why: str = "the back end"):
        """Restart the board. The back end's Reset has ended the sessions before, with its own reason (OCPP-70)."""
        if self._restarting is None:
            self._restarting = asyncio.create_task(self._restart(kind, why))

    async def _restart(self, kind: str, why: str):
        log.info("app", kind + " restart")
        for connector in self.connectors:
            connector.stop("Reboot")
        start = clock.ticks_ms()
        while any(c.session is not None for c in self.connectors) and clock.elapsed_ms(start) < _END_MS:
            await clock.sleep_ms(_POLL_MS)
        from charger.security import events

        self.security_log.add(events.RESET, "%s reset by %s" % (kind, why))
        await self.close()
        machine.reset()

    async def close(self):
        """Everything off and safe on flash: before a restart, and at a clean stop."""
        for outlet in self.outlets:
            outlet.permit = False
            outlet.contactor.open()
        for connector in self.connectors:
            self._checkpoint(connector, now=True)
            connector.meter.register.persist()
        self.security_log.flush()
        await self.charge_point.close(_SAY_GOODBYE_MS)

    def acknowledge(self, who: str) -> bool:
        """The owner (who proves it elsewhere) has looked at the unit: clears every latch whose condition is gone.

        True when none is left (CP-44, CP-45, SEC-17).
        """
        clear = self.tamper is None or self.tamper.acknowledge(who)
        for outlet in self.outlets:
            clear = outlet.acknowledge() and clear
        return clear

    def report(self) -> dict:
        """The state of the charger as plain data."""
        from charger.report import charger_report

        return charger_report(self)

    def config_report(self) -> dict:
        """All configuration keys and device facts with their values, secrets left out."""
        return self.config.all()

    def network_up(self):
        """The network is back: do not wait for the rest of a back-off."""
        self.charge_point.kick()


def _uploader(settings):
    """What sends files; its code is only in RAM when somebody wants one."""
    from charger.net.upload import Uploader

    return Uploader(lambda: settings.ca, board.LAB)


def _slots():
    """The application slots; OSError on a board that has but one."""
    from charger.drivers.slots import AppSlots

    return AppSlots()


async def _run(extra_tasks):
    global current
    # Collect early and often: garbage that lies around until the heap is full leaves no room in one piece, and
    # rarely used parts need a few KB in one piece when they are imported hours after start-up.
    gc.threshold(max(_COLLECT_BYTES, gc.mem_free() // 8))
    current = Application()
    gc.collect()
    current.start()
    for job in extra_tasks:
        asyncio.create_task(job())  # noqa: RUF006 - MicroPython's scheduler holds its tasks
    while True:
        await clock.sleep_s(3600)


def main(extra_tasks=()):
    """Build the charger and run it for ever. `extra_tasks` are coroutine functions a board wants beside it."""
    asyncio.run(_run(extra_tasks))
