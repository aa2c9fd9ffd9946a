"""One MQTT 3.1.1 session over an open stream; does not block, every step has a deadline.

umqtt.simple encodes and decodes the packets. It blocks, so it gets a `_PacketBuffer` instead of a socket: it writes
into the buffer, which also holds the answer it expects, and it reads only packets that were received completely and
checked here, since umqtt.simple checks nothing. This module awaits the broker's real answers. One request is pending
at a time; publish() returns on the broker's acknowledgement (QoS 1). An incomplete packet makes the next request time out.
"""

import asyncio
import struct
from errno import ETIMEDOUT

from micropython import const
from umqtt import simple

from charger import clock, log
from charger.errors import ConnectError

_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _PINGRESP = const(0x20), const(0x30), const(0x40), const(0x90), const(0xD0)
_SIZES = {_CONNACK: 2, _PUBACK: 2, _SUBACK: 3, _PINGRESP: 0}
_HEADER = const(5)
_MOST = const(1024)  # largest packet that is processed, in bytes
_USUAL = const(16)  # largest packet that is not a message
_SKIPPED = const(65536)  # a longer message is discarded up to this size; beyond it the connection ends
_LONGEST_TOPIC = const(120)  # longest topic that umqtt.simple can subscribe to
_ANSWER_MS = const(20000)
_WRITE_MS = const(20000)
_BYE_MS = const(2000)
_RETRY_MS = const(20)
_LONG = const(100)
_LAST_ID = const(65535)


class _PacketBuffer:
    """Replaces the socket module and the socket of umqtt.simple: collects writes, returns preloaded bytes to reads."""

    def __init__(self):
        self.written = []  # pieces: a long one is not copied
        self._ready = memoryview(b"")

    def preload(self, ready: bytes) -> None:
        """Clear what was written and set the bytes to read next."""
        self.written = [bytearray()]
        self._ready = memoryview(ready)

    def socket(self):
        """Return this object as the new socket."""
        return self

    def getaddrinfo(self, *_):
        """Return a dummy address."""
        return ((None,),)

    def connect(self, _: Any) -> None:
        """Do nothing: the stream is connected already."""

    def setblocking(self, _: Any) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: the session closes the stream."""

    def write(self, data: Any, size: int | None = None) -> None:
        """Collect the bytes; short pieces are joined, since each write would become a TLS record."""
        if len(data) >= _LONG:
            self.written.append(data)
            self.written.append(bytearray())
        else:
            self.written[-1].extend(data if size is None else data[:size])

    def read(self, size: int | None):
        """Return preloaded bytes."""
        part = bytes(self._ready[:size])
        self._ready = self._ready[size:]
        return part


class MqttSession:
    """One connection to a broker. `await read()` in a task of its own; then open(), subscribe(), publish(), ping().

    on_message(payload, retained) is called with each message on the subscribed topic; payload is None for a message that
    was too long. Each message is acknowledged after the call. Every failure ends the session with a ConnectError, whose
    cause is "auth" when the broker refuses the login, else "timeout", "reset", "refused" or "protocol".
    """

    def __init__(self, stream: Any, on_message: Callable):
        self._stream = stream
        self._on_message = on_message
        self._buffer = bytearray(_HEADER + _USUAL)
        self._packets = _PacketBuffer()
        self._client = None
        self._topic = b""  # subscribed
        self._turn = asyncio.Lock()  # one request at a time
        self._line = asyncio.Lock()  # one packet at a time
        self._wanted = -1  # packet type of the expected answer
        self._number = 0  # packet identifier of the expected answer
        self._answer = 0  # content of the answer
        self._answered = asyncio.Event()
        self._retained = False
        self.over = asyncio.Event()
        self.fault = None  # the ConnectError that ended it
        self.last_rx = clock.ticks_ms()

    # --- requests ---

    async def open(self, client_id: bytes, login: tuple, keep_alive_s: int, will: tuple) -> None:
        """Connect: login is (user, password), will is (topic, payload), published retained; all bytes."""
        client = simple.MQTTClient(client_id, "", 0, login[0], login[1], keep_alive_s)
        client.set_last_will(will[0], will[1], True, 1)
        client.set_callback(self._on_decoded)
        await self._turn.acquire()
        try:
            self._packets.preload(b"\x20\x02\0\0")
            simple.socket = self._packets  # type: ignore[attr-defined] - its module's; only connect() asks for it
            client.connect()
            self._client = client
            code = await self._request(_CONNACK, 0)
        finally:
            self._turn.release()
        if code:
            raise self.end("auth" if code in (4, 5) else "refused", "refused by the broker, code %d" % code)

    async def subscribe(self, topic: bytes) -> None:
        """Subscribe to a topic at QoS 1."""
        if len(topic) > _LONGEST_TOPIC:
            raise self.end("protocol", "topic too long")
        await self._turn.acquire()
        try:
            number = self._next_number()
            self._topic = topic
            self._packets.preload(b"\x90\x03" + struct.pack("!H", number) + b"\0")
            self._client.subscribe(topic, 1)
            code = await self._request(_SUBACK, number)
        finally:
            self._turn.release()
        if code > 2:
            raise self.end("auth", "subscription refused")

    async def publish(self, topic: bytes, payload: bytes, retain: bool = False) -> None:
        """Publish a message; returns when the broker has acknowledged it."""
        await self._turn.acquire()
        try:
            number = self._next_number()
            self._packets.preload(b"\x40\x02" + struct.pack("!H", number))
            self._client.publish(topic, payload, retain, 1)
            await self._request(_PUBACK, number)
        finally:
            self._turn.release()

    async def ping(self) -> None:
        """Send a PINGREQ and wait for the answer."""
        await self._turn.acquire()
        try:
            self._packets.preload(b"")
            self._client.ping()
            await self._request(_PINGRESP, 0)
        finally:
            self._turn.release()

    async def close(self) -> None:
        """Send DISCONNECT, so that the broker does not publish the last will; abort() then closes the stream."""
        if self.fault is None and self._client is not None:
            try:
                await asyncio.wait_for_ms(self._send((b"\xe0\0",)), _BYE_MS)
            except (ConnectError, asyncio.TimeoutError):
                pass
        self.end("reset", "closed")

    def abort(self) -> None:
        """Close the transport. The task in read() must have ended or been cancelled before."""
        self.end("reset", "closed")
        self._stream.s.close()

    def _next_number(self) -> int:
        """Keep the packet identifier within 16 bits, which umqtt.simple does not."""
        if self._client.pid >= _LAST_ID:
            self._client.pid = 0
        return self._client.pid + 1

    async def _request(self, wanted: int, number: int) -> int:
        """Send the collected packet, wait for its answer and return its content."""
        if self.fault is not None:
            raise self.fault
        self._number = number
        self._answered.clear()
        self._wanted = wanted
        try:
            await self._send(self._packets.written)
            self._packets.preload(b"")
            await asyncio.wait_for_ms(self._answered.wait(), _ANSWER_MS)
        except asyncio.TimeoutError:
            raise self.end("timeout", "the broker does not answer")
        finally:
            self._wanted = -1
        if self.fault is not None:
            raise self.fault
        return self._answer

    # --- the stream ---

    async def _send(self, pieces: Any) -> None:
        """Write one packet; a cancellation in the middle ends the session."""
        started = clock.ticks_ms()
        await self._line.acquire()
        try:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    if self.fault is not None:
                        raise self.fault
                    view = view[self._stream.s.write(view) or 0 :]  # not with drain(): see websocket.py
                    if view:
                        if clock.elapsed_ms(started) > _WRITE_MS:
                            raise OSError(ETIMEDOUT)
                        await clock.sleep_ms(_RETRY_MS)
        except (OSError, ValueError) as error:
            raise self.end("reset", log.reason(error))
        except asyncio.CancelledError:
            self.end("reset", "cut in the middle of a packet")
            raise
        finally:
            self._line.release()

    def end(self, cause: str, text: str) -> ConnectError:
        """End the session; the first reason given is kept."""
        if self.fault is None:
            self.fault = ConnectError(cause, text)
            self.over.set()
            self._answered.set()
        return self.fault

    # --- received packets ---

    async def read(self) -> None:
        """The reading task; returns when the session is over."""
        try:
            while self.fault is None:
                await self._packet()
                await clock.sleep_ms(0)  # yield: a flood of small packets must not block other tasks
        except (OSError, EOFError, ValueError) as error:
            self.end("reset", log.reason(error))
        except ConnectError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the way out is a new connection
            self.end("protocol", log.reason(error))

    async def _packet(self) -> None:
        """Read one packet and process it."""
        buffer = memoryview(self._buffer)
        await self._fill(buffer[:1])
        first = buffer[0]
        size, start = 0, 1
        while True:
            await self._fill(buffer[start : start + 1])
            size |= (buffer[start] & 0x7F) << (7 * (start - 1))
            start += 1
            if not buffer[start - 1] & 0x80:
                break
            if start >= _HEADER:
                raise self.end("protocol", "length of a packet")
        if first & 0xF0 == _PUBLISH:
            await self._message(bytes(buffer[:start]), size)
            return
        if _SIZES.get(first) != size:
            raise self.end("protocol", "packet of type %d" % (first >> 4))
        await self._fill(buffer[start : start + size])
        self._take_answer(first, buffer[start : start + size])

    def _take_answer(self, kind: int, body: Any) -> None:
        """Take an answer. An answer that is too late cannot occur: its request has ended the session."""
        if kind == _CONNACK and self._wanted != _CONNACK:
            raise self.end("protocol", "unexpected CONNACK")
        if self._wanted != kind:
            return
        if kind in (_PUBACK, _SUBACK) and body[0] << 8 | body[1] != self._number:
            return
        self._answer = 0 if kind in (_PUBACK, _PINGRESP) else body[-1]
        self._answered.set()

    async def _message(self, header: bytes, size: int) -> None:
        """Receive a PUBLISH: umqtt.simple decodes the complete packet and writes the acknowledgement."""
        quality = header[0] >> 1 & 3
        if not self._topic or quality > 1 or size > _SKIPPED:
            raise self.end("protocol", "a message without a subscription")
        start = len(header)
        kept = min(size, _MOST)
        packet = memoryview(bytearray(start + kept))  # the buffer exists only while a message is received
        packet[:start] = header
        await self._fill(packet[start:])
        at = start + 2 + len(self._topic)  # packet identifier, at QoS 1
        end = at + 2 if quality else at
        if (
            end > start + kept or packet[start] << 8 | packet[start + 1] != len(self._topic)
            or bytes(packet[start + 2 : at]) != self._topic or (quality and not packet[at] | packet[at + 1])
        ):  # fmt: skip
            raise self.end("protocol", "a message that is malformed or of another topic")
        self._retained = bool(header[0] & 1)
        if size > kept:
            answer = (b"\x40\x02" + bytes(packet[at:end]),) if quality else ()
            await self._skip(packet, size - kept)
            self._on_message(None, self._retained)
        else:
            answer = self._hand_over(packet)
        await self._send(answer)

    def _hand_over(self, packet: Any):
        """Let umqtt.simple decode a message; return its acknowledgement. Uses its own buffer: the other may hold a request."""
        sheet = _PacketBuffer()
        sheet.preload(packet)
        self._client.sock = sheet
        try:
            self._client.wait_msg()
        finally:
            self._client.sock = self._packets
        return sheet.written

    def _on_decoded(self, _topic: Any, payload: Any) -> None:
        self._on_message(payload, self._retained)

    async def _skip(self, buffer: Any, left: int) -> None:
        """Discard the rest of a message."""
        while left:
            part = min(left, len(buffer))
            await self._fill(buffer[:part])
            left -= part

    async def _fill(self, view: memoryview) -> None:
        """Read until view is full. EOFError at the end of the stream."""
        while view:
            count = await self._stream.readinto(view)
            if count == 0:
                raise EOFError("closed by the broker")
            if count:
                self.last_rx = clock.ticks_ms()
                view = view[count:]
