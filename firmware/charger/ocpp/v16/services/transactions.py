"""Transactions: messages of a session, and the effect of the back end's idTag status (OCPP-35 to 54)."""

from charger import clock, log
from charger.ocpp.v16.answers import whole
from charger.ocpp.v16.stamps import exact_stamp
from charger.ocpp.v16.transaction_queue import START, STOP


class Transactions:
    """`queue` is the TransactionQueue; unreadable(field, reason) reports a dropped field of an answer.

    The sessions themselves belong to the connectors.
    """

    def __init__(self, config: Configuration, connectors: list, queue: TransactionQueue, sessions: SessionStore,
                 id_tags: IdTags, meter_values: MeterValues, power_return: PowerReturn,
                 unreadable: Callable) -> None:  # fmt: skip
        self._config = config
        self._connectors = connectors
        self._queue = queue
        self._sessions = sessions
        self._id_tags = id_tags
        self._meter_values = meter_values
        self._power_return = power_return
        self._unreadable = unreadable
        self._refused = {}  # local id of a running session -> register in Wh at which its energy ends (OCPP-54)

    def started(self, session: Session) -> None:
        """A session has begun: write its StartTransaction to flash before energy flows (OCPP-37)."""
        payload = {
            "connectorId": session.connector_id,
            "idTag": session.id_tag[:20],
            "meterStart": session.start_wh,
            "timestamp": exact_stamp(session.start_utc, session.start_uptime_ms, session.boot_id),
        }
        if session.reservation_id is not None:
            payload["reservationId"] = session.reservation_id
        self._queue.add(START, session.local_id, payload, session.boot_id)

    def ended(self, session: Session) -> None:
        """A session is over."""
        self._refused.pop(session.local_id, None)
        # where it is known to the second only: not before the start, which may have been sent with milliseconds
        moment = exact_stamp(session.stop_utc, session.stop_uptime_ms, session.stop_boot_id, 999)
        payload = {"meterStop": session.stop_wh, "timestamp": moment, "reason": session.stop_reason}
        if session.stop_id_tag:
            payload["idTag"] = session.stop_id_tag[:20]  # SCH-10: omit an empty idTag
        data = self._meter_values.transaction_data(session, moment)
        if data:
            payload["transactionData"] = data
        self._queue.add(STOP, session.local_id, payload, session.stop_boot_id)

    def recover(self) -> None:
        """Close the transactions that the last start-up left open; the stop of each is queued once (OCPP-37).

        The queue knows the starts without a stop; energy flowed only after the start was queued.
        """
        unfinished, sessions = self._queue.unfinished, self._sessions
        for session in sessions.recover():
            log.info("transactions", "session %d was open when the power failed" % session.local_id)
            if session.stop_reason is None and not session.stopping:
                self._power_return.interrupted(session)
            if session.local_id in unfinished:
                session.stop_reason = "PowerLoss"
                self.ended(session)
                unfinished.discard(session.local_id)
            sessions.end(session, session.stop_wh, "PowerLoss")
        for session in sessions.history.recent() if unfinished else ():
            if session.local_id in unfinished:  # it had ended, but the power failed before its stop was queued
                self.ended(session)
                unfinished.discard(session.local_id)
        for local_id in unfinished:
            log.error("transactions", "session %d has no record" % local_id)

    def running(self, transaction_id: int) -> Connector | None:
        """Return the connector with a transaction id, None without one."""
        for connector in self._connectors:
            session = connector.session
            if session is not None and session.transaction_id == transaction_id and not connector.stopping:
                return connector
        return None

    async def delivered(self, action: str, local_id: Any, payload: dict, answer: dict | None) -> None:
        """A transaction message was delivered, or was given up (answer None).

        The transactionId counts at once, since the next message of the back end may name it. Each write to flash is a slice
        of its own, before which the session may end.
        """
        connector = self._connector_of(local_id)
        if action == START and connector is not None:
            connector.session.transaction_id = self._queue.transaction_id(local_id)
            await clock.sleep_ms(0)
            self._save(local_id)
        if action == START and answer is not None and whole(answer.get("transactionId")) is None:
            self._unreadable("StartTransaction.conf transactionId", "a whole number wanted")
        info = None if answer is None else answer.get("idTagInfo")
        tag = payload.get("idTag")
        if info is None or tag is None:
            return
        await clock.sleep_ms(0)
        verdict = self._id_tags.learn(tag, info)
        connector = self._connector_of(local_id)
        if action == START and verdict is not None and connector is not None:
            self._verdict(connector, verdict)

    def _save(self, local_id: int) -> None:
        """Write the session, if it still runs, with the transactionId that the back end has assigned."""
        connector: Any = self._connector_of(local_id)
        if connector is None:
            return
        try:
            self._sessions.save(connector.session)
        except OSError as error:
            log.error("transactions", log.reason(error))

    def _connector_of(self, local_id: int) -> Connector | None:
        for connector in self._connectors:
            if connector.session is not None and connector.session.local_id == local_id:
                return connector
        return None

    def _verdict(self, connector: Connector, verdict: tuple) -> None:
        """Stop the energy of a running session when the idTag's status is not Accepted (OCPP-54)."""
        session = connector.session
        if verdict[1] and not session.parent_id_tag:
            session.parent_id_tag = verdict[1]
        if verdict[0] == "Accepted":
            return
        log.warn("transactions", "session %d: the back end says %s" % (session.local_id, verdict[0]))
        self._refused[session.local_id] = session.start_wh + self._config.get_int("MaxEnergyOnInvalidId")
        self.second()

    def second(self) -> None:
        """Stop the energy of refused sessions that have reached MaxEnergyOnInvalidId."""
        for local_id in list(self._refused):
            connector = self._connector_of(local_id)
            if connector is None:
                self._refused.pop(local_id)
            elif connector.meter.total_wh >= self._refused[local_id]:
                self._refused.pop(local_id)
                if self._config.get_bool("StopTransactionOnInvalidId"):
                    connector.hold_cable()
                    connector.stop("DeAuthorized")
                else:
                    connector.suspend("The back end does not accept this card")
