"""One connected charger as the back end sees it: the `ocpp` package's ChargePoint with this back end's answers."""

import asyncio
import logging
from dataclasses import dataclass

from ocpp.exceptions import OCPPError
from ocpp.messages import validate_payload
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action
from websockets.asyncio.server import ServerConnection

from .record import IN, OUT, Record

# The package logs every refused message with a traceback; the record says it better.
_QUIET = logging.getLogger("pilotlight.backend")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


@dataclass(eq=False)
class Wire:
    """A WebSocket of which every frame is recorded, before it is sent and as soon as it came."""

    socket: ServerConnection
    record: Record
    identity: str
    number: int

    async def recv(self):
        """The next frame's text."""
        text = await self.socket.recv()
        self.record.add(IN, self.identity, self.number, text)
        return text

    async def send(self, text, on_purpose=False):
        """Send a frame."""
        message = self.record.add(OUT, self.identity, self.number, text, on_purpose, on_its_way=True)
        try:
            await self.socket.send(text)
        finally:
            self.record.sent(message)


class Station(ChargePoint):
    """Answers what a charger asks, from the csms' script first, else from its ledger."""

    def __init__(self, identity, wire, csms, timeout_s):
        super().__init__(identity, wire, response_timeout=timeout_s, logger=_QUIET)
        self.wire = wire
        self.csms = csms
        self._tasks = set()

    def spawn(self, coroutine):
        """Run a coroutine beside the receive loop, until the connection ends."""
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def end(self):
        """The connection is gone: nothing more to do for it."""
        for task in list(self._tasks):
            task.cancel()

    async def send_text(self, text, on_purpose=False):
        """Send any text as a frame."""
        await self.wire.send(text, on_purpose)

    def abort(self):
        """Reset the TCP connection."""
        self.wire.socket.transport.abort()

    def freeze(self):
        """Read nothing more, with the connection open: a peer that hangs."""
        self.wire.socket.transport.pause_reading()

    def resume(self):
        """Read again, so that the connection can be closed in order."""
        if not self.wire.socket.transport.is_closing():
            self.wire.socket.transport.resume_reading()

    def cut_frame(self):
        """Begin a frame of 4,096 bytes, send 17 of them, and cut."""
        self.wire.socket.transport.write(b"\x81\x7e\x10\x00" + b'[3,"never-ending"')
        self.wire.socket.transport.close()

    async def _handle_call(self, msg):
        answer = self.csms.next_answer(msg)
        if answer is None:
            await super()._handle_call(msg)
            return
        try:
            await validate_payload(msg, "1.6")
        except OCPPError as error:
            await self.send_text(msg.create_call_error(error).to_json())
            return
        await answer.give(self, msg)

    @on(Action.boot_notification)
    def _boot_notification(self, **_):
        return call_result.BootNotification(
            current_time=self.csms.now(), interval=self.csms.heartbeat_s, status="Accepted"
        )

    @on(Action.heartbeat)
    def _heartbeat(self):
        return call_result.Heartbeat(current_time=self.csms.now())

    @on(Action.status_notification)
    def _status_notification(self, **_):
        return call_result.StatusNotification()

    @on(Action.authorize)
    def _authorize(self, id_tag):
        return call_result.Authorize(id_tag_info=self.csms.ledger.tag_info(id_tag))

    @on(Action.start_transaction)
    def _start_transaction(self, connector_id, id_tag, meter_start, timestamp, **_):
        started = self.csms.ledger.start(self.id, connector_id, id_tag, meter_start, timestamp)
        return call_result.StartTransaction(
            transaction_id=started.id, id_tag_info=self.csms.ledger.tag_info(id_tag)
        )

    @on(Action.stop_transaction)
    def _stop_transaction(self, meter_stop, timestamp, transaction_id, reason=None, id_tag=None, **_):
        self.csms.ledger.stop(transaction_id, meter_stop, timestamp, reason)
        info = self.csms.ledger.tag_info(id_tag) if id_tag else None
        return call_result.StopTransaction(id_tag_info=info)

    @on(Action.meter_values)
    def _meter_values(self, connector_id, meter_value, transaction_id=None):
        self.csms.ledger.values(transaction_id, meter_value)
        return call_result.MeterValues()

    @on(Action.data_transfer)
    def _data_transfer(self, **_):
        return call_result.DataTransfer(status="UnknownVendorId")

    @on(Action.diagnostics_status_notification)
    def _diagnostics_status(self, **_):
        return call_result.DiagnosticsStatusNotification()

    @on(Action.firmware_status_notification)
    def _firmware_status(self, **_):
        return call_result.FirmwareStatusNotification()

    @on(Action.security_event_notification)
    def _security_event(self, **_):
        return call_result.SecurityEventNotification()

    @on(Action.log_status_notification)
    def _log_status(self, **_):
        return call_result.LogStatusNotification()

    @on(Action.signed_firmware_status_notification)
    def _signed_firmware_status(self, **_):
        return call_result.SignedFirmwareStatusNotification()

    @on(Action.sign_certificate)
    def _sign_certificate(self, csr):
        return call_result.SignCertificate(status="Accepted")
