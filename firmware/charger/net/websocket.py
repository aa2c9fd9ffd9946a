"""A WebSocket client (RFC 6455) over a reader and a writer: handshake, framing, control frames.

One permanent task calls recv(); any task may send. Messages are received into one permanent buffer and returned as a
memoryview; messages are masked for sending in another. A protocol violation of the server is answered by a close frame.
"""

import asyncio

from micropython import const

from charger import clock, log
from charger.errors import ConnectionClosedError
from charger.net import utf8
from charger.net.websocket_frames import ABNORMAL, PAYLOAD, FrameWriter, short_frame, whole_text
from charger.net.websocket_handshake import upgrade

_CONTINUATION = const(0)
_TEXT = const(1)
_BINARY = const(2)
_CLOSE = const(8)
_PING = const(9)
_PONG = const(10)

NORMAL = const(1000)
GOING_AWAY = const(1001)
PROTOCOL_ERROR = const(1002)
UNSUPPORTED = const(1003)
NO_STATUS = const(1005)
BAD_DATA = const(1007)
TOO_BIG = const(1009)

MAX_MESSAGE = const(24576)  # OCPP-22
_KEPT = const(1024)  # the receive buffer between messages; most fit
_AHEAD = const(256)  # read ahead of frame headers, so that a small frame costs one read
_CHUNK = const(512)  # masked and written at a time
_SHORT = const(496)  # payload that fits into the first chunk
_JOINED = const(1008)  # payload that fits into two chunks
_FEW = const(8)  # pieces that are counted in one slice; most messages have five, a list has one for each item
_CONTROL = const(125)  # longest payload of a control frame, RFC 6455 section 5.5
_CLOSE_MS = const(2000)
_RETRY_MS = const(20)


def buffers() -> tuple:
    """Allocate the buffers for receiving and sending."""
    return bytearray(_KEPT), bytearray(_CHUNK)


class WebSocket(FrameWriter):
    """An open connection, made by `connect()`; tests use any pair of streams."""

    def __init__(self, reader: Any, writer: Any, max_message: int = MAX_MESSAGE, max_frame: int = 0, ahead: bytes = b""):
        super().__init__(writer)
        self._reader = reader
        self._max_message = max_message
        self._max_frame = max_frame  # longer messages are sent in fragments; 0: never
        self._ahead = bytearray(max(_AHEAD, len(ahead)))
        self._ahead[: len(ahead)] = ahead
        self._ahead_at = 0
        self._ahead_end = len(ahead)
        self.use(buffers())
        self._message_lock = asyncio.Lock()  # one message at a time; control frames may be sent between its frames
        self._close_sent = False
        self._transport_closed = False
        self._reclaim = None
        self.last_rx = clock.ticks_ms()  # of the last byte received
        self.last_pong = self.last_rx

    def use(self, kept: tuple, reclaim: Callable | None = None) -> None:
        """Use these buffers(), before the first transfer; reused for all connections they do not fragment the heap.

        `reclaim()` is called once when there is no memory for a message, before the connection is closed.
        """
        self._reclaim = reclaim
        self.buffer = self._kept = kept[0]  # the last message, from offset 0
        self._chunk = kept[1]

    # --- receiving ---

    async def recv(self) -> Any:
        """Receive a text message: valid UTF-8, a memoryview of `buffer` until the next recv(). ConnectionClosedError."""
        self.release()
        if self._closed is not None:
            raise self._closed
        try:
            if self._ahead_at == self._ahead_end:
                self._ahead_at = self._ahead_end = 0
                self._ahead_end = await self._some(self._ahead)
            size = self._take_whole()
            if size < 0:
                size = await self._message()
            view = memoryview(self.buffer)[:size]
            if (size > _KEPT or not utf8.is_ascii(view)) and not await utf8.check(self.buffer, 0, size):
                await self._fail(BAD_DATA, "not UTF-8")
            return view
        except (OSError, EOFError) as error:
            raise self._over(ABNORMAL, log.reason(error))

    @property
    def has_more(self) -> bool:
        """True when bytes were read ahead: the next recv() may return without yielding to other tasks."""
        return self._ahead_at < self._ahead_end

    def release(self) -> None:
        """Release the last message: the memory of a large one is freed before the message is processed."""
        self.buffer = self._kept

    def _take_whole(self) -> int:
        """Copy a message that was read ahead completely, as most are, into the buffer; returns its length, or -1 for none."""
        place = whole_text(self._ahead, self._ahead_at, self._ahead_end)
        if place is None or place[1] > min(len(self.buffer), self._max_message):
            return -1
        at, size = place
        self._ahead_at = at + size
        self.buffer[:size] = memoryview(self._ahead)[at : at + size]
        return size

    async def _message(self) -> int:
        """Collect a message in the buffer and return its length, answering control frames on the way."""
        size = -1  # no message in progress
        while True:
            first = await self._byte()
            opcode = first & 0x0F
            length = await self._length(first, opcode)
            if opcode >= _CLOSE:
                await self._control(opcode, length)
                await clock.sleep_ms(0)  # yield: a flood of pings must not block other tasks
                continue
            if (opcode == _CONTINUATION) != (size >= 0):
                await self._fail(PROTOCOL_ERROR, "fragments out of order")
            size = max(size, 0)
            await self._reserve(size, length)
            await self._exactly(memoryview(self.buffer)[size : size + length])
            size += length
            if first & 0x80:
                return size
            await clock.sleep_ms(0)  # the same for empty fragments

    async def _length(self, first: int, opcode: int) -> int:
        """Read and check the rest of a frame's header; return the length of its payload."""
        if first & 0x70:
            await self._fail(PROTOCOL_ERROR, "reserved bits are set")
        if opcode not in (_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG):
            await self._fail(PROTOCOL_ERROR, "unknown opcode")
        length = await self._byte()
        if length & 0x80:
            await self._fail(PROTOCOL_ERROR, "masked by the server")
        if opcode >= _CLOSE and (length > _CONTROL or not first & 0x80):
            await self._fail(PROTOCOL_ERROR, "control frame too long or fragmented")
        if opcode == _BINARY:
            await self._fail(UNSUPPORTED, "text only")
        if length < 126:
            return length
        least, count = (65536, 8) if length == 127 else (126, 2)
        length = 0
        for _ in range(count):
            length = length << 8 | await self._byte()
        if length < least or length >> 63:
            await self._fail(PROTOCOL_ERROR, "length not in its shortest form")
        return length

    async def _reserve(self, size: int, more: int) -> None:
        """Make room for `more` bytes behind the first `size`; the buffer grows up to the bound."""
        wanted = size + more
        if wanted > self._max_message:
            await self._fail(TOO_BIG, "longer than %d bytes" % self._max_message)
        if wanted > len(self.buffer):
            room = max(min((wanted | 511) + 1, self._max_message), _KEPT)
            try:
                grown = bytearray(room)
            except MemoryError:
                if self._reclaim is not None:
                    self._reclaim()
                try:
                    grown = bytearray(room)
                except MemoryError:
                    await self._fail(TOO_BIG, "no memory for %d bytes" % wanted)
            grown[:size] = memoryview(self.buffer)[:size]
            self.buffer = grown

    async def _control(self, opcode: int, length: int) -> None:
        """Process a control frame: answer a ping, note a pong, end at a close."""
        payload = bytearray(length)
        await self._exactly(memoryview(payload))
        if opcode == _PING:
            if not self._close_sent:
                await self._send_frame(0x80 | _PONG, (payload,), length)
        elif opcode == _PONG:
            self.last_pong = clock.ticks_ms()
        else:
            await self._peer_closes(payload)

    async def _peer_closes(self, payload: Any) -> None:
        """Check the peer's close frame, echo its code and raise ConnectionClosedError."""
        code, reason = NO_STATUS, ""
        if payload:
            code = payload[0] << 8 | payload[1] if len(payload) > 1 else 0
            # RFC 6455 section 7.4: codes that may be sent
            if not (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) and not 3000 <= code <= 4999:
                await self._fail(PROTOCOL_ERROR, "close code")
            if not await utf8.check(payload, 2, len(payload)):
                await self._fail(BAD_DATA, "close reason is not UTF-8")
            reason = str(memoryview(payload)[2:], "utf-8")
        await self._say_close(NORMAL if code == NO_STATUS else code, "")
        raise self._over(code, reason)

    async def _byte(self) -> int:
        """Read the next byte of the stream."""
        if self._ahead_at == self._ahead_end:
            self._ahead_at = self._ahead_end = 0
            self._ahead_end = await self._some(self._ahead)
        self._ahead_at += 1
        return self._ahead[self._ahead_at - 1]

    async def _exactly(self, view: memoryview) -> None:
        """Fill view from the bytes read ahead, then from the stream."""
        at = min(len(view), self._ahead_end - self._ahead_at)
        if at:
            view[:at] = memoryview(self._ahead)[self._ahead_at : self._ahead_at + at]
            self._ahead_at += at
        while at < len(view):
            at += await self._some(view[at:])

    async def _some(self, view: Buffer) -> int:
        """Read at least one byte into view. EOFError at the end of the stream."""
        while True:
            count = await self._reader.readinto(view)
            if count:
                self.last_rx = clock.ticks_ms()
                return count
            if count == 0:
                raise EOFError("closed without a close frame")

    # --- sending ---

    async def send(self, pieces: Any) -> None:
        """Send one text message: a tuple of str, or any other iterable of str and bytes. ConnectionClosedError.

        Only the pieces of a short message are joined. A message that cannot be written within 20 s, or whose sender is cancelled
        in the middle, ends the connection, because the peer could not decode what follows.
        """
        text = None
        total = count = 0
        if type(pieces) is tuple and sum(map(len, pieces)) <= _JOINED:  # characters
            text = memoryview("".join(pieces))  # type: ignore[arg] - takes a str too, without a copy
            pieces = (text,)
        for piece in pieces:
            total += len(memoryview(piece))
            count += 1
            if count % _FEW == 0:
                await clock.sleep_ms(0)
        try:
            if self._writers or self._max_frame or self._close_sent or self._closed is not None:
                await self._send_in_turn(pieces, total)
            elif text is None or total > _SHORT:
                await self._send_frame(0x80 | _TEXT, pieces, total)
            else:
                frame = short_frame(self._chunk, PAYLOAD, 0x80 | _TEXT, text)
                count = self._writer.s.write(frame) or 0
                if count < len(frame):
                    await self._send_frame(_TEXT, (), 0, 0, frame[count:])
        except MemoryError:
            raise self._over(ABNORMAL, "no memory to send")
        except OSError as error:
            raise self._over(ABNORMAL, log.reason(error))

    async def _send_in_turn(self, pieces: Any, total: int) -> None:
        """Send a message when no other one is being sent, in fragments if necessary."""
        self._writers += 1
        try:
            await self._message_lock.acquire()
            try:
                if self._close_sent:
                    raise self._closed or ConnectionClosedError(NORMAL, "closing")
                if not self._max_frame or total <= self._max_frame:
                    await self._send_frame(0x80 | _TEXT, pieces, total)
                else:
                    await self._send_fragments(pieces, total)
            finally:
                self._message_lock.release()
        finally:
            self._writers -= 1

    async def _send_fragments(self, pieces: Any, total: int) -> None:
        """Send one message in frames of max_frame bytes."""
        head = _TEXT
        skip = 0
        while total:
            size = min(total, self._max_frame)
            total -= size
            await self._send_frame(head if total else head | 0x80, pieces, size, skip)
            skip += size
            head = _CONTINUATION

    async def ping(self, payload: bytes = b"") -> None:
        """Send a ping; `last_pong` is the time of the last answer. ConnectionClosedError."""
        await self._send_frame(0x80 | _PING, (payload,), len(payload))

    # --- the end ---

    async def _fail(self, code: int, reason: str) -> None:
        """Close because of a protocol violation: send the code and reason, raise ConnectionClosedError."""
        await self._say_close(code, reason)
        raise self._over(code, reason)

    async def _say_close(self, code: int, reason: str) -> None:
        """Send the close frame, once, if the connection still accepts it."""
        if self._close_sent or self._closed is not None:
            return
        self._close_sent = True
        payload = bytes((code >> 8, code & 255)) + reason.encode()[: _CONTROL - 2]
        try:
            await asyncio.wait_for_ms(self._send_frame(0x80 | _CLOSE, (payload,), len(payload)), _CLOSE_MS)
        except (ConnectionClosedError, asyncio.TimeoutError) as error:
            self._over(ABNORMAL, "no close frame sent: " + log.reason(error))

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Send a close frame. recv() raises ConnectionClosedError at the peer's close frame; abort() closes the transport."""
        await self._say_close(code, reason)

    def abort(self) -> None:
        """Close the transport at once. The task in recv() must have ended or been cancelled before."""
        self._over(ABNORMAL, "aborted")
        if not self._transport_closed:
            self._transport_closed = True
            self._writer.s.close()


async def connect(
    reader: Any, writer: Any, host: str, path: str, protocol: str, login: tuple | None = None,
    deadline_ms: int = 30000, max_message: int = MAX_MESSAGE, max_frame: int = 0,
) -> WebSocket:  # fmt: skip
    """Do the handshake on a new connection. `host` is the Host header, `login` (user name, password bytes) for Basic auth.

    WebSocketHandshakeError (with the HTTP status) or OSError; the transport is then the caller's to close.
    """

    async def write(data: Buffer) -> None:
        view = memoryview(data)
        while view:
            view = view[writer.s.write(view) or 0 :]
            if view:
                await clock.sleep_ms(_RETRY_MS)

    ahead = await upgrade(reader, write, host, path, protocol, login, deadline_ms)
    return WebSocket(reader, writer, max_message, max_frame, ahead)
