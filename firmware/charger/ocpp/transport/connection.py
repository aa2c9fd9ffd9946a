"""The link to the back end: one connection at a time, reconnected after a loss with a growing pause (OCPP-1 to 5).

Reading, pings and time-outs are here; the meaning of messages is not.
"""

import asyncio
import gc
import os

from micropython import const

from charger import clock, log
from charger.errors import CallTimeoutError, ConnectionClosedError, DisconnectedError, LinkFailedError
from charger.net import websocket
from charger.ocpp.transport.rpc import Rpc
from charger.runtime import memory

_BACKOFF_S = const(10)
_BACKOFF_LAST_S = const(900)
_OUTAGE_S = const(55)  # the longest pause while there is no answer: a back end that returns is reached within a minute
_OUTAGE_LEAST_S = const(30)  # from this length on the pauses are spread over 30 to 55 s
_OUTAGE = ("dns", "refused", "timeout", "reset", "http")  # causes that end when the back end or the network returns
_STABLE_S = const(300)  # a connection that lasted so long resets the back-off
_SERVED_S = const(30)  # so does a shorter one on which a message was received
_PONG_S = const(30)
_PONG_LEAST_S = const(5)
_PROBE_MS = const(10000)
_CLOSE_MS = const(5000)
_LAST_MS = const(3000)  # time to wait for the answer of a pending CALL at the end
_WATCH_MS = const(1000)
_ANSWER_MS = const(200)


class Connection:
    """`await run()` is its one task. See ocpp/transport/connection_settings.py for what `settings` has.

    handler(action, payload)   answers CALLs, as of Rpc
    on_open(rpc)               a connection was made
    on_close(reason)           it was lost, for this reason
    on_fault(cause, text)      an attempt failed: "auth", "unknown" (identity), "http", "protocol", "config", "memory",
                               or a cause of errors.ConnectError (OCPP-3, WP-43)
                               or "plain" (SEC-12)
    on_invalid(reason)         an invalid message was received
    lab                        a laboratory unit: unencrypted links to other hosts are allowed (SEC-12)
    reclaim()                  frees memory of other services; see websocket.WebSocket.use()
    """

    def __init__(
        self, settings: ConnectionSettings, handler: Callable, on_open: Callable | None = None, on_close: Callable | None = None,
        on_fault: Callable | None = None, on_invalid: Callable | None = None, open_stream: Callable | None = None,
        lab: bool = False,
        reclaim: Callable | None = None,
    ):  # fmt: skip
        self._settings = settings
        self._handler = handler
        self._on_open = on_open
        self._on_close = on_close
        self._on_fault = on_fault
        self._on_invalid = on_invalid
        self._open_stream = open_stream
        self._lab = lab
        self._ws = None
        self._buffers = websocket.buffers()
        self._reclaim = reclaim
        self._rpc = None
        self._stream = None  # the socket below the present connection
        self._reason = None  # why this side ended the connection, else None
        self._at_once = False
        self._stopping = False
        self._blocked = False
        self._ended = asyncio.Event()
        self._ended.set()
        self._retry = asyncio.Event()
        self._backoff_s = 0
        self.first_ms = 0  # the first attempt waits so long: see spread()
        self._outage = True  # the last attempt got no answer, or a link was lost
        self.attempts = 0
        self.opened = 0  # connections made since start-up
        self.fault = None  # why there is no connection, as text; None while there is one, and before the first attempt

    @property
    def connected(self) -> bool:
        """True while CALLs can be sent."""
        return self._rpc is not None and not self._rpc.closed

    # --- interface ---

    def peer_certificate(self) -> bytes | None:
        """The server's certificate (DER) on the present connection, None without TLS."""
        stream = self._stream
        return stream.getpeercert(True) if self._ws is not None and hasattr(stream, "getpeercert") else None

    async def call(self, action: str, payload: dict, timeout_s: int = 30, first: bool = False) -> dict:
        """Rpc.call() on the present connection. CallError, CallTimeoutError, or DisconnectedError.

        When no byte was received in that time, a ping tests the connection: without a pong it is half open and is ended,
        and the CALL does not count as an attempt (OCPP-17).
        """
        rpc = self._rpc
        ws = self._ws
        if rpc is None:
            raise DisconnectedError("not connected")
        try:
            return await rpc.call(action, payload, timeout_s, first)
        except CallTimeoutError:
            if clock.elapsed_ms(ws.last_rx) >= timeout_s * 1000 and not await self._alive(ws):
                self._drop(ws, "half open: no sign of life")
                raise DisconnectedError("no sign of life from the back end")
            raise

    def spread(self, most_s: int) -> None:
        """The power was away, maybe from many units: the first attempt waits a random time of at most this."""
        self.first_ms = _random_ms(most_s)

    def retry_now(self) -> None:
        """Reset the back-off and connect now."""
        self._backoff_s = 0
        self._retry.set()

    def drop(self, reason: str, at_once: bool = False) -> None:
        """Close the connection with a close frame. With at_once the next one is made without a pause (OCPP-9, WP-4)."""
        self._at_once = self._at_once or at_once
        if self._ws is not None:
            self._drop(self._ws, reason)
        elif at_once:
            self.retry_now()

    async def reconnect(self) -> None:
        """Reconnect with a new key or profile, after the answer was sent on this connection (OCPP-9, WP-4)."""
        await clock.sleep_ms(_ANSWER_MS)
        await self._last_answer()
        self.retry_now()
        self.drop("new credentials", at_once=True)

    def bar(self, why: str | None) -> None:
        """Block all connections, for a reason that the status shows; None unblocks them (SEC-9)."""
        self._blocked = bool(why)
        if why:
            self.fault = why
            self.drop(why, at_once=True)

    async def close(self, timeout_ms: int) -> None:
        """Stop the link. Returns when the connection is closed, at the latest after timeout_ms."""
        self._stopping = True
        await self._last_answer()
        self.drop("charger stops")
        self._retry.set()
        try:
            await asyncio.wait_for_ms(self._ended.wait(), timeout_ms)
        except asyncio.TimeoutError:
            log.warn("link", "not closed within %d ms" % timeout_ms)

    async def _last_answer(self) -> None:
        """Wait for the answer to the pending CALL, if there is one.

        A back end that cannot send its answer may discard other messages that were sent before the close.
        """
        rpc = self._rpc
        if rpc is not None:
            rpc.ending = True
            started = clock.ticks_ms()
            while rpc.waiting and clock.elapsed_ms(started) < _LAST_MS:
                await clock.sleep_ms(20)

    def _drop(self, ws: WebSocket | None, reason: str) -> None:
        """End this connection if it is still the current one."""
        if ws is self._ws and not ws.over.is_set():
            self._reason = reason
            ws.over.set()

    async def _alive(self, ws: WebSocket | None) -> bool:
        """True when anything is received within 10 s of a ping."""
        before = ws.last_rx
        try:
            await ws.ping(b"?")
        except ConnectionClosedError:
            return False
        started = clock.ticks_ms()
        while clock.elapsed_ms(started) < _PROBE_MS and ws.closed is None:
            if ws.last_rx != before:
                return True
            await clock.sleep_ms(100)
        return ws.last_rx != before

    # --- the task ---

    async def run(self) -> None:
        """The link's task: connect, serve, wait, repeat. Attempts never overlap, because this is the only task."""
        log.info("link", "first attempt in %d ms" % self.first_ms)
        await clock.sleep_ms(self.first_ms)  # whatever happens: the network, too, comes back for all units at once
        self._ended.clear()
        try:
            while not self._stopping:
                if self._blocked:
                    await clock.sleep_ms(1000)
                    continue
                self._retry.clear()
                ws = await self._attempt()
                if ws is not None:
                    await self._serve(ws)
                    ws = None
                gc.collect()  # sockets and TLS contexts are freed by their finalisers
                if not self._stopping:
                    await self._pause()
        finally:
            self._ended.set()

    async def _pause(self) -> None:
        """Wait for the back-off: 10 s doubling, plus a random part; retry_now() ends it (OCPP-3).

        Without any answer, pauses stay below a minute; after refusals they grow to 15 min.
        """
        if self._at_once:
            self._at_once = False
            return
        wait_ms = self._pause_ms()
        log.info("link", "next attempt in %d s" % ((wait_ms + 500) // 1000))
        try:
            await asyncio.wait_for_ms(self._retry.wait(), wait_ms)
        except asyncio.TimeoutError:
            pass

    def _pause_ms(self) -> int:
        """Return the next pause, including its random part."""
        least_s = max(1, self._settings.backoff_min_s or _BACKOFF_S)
        outage = self._outage and least_s <= _OUTAGE_LEAST_S
        self._backoff_s = min(max(self._backoff_s * 2, least_s), _BACKOFF_LAST_S)
        if outage and self._backoff_s >= _OUTAGE_S:
            self._backoff_s = _OUTAGE_LEAST_S
        spread_s = self._settings.backoff_random_s
        if spread_s is None:
            spread_s = self._backoff_s
        if outage:
            spread_s = min(spread_s, _OUTAGE_S - self._backoff_s)
        return self._backoff_s * 1000 + _random_ms(spread_s)

    async def _attempt(self):
        """Make one attempt; return a WebSocket, or None."""
        self.attempts += 1
        ws = None
        try:
            from charger.ocpp.transport import websocket_connect  # memory.unload() unloads it with what it imports (CONNECTING)

            ws, self._stream = await websocket_connect.dial(self._settings, self._lab, self._open_stream)
        except LinkFailedError as error:
            self._failed(error.cause, str(error))
        websocket_connect = None
        memory.unload(memory.CONNECTING)
        return ws

    def _failed(self, cause: str, text: str) -> None:
        self._outage = cause in _OUTAGE or (cause == "unknown" and self.opened > 0)  # a proxy answers 404 for its back end
        self.fault = "%s: %s" % (cause, text)
        log.warn("link", "no connection, " + self.fault)
        if self._on_fault is not None:
            self._on_fault(cause, text)

    async def _serve(self, ws: WebSocket | None) -> None:
        """Serve a connection until it ends."""
        rpc = Rpc(ws.send, self._handler, self._on_invalid)
        self._ws = ws
        ws.use(self._buffers, self._reclaim)
        self._rpc = rpc
        self._reason = None
        self._retry.clear()
        self._at_once = False
        self.opened += 1
        self.fault = None
        self._outage = True
        since_s = clock.uptime_s()
        first_rx = ws.last_rx
        log.info("link", "connected")
        tasks = (asyncio.create_task(self._read(ws, rpc)), asyncio.create_task(self._watch(ws)))
        try:
            if self._on_open is not None:
                self._on_open(rpc)
            await ws.over.wait()
        finally:
            rpc.close()
            self._rpc = None
            await self._finish(ws, tasks)
            self._ws = self._stream = None
        lived_s = clock.uptime_s() - since_s
        if lived_s >= _STABLE_S or (lived_s >= _SERVED_S and ws.last_rx != first_rx):
            self._backoff_s = 0
        reason = self._reason or str(ws.closed)
        log.info("link", "connection ended, " + reason)
        if self._on_close is not None:
            self._on_close(reason)

    async def _finish(self, ws: WebSocket | None, tasks: tuple) -> None:
        """Close the WebSocket if possible, stop the tasks, then close the transport, which no task uses any more."""
        reader, watch = tasks
        watch.cancel()
        try:
            if ws.closed is None:
                await ws.close(websocket.GOING_AWAY if self._stopping else websocket.NORMAL, self._reason or "")
                await asyncio.wait_for_ms(reader, _CLOSE_MS)
        except asyncio.TimeoutError:
            log.info("link", "no close frame from the back end")
        finally:
            reader.cancel()
            ws.abort()

    async def _read(self, ws: WebSocket | None, rpc: Rpc) -> None:
        """The reading task."""
        try:
            while True:
                size = len(await ws.recv())  # release the reference to the buffer
                await rpc.feed(ws.buffer, size)
                ws.release()
                if ws.has_more:
                    await clock.sleep_ms(0)  # yield: a flood of small messages must not block other tasks
        except ConnectionClosedError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the way out is a new connection
            log.error("link", "reader: " + log.reason(error))
            self._drop(ws, "fault in the reader")

    async def _watch(self, ws: WebSocket | None) -> None:
        """Ping every WebSocketPingInterval; end the connection without a pong within that time or 30 s (OCPP-4)."""
        pinged = clock.ticks_ms()
        waiting = False
        try:
            while True:
                await clock.sleep_ms(_WATCH_MS)
                interval_s = self._settings.ping_interval_s
                if waiting and clock.ticks_diff(ws.last_pong, pinged) >= 0:
                    waiting = False
                since_ms = clock.elapsed_ms(pinged)
                if waiting:
                    if since_ms >= max(_PONG_LEAST_S, min(interval_s or _PONG_S, _PONG_S)) * 1000:
                        self._drop(ws, "no pong")
                        return
                elif interval_s > 0 and since_ms >= interval_s * 1000:
                    pinged = clock.ticks_ms()
                    waiting = True
                    await ws.ping()
        except ConnectionClosedError:
            pass


def _random_ms(most_s: int) -> int:
    return int.from_bytes(os.urandom(4), "big") % (most_s * 1000 + 1)
