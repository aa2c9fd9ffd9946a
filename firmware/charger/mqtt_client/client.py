"""The owner's MQTT client (SEC-12): publishes status and log, executes commands.

Topics, below <prefix>/<serial number>/:

    status    retained: the unit's status, at each change and every minute; the last will is {"online": false}
    session   each session, repeatedly while it runs and at its end
    log       the security log, entry by entry, at least once each: marked as sent when the broker has acknowledged
    notice    the log entries that need attention: open lid, altered firmware, damaged vault
    cmd       commands to the unit, see command_handler.py
    reply     their answers

A unit with altered firmware connects only to send that notice (SEC-9). Messages are sent at QoS 1, one at a time.
"""

import asyncio
import gc
import os

from micropython import const

from charger import clock, log
from charger.access import roles
from charger.audit import events
from charger.errors import ConnectError
from charger.mqtt_client import broker_connect, messages
from charger.net import mqtt_session
from charger.runtime import memory

_POLL_MS = const(500)
_STATUS_LEAST_MS = const(2000)
_STATUS_MS = const(60000)
_SESSION_MS = const(30000)
_KEEP_ALIVE_S = const(90)
_PING_MS = const(30000)
_BACKOFF_S = const(5)
_BACKOFF_LAST_S = const(600)
_BACKOFF_STARVED_S = const(60)
_AGAIN_S = const(3600)
_STABLE_MS = const(300000)  # a connection that lasted so long resets the back-off
_OFFLINE_MS = const(3000)
_MAX_COMMANDS = const(4)  # commands that may be queued
_MAX_ENDED = const(8)  # ended sessions that may be queued
_LOG_BATCH = const(4)  # log entries per acknowledgement
_DISCOVERY = "mqtt/discovery"  # in the vault
_ALTERED = "the firmware was found altered"


class MqttClient:
    """`await run()` is its task. `settings` has url (mqtts://[user@]host[:port][/prefix]), password and ca (PEM); for a
    value of None the owner's setting in the vault is used: mqtt/url, mqtt/password, mqtt/roots.

    `app` is the application: connectors, security_log, vault, updates, config, charge_point and tamper are used, and what
    the commands use (commands/table.py).
    """

    def __init__(self, app: Application, settings: dict, serial: str, open_stream: Callable | None = None):
        self.app = app
        self.serial = serial
        self.fault = None  # why there is no connection, as text
        self.connected = False
        self.logins = []  # used by command_handler.py, as are the next three
        self.challenge_key = os.urandom(16)
        self.used = []  # the last challenges that were used
        self.sources: CommandSources | None = None
        self.sent = {}  # token: time and id of its last command
        self._settings = settings
        self._open_stream = open_stream
        self._session = None
        self._base = b""
        self._commands = []  # (payload or None, retained)
        self._command_event = asyncio.Event()
        self._ended = []
        self.announce_due = False  # Home Assistant has to be told of the unit again
        self._changed = False
        self._log_due = False
        self._retry_now = False
        self._stopping = False
        self._blocked = False
        self._backoff_s = 0
        self._last_logged = ("", 0)  # the failure that was last logged, and when
        for connector in app.connectors:
            connector.listeners.append(self)
        app.security_log.listeners.append(self._logged)

    def report(self) -> dict:
        """Return the client's part of the status."""
        log_ = self.app.security_log
        return {"connected": self.connected, "fault": self.fault, "waiting": log_.next_seq - 1 - log_.mark("mqtt")}

    def free_memory(self) -> None:
        """Free memory for the OCPP link or the local API: disconnect, and connect again minutes later."""
        if self._session is not None:
            self._backoff_s = max(self._backoff_s, _BACKOFF_STARVED_S)
            self._session.end("reset", "memory needed elsewhere")

    def retry_now(self) -> None:
        """Reset the back-off and connect at once, because the network is back."""
        self._retry_now = True
        self._backoff_s = 0

    # --- events of connectors and log ---

    def status_changed(self, _connector: Connector) -> None:
        """Note a change of a connector's status."""
        self._changed = True

    def session_started(self, _session: Session) -> None:
        """On a connector."""
        self._changed = True

    def session_ended(self, session: Session) -> None:
        """Queue the end of a session for publishing."""
        self._ended.append((
            session.connector_id, session.local_id, session.start_utc, session.stop_utc, session.stop_wh - session.start_wh,
            session.charging_s, session.stop_reason,
        ))  # fmt: skip
        if len(self._ended) > _MAX_ENDED:
            self._ended.pop(0)
        self._changed = True

    def _logged(self, entry: Any) -> None:
        self._log_due = self._changed = True
        if entry.event == events.TIME_SET:
            self._retry_now = True  # without a clock no certificate holds
        if entry.event in (events.FACTORY_RESET, events.PERSONAL_DATA_ERASED):
            self.logins = []
            self._ended = []

    # --- the connection ---

    async def run(self) -> None:
        """Connect, serve the connection, wait; repeat until close()."""
        while not self._stopping:
            if self._is_blocked():
                await clock.sleep_ms(_POLL_MS)
                continue
            started = clock.ticks_ms()
            try:
                if not memory.fits_tls(memory.MQTT_BESIDE_LINK if self.app.charge_point.ready() else memory.MQTT_BEFORE_LINK):
                    raise MemoryError
                await self._serve()
                self.fault = _ALTERED
            except ConnectError as error:
                if not self._stopping:
                    self._failed(error)
            except MemoryError:
                self.fault = "not enough memory"
                log.warn("portal", "no connection, " + self.fault)
            gc.collect()  # sockets and TLS contexts are freed by their finalisers
            if clock.elapsed_ms(started) >= _STABLE_MS:
                self._backoff_s = 0
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the back-off: 5 s doubling to 10 min, plus up to as much again at random; retry_now() ends it."""
        self._backoff_s = min(max(self._backoff_s * 2, _BACKOFF_S), _BACKOFF_LAST_S)
        left_ms = self._backoff_s * 1000
        left_ms += int.from_bytes(os.urandom(3), "big") % left_ms
        while left_ms > 0 and not (self._retry_now or self._stopping):
            await clock.sleep_ms(_POLL_MS)
            left_ms -= _POLL_MS
        self._retry_now = False

    def _failed(self, error: ConnectError) -> None:
        self.fault = str(error)
        log.warn("portal", "no connection, " + self.fault)
        event = broker_connect.event_of(error.cause)
        now = clock.uptime_s()
        if event is not None and (self._last_logged[0] != self.fault or now - self._last_logged[1] >= _AGAIN_S):
            self._last_logged = (self.fault, now)  # a repeated failure is logged once an hour
            self.app.security_log.add(event, self.fault)

    def _is_blocked(self) -> bool:
        """True when altered firmware forbids the connection: it is allowed only until the notice was sent (SEC-9)."""
        if not self._altered():
            self._blocked = False
        elif not self._blocked:
            log_ = self.app.security_log
            waiting = [1 for entry in log_.entries(log_.mark("mqtt") + 1) if entry.event == events.FIRMWARE_INTEGRITY]
            self._blocked = not waiting
            if self._blocked:
                self.fault = _ALTERED
        return self._blocked

    def _altered(self) -> bool:
        return self.app.updates is not None and self.app.updates.altered

    async def _serve(self) -> None:
        """Make one connection and serve it until it ends."""
        try:
            self._base = broker_connect.base(self.app.vault, self._settings, self.serial).encode() + b"/"
        except ValueError as error:
            raise ConnectError("config", log.reason(error))
        stream, login = await broker_connect.connect(self.app.vault, self._settings, self.serial, self._open_stream)
        session = None
        tasks = []
        try:
            session = mqtt_session.MqttSession(stream, self._on_message)
            tasks.append(asyncio.create_task(session.read()))
            will = (self._topic("status"), messages.offline("lost"))
            await session.open(b"pilotlight-" + self.serial.encode(), login, _KEEP_ALIVE_S, will)
            if not self._altered():
                await session.subscribe(self._topic("cmd"))
                tasks.append(asyncio.create_task(self._run_commands(session)))
            log.info("portal", "connected")
            self._session = session
            self.connected = True
            self._retry_now = False
            self.fault = None
            await self._publish_all(session)
        finally:
            self.connected = False
            self._session = None
            self._commands = []
            for task in tasks:
                task.cancel()
            if session is None:
                stream.s.close()
            else:
                session.abort()

    def _topic(self, name: str) -> bytes:
        return self._base + name.encode()

    async def _publish_all(self, session: MqttSession) -> None:
        """Publish what is due until the session ends with its ConnectError, or until SEC-9 forbids the connection."""
        self._changed = self._log_due = self.announce_due = True
        told = metered = clock.ticks_ms()
        first = True
        while not self._is_blocked():
            if session.fault is not None:
                raise session.fault
            if self._stopping:  # close() sends the last message
                await clock.sleep_ms(_POLL_MS)
                continue
            if self.announce_due and not self._altered():
                self.announce_due = False
                await self._announce(session)
            since_ms = clock.elapsed_ms(told)
            if first or since_ms >= _STATUS_MS or (self._changed and since_ms >= _STATUS_LEAST_MS):
                first = self._changed = False
                told = clock.ticks_ms()
                await self._publish(session, "status", "status", self.app, True)
            if clock.elapsed_ms(metered) >= _SESSION_MS:
                metered = clock.ticks_ms()
                for connector in self.app.connectors:
                    if connector.session is not None:
                        await self._publish(session, "session", "running", connector)
            if self._ended:
                await self._publish_ended(session)
            if self._log_due:
                await self._publish_log(session)
            if clock.elapsed_ms(session.last_rx) >= _PING_MS:
                await session.ping()
            await clock.sleep_ms(_POLL_MS)
        await self._send_offline(session, _ALTERED)

    async def _publish_ended(self, session: MqttSession) -> None:
        while self._ended:
            ended = self._ended[0]
            await self._publish(session, "session", "ended", ended)
            if self._ended and self._ended[0] is ended:
                self._ended.pop(0)

    async def _announce(self, session: MqttSession) -> None:
        """Tell Home Assistant of the unit, where the owner has set the prefix of its discovery topics."""
        prefix = self.app.vault.get(_DISCOVERY)
        if not prefix:
            return
        from charger.mqtt_client import discovery  # 3,500 frozen bytes, 1 KiB of heap, for owners with Home Assistant

        app, base = self.app, self._base.decode()
        for topic, text in discovery.messages(app.config, app.vault, app.connectors, prefix.decode(), base, self.serial):
            await session.publish(topic, text, True)

    async def _publish(self, session: MqttSession, topic: str, what: str, about: Any, retain: bool = False) -> None:
        text = getattr(messages, what)(about)
        if text is not None:
            await session.publish(self._topic(topic), text, retain)

    async def _publish_log(self, session: MqttSession) -> None:
        """Publish the next few entries; they are marked as sent after the broker's acknowledgement (SEC-23)."""
        self._log_due = False
        await self.app.security_log.check()
        batch = self.app.security_log.pending("mqtt", _LOG_BATCH)
        for item in batch:
            await self._publish(session, "notice", "notice", item)
            await self._publish(session, "log", "entry", item)
        if batch:
            self.app.security_log.acknowledge("mqtt", batch[-1].seq)
            # when the mark cannot be written, the same entries are sent again with the next event only
            self._log_due = self.app.security_log.mark("mqtt") == batch[-1].seq

    # --- commands ---

    def _on_message(self, payload: Buffer, retained: bool) -> None:
        """Queue a received command; one beyond the bound is dropped without a reply.

        A queued command of a stranger makes way for that of a known source, and any other one's for the owner's.
        """
        if len(self._commands) >= _MAX_COMMANDS:
            self.app.security_log.add(events.INVALID_MESSAGES, "portal: too many commands")
            mine = self.sources.of(payload) if self.sources else ""
            for command in self._commands:
                whose = self.sources.of(command[0]) if mine else ""  # type: ignore[union-attr] - there are sources
                if whose != mine and (not whose or mine == roles.OWNER):
                    self._commands.remove(command)
                    break
            else:
                return
        self._commands.append((payload, retained))
        self._command_event.set()

    async def _run_commands(self, session: MqttSession) -> None:
        """Execute the queued commands one by one."""
        while True:
            self._command_event.clear()
            while self._commands:
                payload, retained = self._commands.pop(0)
                try:
                    await self._answer(session, payload, retained)
                except ConnectError:
                    return
                except Exception as error:  # noqa: BLE001 - a command that fails is no reason to stop listening
                    log.error("portal", "command: " + log.reason(error))
                payload = None
            await self._command_event.wait()

    async def _answer(self, session: MqttSession, payload: Buffer, retained: bool) -> None:
        # with commands/: 8,000 frozen bytes, 3.5 KiB of heap, once there is a command
        from charger.mqtt_client import command_handler

        reply = await command_handler.answer(self, payload, retained)
        if reply is not None:
            self._changed = True  # what was commanded is told soon, and what was refused as well
            await session.publish(self._topic("reply"), reply)

    # --- closing ---

    async def close(self) -> None:
        """Publish the offline status before a restart, within 3 s."""
        self._stopping = True
        if self._session is not None:
            await self._send_offline(self._session, "restart")

    async def _send_offline(self, session: MqttSession, why: str) -> None:
        """Publish the offline status instead of the last will, then disconnect."""
        try:
            await asyncio.wait_for_ms(session.publish(self._topic("status"), messages.offline(why), True), _OFFLINE_MS)
            await session.close()
        except (ConnectError, asyncio.TimeoutError):
            session.end("reset", "closed")
