"""The running charger. wiring.py builds it from the board's data."""

import asyncio
import gc

import board
import machine
from micropython import const

from charger import clock, log, version, wiring
from charger.audit import connection_events, events
from charger.drivers import outside_memory
from charger.drivers.app_partitions import AppSlots
from charger.metering.session_store import Sessions
from charger.outlet.derating import derated_da
from charger.outlet.limits import SAFETY
from charger.runtime import memory
from charger.runtime.supervisor import Supervisor
from charger.status_report import charger_report
from charger.store.files import Files

_TICK_MS = const(20)
_POLL_MS = const(100)
_SLOW_MS = const(1000)
_WATCHDOG_MS = const(8000)
_SAY_GOODBYE_MS = const(9000)
_END_MS = const(10000)
_HEAT_VALID_S = const(10)  # read each second: nobody watches the heat any more after so long (limits.py)

current = None  # the running Application


class Application:
    """One charger: `connectors`, `charge_point`, `supervisor`, and the figures of the control tick."""

    def __init__(self):
        self.ticks = 0
        self.max_gap_ms = 0
        self.max_tick_us = 0
        self.heap_peak = 0
        self.connectors = []
        self.readers = []
        self.meters = []
        self.outlets = []
        self._restarting = None
        self.memory = memory.Reclaimer(self._restart_for_memory)
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
        self.station, self.wifi = wiring.make_wifi(self)
        self.pins = wiring.make_pins(self)
        self.door = wiring.make_door(self)
        self.portal = wiring.make_portal(self)
        if self.portal is not None:
            self.memory.add(self.portal)
        wiring.note_start(self)

    def limit_current(self, amps: str):
        """What the installer found that wiring and supply bear, A per phase; "0" for no such limit."""
        for outlet in self.outlets:
            outlet.limits.set("installer", int(amps) * 10 or None, 0)  # limits.SAFETY

    # --- what the link and the back end call ---

    def link_opened(self, _rpc):
        """Connected: commit trial settings and start certificate renewal."""
        self.memory.link_opened()
        self.settings.opened()
        if self.settings.security_profile == 3 or self.settings.store.has_next():
            self.charge_point.start_renewal()
        self.charge_point.opened()

    def _restart_for_memory(self, why: str):
        self.restart("Soft", why)

    def link_closed(self, _reason):
        """The connection is over."""
        self.charge_point.closed()

    def link_failed(self, cause: str, text: str):
        """An attempt to connect failed: an event, if it is a matter of security. The log bounds how often (WP-43)."""
        if self.settings.failed(cause):
            self.link.drop("settings as before", at_once=True)
        if cause == "memory":
            self.memory.link_failed(any(connector.session for connector in self.connectors))
        event = connection_events.event_of(cause)
        if event is not None:
            self.security_log.add(event, text)

    def not_understood(self, reason: str):
        """A message that makes no sense came in (SEC-13)."""
        self.charge_point.note("InvalidMessages", reason)

    def access_changed(self, _value):
        """A new AuthorizationKey or SecurityProfile: the link is made anew once the answer is on its way."""
        self.charge_point.after(self.link.reconnect)

    def make_uploader(self):
        """The sender of files."""
        from charger.net.upload import Uploader  # LATE: upload

        return Uploader(self._back_end_roots, board.LAB)

    def _back_end_roots(self):
        return self.settings.ca

    def make_slots(self):
        """The application slots; OSError on a board that has but one."""
        return AppSlots()

    def updater(self):
        """The engine of updates, None on a board without a second slot."""
        return self.updates.updater if self.updates else None

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
        self.supervisor.start("wifi", self.wifi.serve)
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
    memory.configure(board.HEAP_GROWS, outside_memory.largest_block)
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
