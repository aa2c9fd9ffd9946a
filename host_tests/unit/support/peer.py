# The other end of a WebSocket for unit tests: in memory (deterministic, works in manual time) or on a real port.
import asyncio
import os
from binascii import b2a_base64
from hashlib import sha1

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


class Pipe:
    """One direction of a connection: write() on one side, await readinto() on the other."""

    def __init__(self):
        self.data = bytearray()
        self.ended = False
        self.room = 1 << 30  # bytes that still fit before write() says that it would block
        self.event = asyncio.Event()

    def write(self, data):
        if self.ended:
            raise OSError(32)
        count = min(len(data), self.room)
        if not count:
            return None
        self.room -= count
        self.data.extend(bytes(memoryview(data)[:count]))
        self.event.set()
        return count

    def end(self):
        self.ended = True
        self.event.set()

    async def readinto(self, view):
        while not self.data and not self.ended:
            self.event.clear()
            await self.event.wait()
        await asyncio.sleep_ms(0)
        count = min(len(view), len(self.data))
        view[:count] = memoryview(self.data)[:count]
        self.data = self.data[count:]
        return count


class Socket:
    """The raw socket below an end, as far as the code under test touches it."""

    def __init__(self, end):
        self._end = end
        self.closed = 0

    def write(self, data):
        return self._end.out.write(data)

    def close(self):
        self.closed += 1
        self._end.out.end()
        self._end.inn.end()


class End:
    """One end of an in-memory connection: reader and writer at once, as asyncio's Stream."""

    def __init__(self, inn, out):
        self.inn = inn
        self.out = out
        self.s = Socket(self)
        self.readinto = inn.readinto


def pair():
    """Two connected ends."""
    one, two = Pipe(), Pipe()
    return End(one, two), End(two, one)


def frame(opcode, payload=b"", fin=True, mask=None, rsv=0, length=None):
    """A frame as bytes. length: 7, 16 or 64 forces the width of the length field."""
    size = len(payload)
    if length is None:
        length = 7 if size < 126 else 16 if size < 65536 else 64
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if mask else 0
    head = bytes((first, bit | (size if length == 7 else 126 if length == 16 else 127)))
    if length != 7:
        head += size.to_bytes(length // 8, "big")
    if mask:
        head += mask
        payload = bytes(payload[i] ^ mask[i % 4] for i in range(size))
    return head + payload


class Peer:
    """The server's side of an open connection."""

    def __init__(self, end):
        self.end = end
        self.request = b""
        self.masks = bytearray()  # four bytes a frame; an object a frame would tear a small heap into pieces

    def send(self, data):
        """Put raw bytes on the line; a real socket's buffer takes what the tests send."""
        view = memoryview(data)
        while view:
            view = view[self.end.s.write(view) or 0 :]

    def text(self, text):
        """Send one text message."""
        self.send(frame(TEXT, text if isinstance(text, bytes) else text.encode()))

    async def exactly(self, count):
        """Read count bytes. EOFError when the connection ends before."""
        data = bytearray(count)
        view = memoryview(data)
        while view:
            got = await self.end.readinto(view)
            if got == 0:
                raise EOFError
            view = view[got or 0 :]
        return data

    async def frame(self):
        """The next frame from the client: (opcode, payload, fin). Checks that it is masked and its length minimal."""
        first, second = await self.exactly(2)
        assert second & 0x80, "a client masks its frames"
        assert not first & 0x70, "reserved bits"
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(await self.exactly(2), "big")
            assert size >= 126
        elif size == 127:
            size = int.from_bytes(await self.exactly(8), "big")
            assert size >= 65536
        mask = await self.exactly(4)
        self.masks.extend(mask)
        payload = await self.exactly(size)
        for i in range(size):
            payload[i] ^= mask[i % 4]
        return first & 15, bytes(payload), bool(first & 0x80)

    async def message(self):
        """The next text message, pongs and pings left out."""
        text = b""
        while True:
            opcode, payload, fin = await self.frame()
            if opcode in (PING, PONG):
                continue
            if opcode == CLOSE:
                raise EOFError
            text += payload
            if fin:
                return str(text, "utf-8")

    async def closing(self):
        """Read up to the client's close frame; (code, reason)."""
        while True:
            opcode, payload, _ = await self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big"), str(payload[2:], "utf-8")

    async def head(self):
        """The client's upgrade request, as bytes."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += await self.exactly(1)
        self.request = data
        return data

    def field(self, name):
        """A header field of the request, or None."""
        for line in self.request.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    def accept(self):
        """The value that Sec-WebSocket-Accept must have."""
        return b2a_base64(sha1(self.field(b"Sec-WebSocket-Key") + GUID).digest()).strip()

    def answer(self, protocol=b"ocpp1.6", extra=b"", behind=b""):
        """Accept the upgrade, with `behind` in the same packet."""
        lines = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
        lines += b"Sec-WebSocket-Accept: " + self.accept() + b"\r\n" + extra
        if protocol is not None:
            lines += b"Sec-WebSocket-Protocol: " + protocol + b"\r\n"
        self.send(lines + b"\r\n" + behind)


async def listen(serve):
    """A TCP server on a free port; `serve(peer)` runs for each connection. Returns (server, port)."""

    async def job(reader, writer):
        try:
            await serve(Peer(writer))
        except (EOFError, OSError):
            pass
        finally:
            writer.s.close()

    while True:
        port = 20000 + int.from_bytes(os.urandom(2), "big") % 40000
        try:
            return await asyncio.start_server(job, "127.0.0.1", port), port
        except OSError:
            continue


async def until(condition, timeout_ms=5000, step_ms=1):
    """Let the loop run until condition() is true, looking every step_ms; AssertionError when it does not become so."""

    async def wait():
        while not condition():
            await asyncio.sleep_ms(step_ms)

    try:
        await asyncio.wait_for_ms(wait(), timeout_ms)
    except asyncio.TimeoutError:
        raise AssertionError("still not so after %d ms" % timeout_ms)


async def received_text(ws):
    """The next message of a WebSocket client, as text."""
    return str(await ws.recv(), "utf-8")
