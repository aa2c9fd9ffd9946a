"""OCPP-J's message frames: CALL, CALLRESULT, CALLERROR over one connection (OCPP-15 to OCPP-22).

Both directions have one CALL outstanding at a time and do not wait for each other. Each connection has its own Rpc.
"""

import asyncio
import gc
import json
import os

from micropython import const

from charger import clock, log
from charger.errors import CallError, CallTimeoutError, DisconnectedError, NotJsonError, OcppError, UnacceptableJsonError
from charger.net import strict_json
from charger.ocpp.transport.error_codes import FORMATION_VIOLATION, INTERNAL_ERROR, PROTOCOL_ERROR, canonical

_CALL = const(2)
_CALLRESULT = const(3)
_CALLERROR = const(4)
_LONGEST_ID = const(255)  # message id of the back end; OCPP-15 allows 36, but some back ends use more
_LONGEST_ACTION = const(64)
_LONGEST_DESCRIPTION = const(255)
_INBOX_CALLS = const(4)  # queued CALLs beside the current one; a back end that follows OCPP-16 needs none
_INBOX_BYTES = const(24576)
_AT_ONCE = const(512)  # bytes; a larger CALL is handled in a slice of its own
_TURNS = const(4)  # passes of the loop from an answer to the code behind the caller's await


def dumps(value: Any) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


class Rpc:
    """`await send(pieces)` sends a text given as a tuple of str; it raises when the connection is gone.

    `handler(action, payload)` answers a CALL. It returns one of these, or a coroutine that does where it has to wait:

    - a dict: the CALLRESULT's payload (in the pair below it may be a StreamedList);
    - `(dict, follow_up)`: follow_up() is called once the answer was sent (or the connection is lost). When it returns a
      coroutine, that runs as a separate task, so that it may await call() while further CALLs are answered;
    - `None`: no answer at all (OCPP-28).

    It raises OcppError for a CALLERROR; anything else it raises is logged and answered with InternalError. CALLs are
    handled one at a time, in order; a handler must not await call(), because the answer could be queued behind CALLs
    that wait for the handler. A short CALL whose handler does not wait is answered by the task that reads, any other by
    a task that ends with the last queued CALL: while that runs, messages are read.

    `on_invalid(reason)` is called for each invalid message (OCPP-19).
    """

    def __init__(self, send: Callable, handler: Callable, on_invalid: Callable | None = None):
        self._send = send
        self._handler = handler
        self._on_invalid = on_invalid
        self._prefix = "%08x-" % int.from_bytes(os.urandom(4), "big")
        self._count = 0
        self._busy = False  # a CALL is pending
        self._turns = []  # Events of the callers in the queue; asyncio.Lock does not keep the order
        self._pending = None  # id of the pending CALL
        self._answered = asyncio.Event()
        self._answer = None  # dict, or the CallFailedError to raise; None before the answer and after it was taken
        self._timer = None  # the task that ends a CALL without an answer; it runs longer than the CALL
        self._wakes_ms = 0  # when it wakes up next
        self._deadline_ms = 0  # of the CALL that is out
        self._inbox = []  # (id as JSON, action, payload or the handler's coroutine, size) to be handled
        self._inbox_bytes = 0
        self._inbox_room = asyncio.Event()
        self._worker = None
        self.closed = False
        self.ending = False  # no further own CALLs; those of the back end are still answered
        self.invalid = 0  # number of invalid messages
        self.last_sent = clock.ticks_ms()  # of any message: a Heartbeat is due some time after it (OCPP-30)

    # --- own CALLs ---

    async def call(self, action: str, payload: dict, timeout_s: int = 30, first: bool = False) -> dict:
        """Send a CALL, in the order of the calls, `first` before those that wait, and return the payload of its CALLRESULT.

        The timeout counts from sending. CallError, CallTimeoutError or DisconnectedError.
        """
        if self._busy:
            await self._turn(first)
        self._busy = True
        try:
            return await self._call(action, payload, timeout_s)
        finally:
            self._pass_on()

    async def _turn(self, first: bool) -> None:
        """Wait until the previous CALLs are done."""
        turn = asyncio.Event()
        self._turns.insert(0 if first else len(self._turns), turn)
        try:
            await turn.wait()
        except asyncio.CancelledError:
            if turn.is_set():
                self._pass_on()
            else:
                self._turns.remove(turn)
            raise

    def _pass_on(self) -> None:
        """Wake the next caller in the queue."""
        if self._turns:
            self._turns.pop(0).set()
        else:
            self._busy = False

    async def _call(self, action: str, payload: dict, timeout_s: int) -> dict:
        if self.closed or self.ending:
            raise DisconnectedError("not connected")
        self._count += 1
        self._pending = self._prefix + str(self._count)
        self._answer = None
        self._answered.clear()
        try:
            await self._put(('[2,"', self._pending, '","', action, '",', dumps(payload), "]"))
            payload = None  # type: ignore[assignment] - a MeterValues need not be held while we wait
            self._start_timer(timeout_s * 1000)
            await self._answered.wait()
        except MemoryError:
            gc.collect()
            raise CallError(INTERNAL_ERROR, "no memory for " + action)
        finally:
            self._pending = None
        answer, self._answer = self._answer, None
        if isinstance(answer, dict):
            return answer
        raise answer or CallTimeoutError("%s: no answer within %d s" % (action, timeout_s))

    def _start_timer(self, timeout_ms: int) -> None:
        """Set the time-out of the pending CALL. One task serves many CALLs: starting a task costs more than a message."""
        self._deadline_ms = clock.ticks_add(clock.ticks_ms(), timeout_ms)
        if self._timer is not None and clock.ticks_diff(self._wakes_ms, self._deadline_ms) > 0:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and self._pending is not None:
            self._timer = asyncio.create_task(self._end_late_call())

    async def _end_late_call(self) -> None:
        """Task: end CALLs whose time is over; ends itself when none is pending."""
        while self._pending is not None:
            left_ms = clock.ticks_diff(self._deadline_ms, clock.ticks_ms())
            if left_ms <= 0:
                self._settle(None)
                break
            self._wakes_ms = self._deadline_ms
            await clock.sleep_ms(left_ms)
        self._timer = None

    async def _put(self, pieces: tuple) -> None:
        """Send; every failure of the connection is raised as DisconnectedError."""
        try:
            await self._send(pieces)
        except Exception as error:  # noqa: BLE001 - a message cut in the middle ends the connection, whatever cut it
            raise DisconnectedError(log.reason(error))
        self.last_sent = clock.ticks_ms()

    @property
    def waiting(self) -> bool:
        """True while an own CALL has no answer."""
        return self._pending is not None

    def _settle(self, answer: Any) -> None:
        """Set the result of the pending CALL: a dict, or the exception that call() raises."""
        self._pending = None
        self._answer = answer
        self._answered.set()

    def close(self) -> None:
        """End all calls with DisconnectedError, because the connection is lost. A running handler continues without answer."""
        if self.closed:
            return
        self.closed = True
        self._inbox.clear()
        self._inbox_bytes = 0
        self._inbox_room.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending is not None:
            self._settle(DisconnectedError("connection lost"))

    # --- received messages ---

    async def feed(self, data: Any, size: int | None = None) -> None:
        """Process one text message: a bytearray of which the first `size` bytes count and may be changed, or a str.

        Returns when an answer is noted or a CALL is answered or queued; waits while the queue is full. Raises nothing.
        """
        turns = _TURNS
        while turns and self._answer is not None:  # the caller processes an answer before the next message (OCPP-28)
            turns -= 1
            await clock.sleep_ms(0)
        if self.closed:
            return
        if isinstance(data, str):
            data = bytearray(data.encode())
        if size is None:
            size = len(data)
        scan = strict_json.JsonScan(data, size)
        try:
            message = await strict_json.loads(data, size, scan)
        except NotJsonError as error:
            self._note("not JSON: " + str(error))
        except UnacceptableJsonError as error:
            await self._refuse(scan, FORMATION_VIOLATION, str(error))
        except MemoryError:
            message = None
            gc.collect()
            await self._refuse(scan, INTERNAL_ERROR, "out of memory")
        else:
            job = self._dispatch(message, size, scan)
            if job is not None:
                await job

    def _note(self, reason: str) -> None:
        """Log a message that cannot be answered (OCPP-19)."""
        self.invalid += 1
        log.warn("rpc", "message ignored, " + reason)
        if self._on_invalid is not None:
            self._on_invalid(reason)

    async def _refuse(self, scan: Any, code: str, why: str) -> None:
        """Refuse a message, with a CALLERROR if the scan has found its id."""
        kind, uid = scan.head()
        if kind == _CALL and self._is_id(uid):
            await self._answer_error(scan.id_text() or dumps(uid), code, why)
        elif kind in (_CALLRESULT, _CALLERROR) and uid is not None and uid == self._pending:
            self._settle(CallError(code, why))
        else:
            self._note(why)

    @staticmethod
    def _is_id(value: Any) -> bool:
        """True for text and numbers: ids that can be returned unchanged (OCPP-15)."""
        if isinstance(value, str):
            return len(value) <= _LONGEST_ID
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def _dispatch(self, message: Any, size: int, scan: Any) -> Any:
        """Note an answer; return the coroutine that does the rest where something has to be sent or waited for, else None."""
        if not isinstance(message, list) or len(message) < 2 or type(message[0]) is not int:
            self._note("not an OCPP-J array")
            return None
        kind = message[0]
        if not _CALL <= kind <= _CALLERROR:
            log.debug("rpc", "message type %d ignored" % kind)  # OCPP-21
        elif not self._is_id(message[1]):
            self._note("the message id is neither a text of at most 255 characters nor a number")
        elif kind == _CALL:
            return self._take_call(message, size, scan.id_text() or dumps(message[1]))
        elif message[1] != self._pending:
            log.info("rpc", "late or unknown answer ignored")  # OCPP-16
        elif kind == _CALLRESULT:
            self._take_result(message)
        else:
            description = message[3] if len(message) > 3 and isinstance(message[3], str) else ""
            code = canonical(message[2] if len(message) > 2 else None)
            self._settle(CallError(code, description[:_LONGEST_DESCRIPTION]))
        return None

    def _take_result(self, message: list) -> None:
        payload = message[2] if len(message) == 3 else 0
        if payload is None:
            payload = {}  # OCPP-10
        if not isinstance(payload, dict):
            self._note("CALLRESULT without a payload object")
            payload = CallError(FORMATION_VIOLATION, "the answer has no payload object")
        self._settle(payload)

    def _take_call(self, message: list, size: int, uid: str) -> Any:
        """Check a CALL's frame; return the coroutine that answers or queues it. `uid` is its id as JSON."""
        fault = None
        if len(message) < 4:
            fault = (PROTOCOL_ERROR, "a CALL has four elements")
        elif len(message) > 4 or not isinstance(message[2], str) or len(message[2]) > _LONGEST_ACTION:
            fault = (FORMATION_VIOLATION, "a CALL is [2, id, action, payload]")
        elif message[3] is not None and not isinstance(message[3], dict):
            fault = (FORMATION_VIOLATION, "the payload is no object")
        if fault:
            return self._answer_error(uid, fault[0], fault[1])
        if self._worker is None and size <= _AT_ONCE:
            return self._handle(uid, message[2], message[3] or {})
        return self._queue(uid, message[2], message[3] or {}, size)

    async def _queue(self, uid: str, action: str, payload: Any, size: int) -> None:
        """Give the task that handles CALLs a payload, or the coroutine of a handler that has to wait, when there is room."""
        while self._inbox and (len(self._inbox) >= _INBOX_CALLS or self._inbox_bytes + size > _INBOX_BYTES):
            self._inbox_room.clear()
            await self._inbox_room.wait()
        if self.closed:
            return
        self._inbox.append((uid, action, payload, size))
        self._inbox_bytes += size
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """Task: handle the queued CALLs one by one, then end."""
        while self._inbox:
            uid, action, payload, size = self._inbox.pop(0)
            self._inbox_bytes -= size
            self._inbox_room.set()
            await self._handle(uid, action, payload)
        self._worker = None

    async def _handle(self, uid: str, action: str, payload: Any) -> None:
        """Answer one CALL and run its follow-up. Without a task that works a handler that has to wait is queued for one."""
        try:
            result = payload if hasattr(payload, "send") else self._handler(action, payload)
            if hasattr(result, "send"):
                if self._worker is None:
                    await self._queue(uid, action, result, 0)
                    return
                result = await result
            payload = None
            if result is None:
                return
            answer, follow_up = (result, None) if isinstance(result, dict) else result
            if isinstance(answer, dict):
                pieces = ("[3,", uid, ",", dumps(answer), "]")
            else:  # StreamedList
                pieces = answer
                pieces.head, pieces.tail = "[3," + uid + ",", "]"
        except Exception as error:  # noqa: BLE001 - the back end hears that, and only that, something went wrong
            code, why = INTERNAL_ERROR, ""
            if isinstance(error, OcppError):
                code, why = error.code, error.description
            else:
                log.error("rpc", action + ": " + log.reason(error))
            if isinstance(error, MemoryError):
                gc.collect()
            await self._answer_error(uid, code, why)
            return
        try:
            await self._put(pieces)
        except DisconnectedError:
            log.info("rpc", action + ": carried out, answer lost")
        finally:  # also where the reading task is cancelled, since the connection has ended
            if follow_up is not None:
                self._follow(action, follow_up)

    async def _answer_error(self, uid: str, code: str, description: str) -> None:
        log.info("rpc", "CALL refused, %s %s" % (code, description))
        try:
            await self._put(("[4,", uid, ',"', code, '",', dumps(description[:_LONGEST_DESCRIPTION]), ",{}]"))
        except DisconnectedError:
            log.info("rpc", "the answer is lost with the connection")

    def _follow(self, action: str, follow_up: Any) -> None:
        """Run the follow-up of an answer."""
        try:
            job = follow_up()
        except Exception as error:  # noqa: BLE001 - a follow-up's fault is no reason to stop answering
            log.error("rpc", "after " + action + ": " + log.reason(error))
            return
        if hasattr(job, "send"):
            asyncio.create_task(self._finish(action, job))  # noqa: RUF006 - MicroPython's scheduler holds its tasks

    @staticmethod
    async def _finish(action: str, job: Any) -> None:
        try:
            await job
        except DisconnectedError:
            log.info("rpc", "after " + action + ": connection lost")
        except Exception as error:  # noqa: BLE001 - as above
            log.error("rpc", "after " + action + ": " + log.reason(error))
