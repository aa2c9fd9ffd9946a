"""The running charger. wiring.py and network_wiring.py build it from the board's data."""

import asyncio
import gc

import board
import machine
from micropython import const

from charger import clock, log, version
from charger.audit import events
from charger.drivers import console, outside_memory
from charger.metering.session_store import SessionStore
from charger.net import time_sources, url
from charger.outlet import derating, guards, limits  # noqa: F401 - guards: see below
from charger.runtime import cooperative, hold_ups, memory
from charger.runtime.control_loop import ControlLoop
from charger.runtime.housekeeping import Housekeeping
from charger.runtime.supervisor import Supervisor
from charger.status_report import charger_report
from charger.store.files import Files

# A chain of nested first imports takes C stack, of which an ESP32 has 16 KiB: so the end of the longest chain, outlet/guards,
# is imported above.

_POLL_MS = const(100)
_ANSWER_MS = const(300)  # time to send the answer to the request for a restart
_WATCHDOG_MS = const(8000)
_SAY_GOODBYE_MS = const(9000)
_END_MS = const(10000)

current = None  # the running Application


class Application:
    """One charger: `connectors`, `charge_point`, `supervisor`, `control` (the control loop), `housekeeping`."""

    def __init__(self):
        self.heap_peak = 0
        self.connectors = []
        self.readers = []
        self.learning: Learning | None = None  # access/home_cards.py: the owner adds a card
        self.meters = []
        self.outlets = []
        self._restarting = None
        self.memory = memory.Reclaimer(self._restart_for_memory)
        self.files = Files(board.FLASH_ROOT)

    async def build(self) -> None:
        """Build all parts; long files are read in slices. No task of the charger runs meanwhile, and no control tick."""
        from charger import network_wiring, wiring  # memory.unload() unloads them below

        wiring.count_boot(self.files)
        self.security_log = wiring.open_log(self.files)
        self.vault, self.provisioned = wiring.open_vault(self)
        clock.attach_rtc(machine.RTC())
        self.supervisor = Supervisor(machine.WDT(timeout=_WATCHDOG_MS), self.security_log.add)
        self.housekeeping = Housekeeping()
        self.config = wiring.make_configuration(self)
        self.sessions = SessionStore(self.files, load=False)
        await cooperative.run(self.sessions.loading())
        wiring.add_connectors(self)
        self.supply, self.group = wiring.make_supply(self)
        self.planner = wiring.make_planner(self)
        self.house_meter = wiring.make_house_meter(self)
        wiring.configure_hold_ups(self.outlets)
        self.flash_pause = wiring.make_flash_pause(self.outlets)
        self.control = ControlLoop(machine.Timer(0), self.outlets, self.supervisor.feed, self.flash_pause.contactors_moved)
        self.tamper = wiring.make_tamper_watch(self)
        self.settings, self.link, self.charge_point = await wiring.make_back_end(self)
        self.updates = wiring.make_updates(self)
        self.station, self.wifi = network_wiring.make_wifi(self)
        self.pins = network_wiring.make_pins(self)
        self.listener = network_wiring.make_listener(self)
        self.mqtt_client = network_wiring.make_mqtt_client(self)
        self.syslog_client = network_wiring.make_syslog_client(self)
        wiring.note_start(self)
        self._add_jobs()
        wiring.add_indicators(self)
        wiring.add_sag_jobs(self)
        wiring = network_wiring = None
        memory.unload(memory.START)

    def limit_current(self, amps: str) -> None:
        """Set the installer's limit of wiring and supply, A per phase; "0" for none."""
        limit_da = int(amps) * 10
        for outlet in self.outlets:
            outlet.limits.set("installer", limit_da if limit_da else None, limits.SAFETY)

    def set_wake_up(self, _value: str) -> None:
        """Take over WakeUpVehicle: wake a sleeping car, once per plug-in (CP-29)."""
        for outlet in self.outlets:
            outlet.wake_up = self.config.get_bool("WakeUpVehicle")

    # --- callbacks of link and back end ---

    def link_opened(self, _rpc: Rpc) -> None:
        """Connected: commit trial settings and start certificate renewal."""
        self.memory.link_opened()
        self.wifi.prove()
        if self.settings.security_profile >= 2:
            time_sources.link_verified()
        self.settings.opened()
        if self.settings.security_profile == 3 or self.settings.store.has_next():
            self.charge_point.start_renewal()
        self.charge_point.opened()

    def _restart_for_memory(self, why: str) -> None:
        self.restart("Soft", why)

    def link_closed(self, _reason: Any) -> None:
        """Note the end of the connection."""
        self.charge_point.closed()

    def link_failed(self, cause: str, text: str) -> None:
        """Handle a failed attempt to connect; add a security event if it is one, which the log rate-limits (WP-43)."""
        time_sources.link_failed(cause)
        if self.settings.failed(cause):
            self.link.drop("settings as before", at_once=True)
        if cause == "memory":
            self.memory.link_failed(any(connector.session for connector in self.connectors))
        if cause in ("auth", "unknown", "http"):
            self.charge_point.link_refused()
        from charger.audit import connection_events  # memory.unload() unloads it once the link is made

        event = connection_events.event_of(cause)
        if event is not None:
            self.security_log.add(event, text)

    def not_understood(self, reason: str) -> None:
        """Add a security event for an invalid message (SEC-13)."""
        self.charge_point.note("InvalidMessages", reason)

    def access_changed(self, _value: Any) -> None:
        """Reconnect after a change of AuthorizationKey or SecurityProfile, once the answer was sent."""
        self.charge_point.after(self.link.reconnect)

    def link_allowed(self, _value: Any) -> None:
        """Reconnect after the owner has changed what the link may be."""
        self._reconnecting = asyncio.create_task(self.link.reconnect())

    def home_card(self, tag: str) -> tuple | None:
        """Return (status, parent) of a card in the owner's list; None for another card, and with a back end, which decides."""
        if self.settings.url or not self.files.exists("home_cards.json"):
            return None
        from charger.access import home_cards  # 800 frozen bytes, for units with such a list

        return home_cards.find(self.files, tag)

    def make_uploader(self) -> Uploader:
        """Create the uploader of files."""
        # with http_client.py and ftp.py: 9,000 frozen bytes, 2.3 KiB of heap, for an upload
        from charger.net.upload import Uploader

        host = url.split(self.settings.url).host if self.settings.url else None
        return Uploader(self._back_end_roots, board.LAB, None, host, self.config.get_bool("UploadToHomeNetwork"))

    def _back_end_roots(self):
        return self.settings.ca

    async def serve_local_api(self, listener: LocalApiListener, client: Any, host: str) -> None:
        """Serve a client of the local API from an address until its connection ends."""
        # with commands/: 12,000 frozen bytes, 5 KiB of heap, once there is a client
        from charger.commands import table
        from charger.local_api import routes, server

        api = routes.LocalApi(
            listener, lambda *command: table.run(self, *command), self.report, self.pins, self.vault, self.security_log,
            self.config, self.wifi)  # fmt: skip
        await server.serve(api, client, host)

    def make_slots(self):
        """Create the AppSlots; OSError on a board with one slot only."""
        from charger.drivers.app_partitions import AppSlots  # memory.unload() unloads both with the Updater
        from charger.update.checked_slots import CheckedSlots

        return CheckedSlots(AppSlots(), self.files, self.security_log.add)

    def has_broker(self) -> bool:
        """True where the owner has a broker."""
        return bool(board.MQTT) or "mqtt/url" in self.vault.names()

    def may_send_log(self) -> bool:
        """True when nothing forbids a connection to the syslog receiver now: altered firmware, a closed contactor, memory.

        Without PSRAM a client of the page forbids it, too.
        """
        if (self.updates is not None and self.updates.altered) or hold_ups.contactor_closed():
            return False
        if memory.heap_grows() and self.listener is not None and self.listener.admission.inside:
            return False
        return memory.fits_tls(memory.MQTT_BESIDE_LINK if self.charge_point.ready() else memory.MQTT_BEFORE_LINK)

    def off_network(self) -> bool:
        """True when the notice of altered firmware was sent or its time is over: the radio stays off (SEC-9)."""
        return self.updates is not None and self.updates.off_network

    def updater(self) -> Updater | None:
        """Return the Updater, None on a board without a second slot."""
        return self.updates.updater() if self.updates else None

    # --- jobs of housekeeping ---

    def _add_jobs(self) -> None:
        fast, slow = self.housekeeping.every_100_ms, self.housekeeping.every_second
        for connector in self.connectors:
            fast("connector %d" % connector.id, connector.poll)
        fast("card readers", self._poll_readers)
        fast("flash", self.flash_pause.poll)
        if self.tamper is not None:
            fast("enclosure", self.tamper.poll)
        slow("rcd", self._keep_trips)
        slow("temperature", self._derate)
        if self.group is not None:
            fast("group", self.group.poll)
            slow("group", self.group.second)  # before the outlets divide the unit's part
        if self.supply is not None:
            slow("load sharing", self.supply.share)
        slow("planner", self.planner.second)
        fast("plan", self.planner.work)
        slow("checkpoints", self._checkpoint_sessions)
        slow("security log", self.security_log.second)
        slow("heap", self._note_heap)

    def _poll_readers(self) -> None:
        for connector, reader in self.readers:
            tag = reader.poll()
            connector.outlet.set_reader_failed(reader.failed)
            if tag:
                learning, self.learning = self.learning, None
                if learning is None or not learning.take(tag):
                    self.charge_point.tag_shown(connector, tag)

    def _derate(self) -> None:
        for outlet in self.outlets:
            derating.step(outlet)

    def _keep_trips(self) -> None:
        for outlet in self.outlets:
            if outlet.trip_changed():
                from charger.audit import trip_latch  # 500 bytes of heap, for units that have tripped
                from charger.drivers.keystore import KeyStore  # memory.unload() unloads it after the start

                trip_latch.write(self.files, outlet, None if hold_ups.contactor_closed() else KeyStore())

    def _checkpoint_sessions(self) -> None:
        for connector in self.connectors:
            self._checkpoint(connector)

    def _checkpoint(self, connector: Connector, now: bool = False) -> None:
        if connector.session is not None:
            power_w = connector.meter.reading.total_mw() // 1000
            self.sessions.checkpoint(connector.session, connector.meter.total_wh, power_w, now=now)

    def _note_heap(self) -> None:
        self.heap_peak = max(self.heap_peak, gc.mem_alloc())

    # --- start, restart, report ---

    def start(self) -> None:
        """Start every task under the supervisor."""
        log.info("app", "Pilotlight %s, start-up %d, %d connectors" % (version.VERSION, clock.boot_id, len(self.connectors)))
        self.control.start()
        self.supervisor.start("control", self.control.prove_loop, vital=True)
        asyncio.create_task(self.security_log.check())  # noqa: RUF006 - MicroPython's scheduler holds its tasks
        self.supervisor.start("poll", self.housekeeping.run_fast)
        self.supervisor.start("slow", self.housekeeping.run_slow)
        for meter in self.meters:
            self.supervisor.start("meter", meter.run)
        if self.house_meter is not None:
            self.supervisor.start("house meter", self.house_meter.run)
        if self.settings.url:
            self.supervisor.start("link", self.link.run)
        for name, job in self.charge_point.tasks():
            self.supervisor.start(name, job)
        for name, job in self.updates.jobs() if self.updates else ():
            self.supervisor.start(name, job)
        if self.config.get_list("TimeServers"):
            self.supervisor.start("time", self._ask_for_time)
        self.supervisor.start("wifi", self.wifi.serve)
        if self.listener is not None:
            self.supervisor.start("web", self.listener.run)
        if self.mqtt_client is not None:
            self.supervisor.start("portal", self._talk_to_broker)
        if self.syslog_client is not None:
            self.supervisor.start("syslog", self._send_log)

    async def _talk_to_broker(self) -> None:
        await clock.sleep_ms(self.link.first_ms)
        await self.mqtt_client.run()

    async def _send_log(self) -> None:
        await clock.sleep_ms(self.link.first_ms)
        await self.syslog_client.run()

    async def _ask_for_time(self) -> None:
        await clock.sleep_ms(self.link.first_ms)  # after a power cut the delay is that of the link
        from charger.net.sntp import TimeClient  # 1,700 frozen bytes, for units with time servers

        await TimeClient(lambda: self.config.get_list("TimeServers")).run()

    def restart(self, kind: str, why: str = "the back end") -> None:
        """Restart the board. OCPP's Reset has ended the sessions before, with its own reason (OCPP-70)."""
        if self._restarting is None:
            self._restarting = asyncio.create_task(self._restart(kind, why))

    async def _restart(self, kind: str, why: str) -> None:
        log.info("app", kind + " restart")
        await clock.sleep_ms(_ANSWER_MS)
        for connector in self.connectors:
            connector.close("Reboot")
        start = clock.ticks_ms()
        while any(c.session is not None for c in self.connectors) and clock.elapsed_ms(start) < _END_MS:
            await clock.sleep_ms(_POLL_MS)
        self.security_log.add(events.RESET, "%s reset by %s" % (kind, why))
        await self.close()
        from charger.drivers import reset_cause  # memory.unload() unloads it after the start

        reset_cause.reset(why)

    async def close(self) -> None:
        """Switch everything off and save to flash, before a restart or a stop."""
        for outlet in self.outlets:
            outlet.emergency_open()
        self._keep_trips()
        for connector in self.connectors:
            self._checkpoint(connector, now=True)
            connector.meter.register.persist()
        self.security_log.flush()
        if self.mqtt_client is not None:
            await self.mqtt_client.close()
        await self.charge_point.close(_SAY_GOODBYE_MS)
        self.control.stop()  # last, because it feeds the watchdog

    def acknowledge(self, by: str) -> bool:
        """Clear every latch whose condition has ended, after the owner has inspected the unit; the caller checks the role.

        Returns True when no latch is left (CP-44, CP-45, SEC-17).
        """
        clear = self.tamper is None or self.tamper.acknowledge(by)
        for outlet in self.outlets:
            clear = outlet.acknowledge() and clear
        return clear

    def reopen_console(self) -> bool:
        """Open the console until the next restart, for a repair; False in an image without one."""
        return console.reopen()

    def report(self) -> dict:
        """Return the charger's state as plain data."""
        return charger_report(self)

    def config_report(self) -> dict:
        """Return all configuration keys and device facts with their values, without secrets."""
        return self.config.all()

    def network_up(self) -> None:
        """Reset the back-off of all connections, because the network is back."""
        self.charge_point.retry_now()
        if self.mqtt_client is not None:
            self.mqtt_client.retry_now()
        if self.syslog_client is not None:
            self.syslog_client.retry_now()


async def run(extra_tasks: Any) -> None:
    """Build the charger, start its tasks, and never end."""
    global current
    memory.configure(board.HEAP_GROWS, outside_memory.largest_block)
    unit = Application()
    await unit.build()
    current = unit
    memory.choose_threshold()
    current.start()
    for job in extra_tasks:
        asyncio.create_task(job())  # noqa: RUF006 - MicroPython's scheduler holds its tasks
    while True:
        await clock.sleep_s(3600)


def main(extra_tasks: Any = ()) -> None:
    """Build the charger and run it. `extra_tasks` are further coroutine functions of a board."""
    try:
        asyncio.run(run(extra_tasks))
    finally:
        if current is not None:
            current.control.stop()
