"""The charge point: owns the services and connects them with the connectors and the link to the back end.

Messages other than transaction messages are sent through one queue in order; before BootNotification is accepted only
triggered messages are sent (OCPP-25, 27).
"""

from micropython import const

from charger import clock, log, validate
from charger.audit import events
from charger.errors import DisconnectedError, InvalidValueError, OcppError
from charger.ocpp.transport import error_codes
from charger.ocpp.v16 import actions
from charger.ocpp.v16.message_queue import MessageQueue
from charger.ocpp.v16.service_registry import ServiceRegistry
from charger.ocpp.v16.services.authorisation import Authorisation
from charger.ocpp.v16.services.availability import Availability
from charger.ocpp.v16.services.boot_notification import BootNotification, take_time
from charger.ocpp.v16.services.id_tags import IdTags
from charger.ocpp.v16.services.meter_values import MeterValues
from charger.ocpp.v16.services.power_return import PowerReturn
from charger.ocpp.v16.services.security_events import SecurityEvents
from charger.ocpp.v16.services.status_notification import StatusNotification
from charger.ocpp.v16.services.transactions import Transactions
from charger.ocpp.v16.transaction_queue import TransactionQueue

_DAY_S = const(86400)
_END_MS = const(10000)  # time for a session to end before its plug is unlocked

_CODES = {
    validate.MISSING: error_codes.OCCURENCE_CONSTRAINT_VIOLATION,
    validate.TYPE: error_codes.TYPE_CONSTRAINT_VIOLATION,
    validate.VALUE: error_codes.PROPERTY_CONSTRAINT_VIOLATION,
    validate.EXTRA: error_codes.FORMATION_VIOLATION,
}  # OCPP-19


class ChargePoint(ServiceRegistry):
    """One charge point. A listener of its connectors; `link` is set by attach()."""

    _slow = False  # a slow action is being carried out

    def __init__(self, config: Configuration, files: Files, connectors: list, sessions: SessionStore, restart: Callable,
                 store: CertificateStore | None = None, settings: ConnectionSettings | None = None,
                 security_log: SecurityLog | None = None,
                 make_updater: Callable | None = None, make_uploader: Callable | None = None, unit_report: Callable | None = None,
                 supply_da: int | None = None,
                 planner: Planner | None = None, home_card: Any | None = None):  # fmt: skip
        """`connectors` have the ids 1, 2, ...; restart(kind) restarts the board, "Soft" or "Hard". The caller runs loading()
        before anything else.

        store            the CertificateStore
        settings         of the link: ocpp/transport/connection_settings.py
        make_updater()   gives the updater, None on a board without a second slot
        make_uploader()  gives a net.upload.Uploader, made anew each time
        unit_report()    the unit's state for diagnostics: plain data
        planner          where the limits of charging profiles go (grid/planner.py), None for the outlets themselves
        home_card(idTag) what the owner's list of cards says: see Authorisation
        supply_da        what the supply that the connectors share bears per phase, None where they share none
        """
        super().__init__(config, files, store, settings, make_updater, make_uploader)
        self.connectors = connectors
        self.sessions = sessions
        self.supply_da = supply_da
        self.planner = planner
        self.link = None
        self.state = unit_report or self.report
        self.security_log = security_log
        self.phases = max([connector.meter.reading.connected for connector in connectors])
        self._restart = restart
        self._status_queues = {}  # connector id: [queue in which its statuses wait to be sent, their number]
        self._follow_up = None
        self._last_sent_s = 0
        self._last_heartbeat_s = 0
        self._describe()
        self._create_services(home_card, settings is None or settings.url is not None)
        self.transactions.recover()

    def _create_services(self, home_card: Any, has_back_end: bool) -> None:
        """Create the queues, and the services that every charge point has."""
        config, connectors = self.config, self.connectors
        call, ready, unreadable = self.call, self.ready, self.unreadable
        self.sender = MessageQueue(call)
        self.urgent = MessageQueue(call)  # what was triggered: nothing that was queued goes before it
        self.boot = BootNotification(config, call, self._accepted, unreadable)
        self.transaction_queue = TransactionQueue(self.files, config, call, ready, self._delivered, has_back_end)
        self.status = StatusNotification(config, connectors, self._post_status, ready)
        self.id_tags = IdTags(config, self.files, self.status, unreadable)
        self.power_return = PowerReturn(config, connectors, self.id_tags, self.planner)
        self.authorisation = Authorisation(
            config, self.id_tags, self.sender, ready, self.note, self.claim, self.power_return, home_card)  # fmt: skip
        self.meter_values = MeterValues(config, connectors, self.transaction_queue, self.post_call, ready)
        self.transactions = Transactions(
            config, connectors, self.transaction_queue, self.sessions, self.id_tags, self.meter_values, self.power_return,
            unreadable)  # fmt: skip
        self.availability = Availability(connectors, self.files, self.status)

    def _describe(self) -> None:
        """Set the hardware's facts in the configuration."""
        config = self.config
        number = len(self.connectors)
        measured = any(connector.outlet.thermometer is not None for connector in self.connectors)
        config.describe_hardware(self.phases, () if measured else ("Temperature",))
        config.set_default("NumberOfConnectors", str(number), always=True)
        if any(connector.outlet.switches_phases for connector in self.connectors):
            config.set_default("ConnectorSwitch3to1PhaseSupported", "true", always=True)
        config.set_default("ConnectorPhaseRotationMaxLength", str(number + 1))
        rotation = "RST" if self.phases > 1 else "NotApplicable"
        config.set_default("ConnectorPhaseRotation", ",".join(["%d.%s" % (n, rotation) for n in range(number + 1)]))

    def note(self, event: str, info: str = "") -> None:
        """Add an event to the security log."""
        if self.security_log is not None:
            self.security_log.add(event, info)

    def unreadable(self, field: str, why: str) -> None:
        """Report a dropped field of a back end's answer: log line and InvalidMessages event."""
        text = "%s: %s" % (field, why)
        log.warn("charge point", "dropped, " + text)
        self.note(events.INVALID_MESSAGES, text)

    # --- look-up ---

    def connector(self, connector_id: int) -> Connector | None:
        """Return the connector with an id, None for 0 and unknown ids."""
        return self.connectors[connector_id - 1] if 0 < connector_id <= len(self.connectors) else None

    def claim(self, connector_id: int, tag: str, parent: str | None) -> tuple:
        """Return (allowed, reservationId or None): whether reservations allow this idTag to use a connector."""
        return self.reservations().claim(connector_id, tag, parent) if self.has("reservations") else (True, None)

    # --- the link ---

    def attach(self, link: Any) -> None:
        """Use a link with call(), connected, kick() and close()."""
        self.link = link

    async def reconnect(self) -> None:
        """Reconnect with changed settings after the answer to the current CALL."""
        await self.link.reconnect()

    def registered(self) -> bool:
        """True once the back end has accepted this start-up."""
        return self.boot.accepted

    def answered(self) -> bool:
        """True once the back end has answered in any way since the start-up, with a refusal or Pending as well."""
        return self.boot.answered

    def link_refused(self) -> None:
        """The back end refused the WebSocket handshake by an HTTP answer."""
        self.boot.answered = True

    def start_renewal(self) -> None:
        """Start the renewal of the unit's certificate (WP-16)."""
        if self.store is not None:
            self.certificates()

    def ready(self) -> bool:
        """True while messages may be sent: the link is up and the back end has accepted this start-up."""
        return self.boot.accepted and self.link is not None and self.link.connected

    def opened(self) -> None:
        """The link is up: send BootNotification, or, if accepted before, the changed statuses (OCPP-11)."""
        self.boot.opened()
        if self.boot.accepted:
            self.status.sync()
            self.transaction_queue.retry_now()

    def closed(self) -> None:
        """The link is down."""
        self.boot.closed()
        self.status.lost()
        self.transaction_queue.flush_to_flash()

    def _accepted(self) -> None:
        """BootNotification was accepted: send all statuses, then the rest (OCPP-26)."""
        self._last_heartbeat_s = clock.uptime_s()
        self.status.sync(everything=True)
        names = self.files.names()
        if "ocpp_firmware.json" in names:
            self.firmware().resume()
        if "ocpp_signed_firmware.json" in names:
            self.signed_firmware().resume()
        if "ocpp_diagnostics.json" in names:
            self.diagnostics().resume()
        if "ocpp_log.json" in names:
            self.logs().resume()
        self.transaction_queue.retry_now()

    def retry_now(self) -> None:
        """Retry at once, because the network is back."""
        if self.link is not None:
            self.link.retry_now()

    async def call(self, action: str, payload: dict, before_accepted: bool = False) -> dict:
        """Send a CALL and wait for its answer. CallError, CallTimeoutError, DisconnectedError (also when it may not be sent).

        What may go before Accepted, as a triggered one may, goes before others that wait, too.
        """
        if self.link is None or not (before_accepted or self.ready()):
            raise DisconnectedError(action)
        answer = await self.link.call(action, payload, first=before_accepted)
        self._last_sent_s = clock.uptime_s()
        return answer if isinstance(answer, dict) else {}

    # --- messages of the back end ---

    def handle(self, action: str, request: dict) -> Any:
        """Handle a CALL for Rpc: return (answer, follow-up or None); OcppError for a CALLERROR.

        Returns a coroutine that does the same where the action or a long list of the request takes time, and None when the CALL
        must not be answered (OCPP-28). One CALL at a time, but for a slow one that a lost link left.
        """
        if self.boot.silent:
            return None
        profile = actions.profile_of(action)
        if profile is None:
            raise OcppError(error_codes.NOT_IMPLEMENTED, "")
        if not self.config.has_profile(profile):
            return actions.without_profile(action), None
        module = actions.load(action)
        self._follow_up = answer = None
        long_lists = []
        try:
            validate.check(module.SPEC, request, True, long_lists)
        except InvalidValueError as error:
            raise self._invalid(action, error)
        if not long_lists:
            answer = module.handle(self, request)
            if not hasattr(answer, "send"):
                follow_up, self._follow_up = self._follow_up, None
                return answer, follow_up
        return self._slowly(action, request, answer, long_lists)

    async def _slowly(self, action: str, request: dict, answer: Any, long_lists: list) -> tuple:
        """The rest of handle(): of a request with long lists, or the coroutine `answer` of a slow action."""
        if long_lists:
            try:
                await validate.check_items(long_lists)
            except InvalidValueError as error:
                raise self._invalid(action, error)
            answer = actions.load(action).handle(self, request)
        if hasattr(answer, "send"):
            while self._slow:  # one of a lost link goes on
                await clock.sleep_ms(50)
            self._slow = True
            try:
                answer = await answer
            finally:
                self._slow = False
        follow_up, self._follow_up = self._follow_up, None  # a slow action sets it at its end
        return answer, follow_up

    def _invalid(self, action: str, error: InvalidValueError) -> OcppError:
        """Note an invalid request; return the exception that answers it."""
        self.note(events.INVALID_MESSAGES, "%s, %s" % (action, error))
        return OcppError(_CODES[error.kind], str(error))

    def after(self, job: Callable) -> None:
        """For actions: call job() after the answer to the current CALL was sent."""
        self._follow_up = job

    # --- other messages ---

    def post_call(self, action: str, payload: dict, triggered: bool = False, failed: Callable | None = None,
                  done: Callable | None = None) -> None:
        """Queue a CALL, see MessageQueue.post_call(); a triggered one does not wait for the others."""
        sender = self.urgent if triggered else self.sender
        sender.post_call(action, payload, triggered, failed, done)

    def _post_status(self, notification: dict, failed: Callable | None, triggered: bool = False) -> None:
        """Queue a status behind the older ones of its connector, whether it was triggered or not."""
        number = notification["connectorId"]
        lane = self._status_queues.get(number)
        if lane is None:
            lane = self._status_queues[number] = [self.urgent if triggered else self.sender, 0]
        lane[1] += 1

        def done(_answer: Any) -> None:
            lane[1] -= 1
            if not lane[1]:
                del self._status_queues[number]

        def lost() -> None:
            done(None)
            if failed is not None:
                failed(notification)

        lane[0].post_call("StatusNotification", notification, triggered, lost, done)

    def send_status(self, connector_id: int | None) -> None:
        """TriggerMessage(StatusNotification): of one connector, or of all with 0."""
        for number in range(len(self.connectors) + 1) if connector_id is None else (connector_id,):
            self.status.trigger(number)

    def heartbeat(self, triggered: bool = False) -> None:
        """Send a Heartbeat and set the clock from its answer (OCPP-30)."""
        self._last_heartbeat_s = self._last_sent_s = clock.uptime_s()
        self.post_call("Heartbeat", {}, triggered, None, self._take_time)

    def _take_time(self, answer: dict) -> None:
        take_time(answer.get("currentTime"), self.unreadable)

    # --- events of the connectors ---

    def status_changed(self, connector: Connector) -> None:
        """A connector has a new status."""
        self.status.update_fault()
        self.status.changed(connector.id)
        self.meter_values.status_changed(connector)
        if self.has("reservations"):
            self.reservations().status_changed(connector)
        if connector.status == "Preparing":
            self.authorisation.free_vend(connector)

    def session_started(self, session: Session) -> None:
        """A session has begun; its records are on flash when this returns, before energy flows."""
        self.transactions.started(session)
        if self.connector(session.connector_id).start.profile is not None:
            self.smart_charging().recompute()  # created if necessary
        for service in self.loaded.values():
            if hasattr(service, "session_started"):
                service.session_started(session)
        self.meter_values.started(session)

    def session_ended(self, session: Session) -> None:
        """A session is over."""
        self.transactions.ended(session)
        if self.has("profiles"):
            self.smart_charging().session_ended(session)
        self.availability.apply()

    def tag_shown(self, connector: Connector, tag: str) -> None:
        """A card was shown at a connector."""
        self.authorisation.tag_shown(connector, tag)

    async def _delivered(self, action: str, local_id: int | None, payload: dict, answer: Any) -> None:
        await self.transactions.delivered(action, local_id, payload, answer)

    # --- commands that act on the whole unit ---

    def unit_reset(self) -> UnitReset:
        """Return the resets that the back end requests, created if necessary."""
        service = self.loaded.get("reset")
        if service is None:
            from charger.ocpp.v16.services.unit_reset import UnitReset  # 500 frozen bytes, for a Reset

            queue = self.transaction_queue
            service = self.loaded["reset"] = UnitReset(self.connectors, queue, self.ready, self.link, self._restart)
        return service

    async def unlock(self, connector: Connector) -> bool:
        """UnlockConnector: end a transaction, then open the lock (OCPP-68)."""
        if connector.session is not None:
            connector.stop("UnlockCommand")
            started = clock.ticks_ms()
            while connector.session is not None and clock.elapsed_ms(started) < _END_MS:
                await clock.sleep_ms(100)
        return await connector.unlock()

    # --- tasks ---

    def tasks(self) -> list:
        """(name, coroutine function) of everything that has to run."""
        jobs = [
            ("ocpp boot", self.boot.run),
            ("ocpp queue", self.transaction_queue.run),
            ("ocpp send", self.sender.run),
            ("ocpp triggered", self.urgent.run),
            ("ocpp clock", self._clock),
        ]
        if self.security_log is not None:
            jobs.append(("ocpp events", SecurityEvents(self.call, self.ready, self.security_log).run))
        return jobs

    async def _clock(self) -> None:
        """Run the services' jobs once a second."""
        while True:
            await clock.sleep_ms(1000 - clock.uptime_ms() % 1000)
            self.status.update_fault()
            self.status.second()
            self.transactions.second()
            self.power_return.second(self.authorisation)
            self.meter_values.second()
            for service in self.loaded.values():
                if hasattr(service, "second"):
                    service.second()
            if self.ready() and self.sender.idle:
                self._heartbeat_when_due()

    def _heartbeat_when_due(self) -> None:
        now = clock.uptime_s()
        interval_s = self.config.get_int("HeartbeatInterval")
        if now - self._last_sent_s >= interval_s or now - self._last_heartbeat_s >= _DAY_S:
            self.heartbeat()

    async def close(self, timeout_ms: int) -> None:
        """Write queued messages to flash and close the link, before a restart."""
        self.transaction_queue.flush_to_flash()
        if self.link is not None:
            await self.link.close(timeout_ms)

    def report(self) -> dict:
        """The link as plain data."""
        return {
            "connected": self.link is not None and self.link.connected,
            "boot": self.boot.status,
            "waiting": self.transaction_queue.waiting,
            "sent": self.transaction_queue.sent,
            "dropped": self.transaction_queue.dropped,
        }
