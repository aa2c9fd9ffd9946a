"""The running charger: the only module that knows every part. assembly.py builds it from the board's data."""

import asyncio
import gc

import board
import machine
from micropython import const

from charger import clock, late, log, version

_TICK_MS = const(20)
_POLL_MS = const(100)
_SLOW_MS = const(1000)
_WATCHDOG_MS = const(8000)
_SAY_GOODBYE_MS = const(9000)
_END_MS = const(10000)
_ANSWER_MS = const(200)
_HEAT_VALID_S = const(10)  # read each second: nobody watches the heat any more after so long (limits.py)
_STARVED = const(3)
_COLLECT_BYTES = const(3072)

current = None  # the running Application


class Application:
    """One charger: `connectors`, `charge_point`, `supervisor`, and the figures of the control tick."""

    def __init__(self):
        from charger import wiring
        from charger.metering.session_store import Sessions
        from charger.runtime.supervisor import Supervisor
        from charger.store.files import Files

        self.ticks = 0
        self.max_gap_ms = 0
        self.max_tick_us = 0
        self.heap_peak = 0
        self.connectors = []
        self.readers = []
        self.meters = []
        self.outlets = []
        self._pin_waits = None
        self._restarting = None
        self._starved = 0  # attempts to connect, in a row, that failed for want of memory
        self.files = Files(board.FLASH_ROOT)
        wiring.count_boot(self.files)
        self.security_log = wiring.open_log(self)
        self.vault, self.provisioned = wiring.open_vault(self)
        clock.attach_rtc(machine.RTC())
        self.supervisor = Supervisor(machine.WDT(timeout=_WATCHDOG_MS), self.security_log.add)
        self.config = wiring.make_configuration(self)
        self.sessions = Sessions(self.files)
        wiring.add_connectors(self)
        self.supply = wiring.make_supply(self)
        self.flash_pause = wiring.make_flash_pause(self)
        self.tamper = wiring.make_tamper_watch(self)
        self.settings, self.link, self.charge_point = wiring.make_back_end(self)
        self.updates = wiring.make_updates(self)
        self.joining = None  # what joins the owner's network, while it has something to do
        self.station, self._button = wiring.make_wifi(self)
        self.door = wiring.make_door(self)
        self.portal = wiring.make_portal(self)
        wiring.note_start(self)
        wiring = None
        late.drop("charger.wiring")

    @property
    def pins(self):
        """The PINs, for the local page and the owner's portal: access/pin.py, in RAM as long as somebody holds it."""
        from charger.access import pin
        from charger.access.pin_throttle import Backoff

        if self._pin_waits is None:
            self._pin_waits = Backoff(self.files, len(pin.roles.ROLES))
        serial = board.DEVICE["serial"]
        pins = pin.Pins(self.files, self.vault, self.security_log.add, serial, self.provisioned, self._pin_waits)
        pin = None
        late.drop("charger.access.pin")
        return pins

    def limit_current(self, amps: str):
        """What the installer found that wiring and supply bear, A per phase; "0" for no such limit."""
        for outlet in self.outlets:
            outlet.limits.set("installer", int(amps) * 10 or None, 0)  # limits.SAFETY

    @property
    def wifi(self):
        """What joins the owner's network, and opens the setup network: net/wifi.py. Made by being asked for."""
        if self.joining is None:
            from charger.net.wifi import Wifi

            self.joining = Wifi(self.files, self.vault, self.network_up, self._button)
            asyncio.create_task(self._join())  # noqa: RUF006 - MicroPython's scheduler holds its tasks
        return self.joining

    async def _join(self):
        try:
            await self.joining.run()
        finally:
            self.joining = None
            late.drop("charger.net.wifi")

    # --- what the link and the back end call ---

    def link_opened(self, _rpc):
        """What was on trial has proved itself; a unit with a certificate of its own looks after it from now on."""
        self._starved = 0
        self.settings.opened()
        if self.settings.security_profile == 3 or self.settings.store.has_next():
            self.charge_point.certificates  # noqa: B018 - made by being asked for
        self.charge_point.opened()

    def _starve(self):
        """No memory to connect: first what is idle goes, then, once nobody charges, the unit starts afresh."""
        self._starved += 1
        self.make_room()
        if self._starved >= _STARVED and not any(connector.session for connector in self.connectors):
            self.restart("Soft", "want of memory")

    def make_room(self):
        """Somebody finds no memory: what is idle goes, for the back end's sake the owner's portal as well."""
        self.charge_point.let_go()
        if self.portal is not None:
            self.portal.let_go()

    def link_closed(self, _reason):
        """The connection is over."""
        self.charge_point.closed()

    def link_failed(self, cause: str, text: str):
        """An attempt to connect failed: an event, if it is a matter of security. The log bounds how often (WP-43)."""
        if self.settings.failed(cause):
            self.link.drop("settings as before", at_once=True)
        if cause == "memory":
            self._starve()
        from charger.audit import connection_events

        event = connection_events.event_of(cause)
        if event is not None:
            self.security_log.add(event, text)

    def not_understood(self, reason: str):
        """A message that makes no sense came in (SEC-13)."""
        self.charge_point.note("InvalidMessages", reason)

    def access_changed(self, _value):
        """A new AuthorizationKey or SecurityProfile: the link is made anew once the answer is on its way."""
        self.charge_point.after(self.reconnect)

    async def reconnect(self):
        """A new key or profile holds from the next connection on; the answer goes out on this one first (OCPP-9, WP-4)."""
        await clock.sleep_ms(_ANSWER_MS)
        self.link.kick()
        self.link.drop("new credentials", at_once=True)

    def manufacturer_roots(self) -> bytes | None:
        """What signers of firmware are checked with, PEM (WP-30)."""
        from charger.credentials.certificate_store import MANUFACTURER

        return self.settings.store.roots(MANUFACTURER)

    def make_uploader(self):
        """What sends files; its code is only in RAM when somebody wants one."""
        from charger.net.upload import Uploader

        return Uploader(self._back_end_roots, board.LAB)

    def _back_end_roots(self):
        return self.settings.ca

    def make_slots(self):
        """The application slots; OSError on a board that has but one."""
        from charger.drivers.app_partitions import AppSlots

        return AppSlots()

    def updater(self):
        """The engine of updates, on a board with a second slot."""
        return self.updates.updater

    # --- the control tick ---

    def tick(self, dt_ms: int):
        """One control step of all outlets. Allocates nothing."""
        clock.advance()
        for outlet in self.outlets:
            outlet.tick(dt_ms)
        self.flash_pause.contactors_moved()

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
            self.flash_pause.poll()
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
            if not self.station.isconnected() or (self._button is not None and not self._button()):
                self.wifi  # noqa: B018 - made by being asked for
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
        if self.door is not None:
            self.supervisor.start("web", self.door.run)
        if self.portal is not None:
            self.supervisor.start("portal", self.portal.run)

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
        from charger.audit import events

        self.security_log.add(events.RESET, "%s reset by %s" % (kind, why))
        await self.close()
        from charger.drivers import reset_cause

        reset_cause.reset(why)

    async def close(self):
        """Everything off and safe on flash: before a restart, and at a clean stop."""
        for outlet in self.outlets:
            outlet.permit = False
            outlet.contactor.open()
        for connector in self.connectors:
            self._checkpoint(connector, now=True)
            connector.meter.register.persist()
        self.security_log.flush()
        if self.portal is not None:
            await self.portal.close()
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
        from charger.status_report import charger_report

        late.drop("charger.status_report")
        return charger_report(self)

    def config_report(self) -> dict:
        """All configuration keys and device facts with their values, secrets left out."""
        return self.config.all()

    def network_up(self):
        """The network is back: do not wait for the rest of a back-off."""
        self.charge_point.kick()
        if self.portal is not None:
            self.portal.kick()


async def _run(extra_tasks):
    global current
    # Collect early and often: garbage that lies around until the heap is full leaves no room in one piece, and
    # rarely used parts need a few KB in one piece when they are imported hours after start-up.
    gc.threshold(max(_COLLECT_BYTES, gc.mem_free() // 40))
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
