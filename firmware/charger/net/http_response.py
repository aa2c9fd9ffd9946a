"""The answer to an HTTP request (RFC 9112): its head, then its body in pieces, with bounded sizes and waits."""

import asyncio

from micropython import const

from charger import clock
from charger.errors import HttpError

_WHOLE_MS = const(300000)  # for a head, and for a body that is read as a whole: a byte now and then keeps the other limits
_HEAD_BYTES = const(8192)
_FIELDS = const(100)  # of a head
_SLICE = const(16)  # fields between two yields to other tasks
_LINE = const(2048)
_CHUNK_LINE = const(128)
_INTERIM = const(4)  # 1xx answers
_LONGEST = const(0x3FFFFFFF)  # of a body: a small integer on a 32-bit board
_BUFFER = const(512)
_RETRY_MS = const(20)


class Response:
    """`status`; `fields` by lower-case name; `length` of the body in bytes, None when it is not announced.

    `complete_by_close` is True for a body that ends with the connection: it may be truncated.
    """

    def __init__(self, stream: Any, step_ms: int):
        self._stream = stream
        self._step_ms = step_ms
        self._buffer = bytearray(_BUFFER)
        self._at = self._end = 0
        self._chunked = False
        self._left = 0  # of the body, or of the present chunk
        self._over = True
        self._begun = self._whole_ms = 0  # time limit and its begin, in ms; 0: no limit but that of each read
        self.status = 0
        self.fields = {}
        self.length = None
        self.complete_by_close = False

    # --- the body ---

    async def readinto(self, view: Any) -> int:
        """Read a part of the body; returns 0 at its end. HttpError when it is truncated, malformed or late."""
        if self._over or not len(view):
            return 0
        if self._chunked and not self._left and not await self._next_chunk():
            self._over = True
            return 0
        if self.complete_by_close:
            count = await self._take(view, len(view), True)
            self._over = count == 0
            return count
        count = await self._take(view, self._left)
        self._left -= count
        if not self._left:
            if self._chunked:
                if await self._line(_CHUNK_LINE):
                    raise HttpError("protocol", "a chunk does not end where it should")
            else:
                self._over = True
        return count

    async def read(self, most: int) -> bytes:
        """Read the whole body. HttpError when it is longer than `most` bytes."""
        out = bytearray()
        self._begun, self._whole_ms = clock.ticks_ms(), _WHOLE_MS
        piece = memoryview(bytearray(min(_BUFFER, most + 1)))
        while True:
            count = await self.readinto(piece)
            if not count:
                return bytes(out)
            if len(out) + count > most:
                raise HttpError("protocol", "more than %d bytes" % most)
            out.extend(piece[:count])

    def content_range(self) -> tuple | None:
        """Return (first, last, total size or None) of a 206, None without a valid Content-Range."""
        unit, _, rest = self.fields.get("content-range", "").partition(" ")
        span, slash, whole = rest.partition("/")
        first, dash, last = span.partition("-")
        if unit != "bytes" or not slash or not dash or _number(first) is None or _number(last) is None:
            return None
        size = None if whole == "*" else _number(whole)
        if (size is None and whole != "*") or int(last) < int(first) or (size is not None and int(last) >= size):
            return None
        return int(first), int(last), size

    def close(self) -> None:
        """Close the connection; may be called again."""
        if self._stream is not None:
            self._stream.s.close()
            self._stream = None
            self._over = True

    async def _next_chunk(self) -> bool:
        """Read the line before a chunk; False after the last one, whose trailers are dropped."""
        await clock.sleep_ms(0)  # a buffer may hold a hundred chunks
        text = (await self._line(_CHUNK_LINE)).partition(b";")[0].strip()
        if not 0 < len(text) <= 8 or not all(c in b"0123456789abcdefABCDEF" for c in text):
            raise HttpError("protocol", "length of a chunk")
        self._left = int(text, 16)
        if self._left > _LONGEST:
            raise HttpError("protocol", "length of a chunk")
        if self._left:
            return True
        seen = 0
        while True:
            line = await self._line(_LINE)
            seen += len(line)
            if not line:
                return False
            if seen > _LINE:
                raise HttpError("protocol", "trailers without an end")

    # --- the head ---

    async def head(self, method: str) -> None:
        """Read the answer's head; 1xx answers are skipped."""
        for _ in range(_INTERIM):
            self._set_status(await self._line(_LINE))
            self.fields = await self._read_fields()
            if self.status >= 200:
                self._set_body(method)
                return
        raise HttpError("protocol", "nothing but interim answers")

    def _set_status(self, line: bytes) -> None:
        words = line.split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or len(words[1]) != 3 or not words[1].isdigit():
            raise HttpError("protocol", "not an HTTP answer")
        self.status = int(words[1])
        if not 100 <= self.status <= 599 or self.status == 101:
            raise HttpError("protocol", "not a status of HTTP")

    async def _read_fields(self) -> dict:
        """Read header fields by lower-case name; values of a repeated field are joined by commas (RFC 9110)."""
        fields = {}
        size = count = 0
        while True:
            line = await self._line(_LINE)
            if not line:
                return fields
            size += len(line)
            count += 1
            if size > _HEAD_BYTES or count > _FIELDS:
                raise HttpError("protocol", "a head without an end")
            if not count % _SLICE:
                await clock.sleep_ms(0)  # the buffer may hold all of them
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip():
                raise HttpError("protocol", "malformed header")
            try:
                name = str(name, "ascii").lower()
                value = str(value.strip(), "utf-8")
            except UnicodeError:
                continue  # not used here
            fields[name] = fields[name] + "," + value if name in fields else value

    def _set_body(self, method: str) -> None:
        """Determine where the body ends (RFC 9112 section 6.3). Ambiguous heads are refused."""
        fields = self.fields
        if method == "HEAD" or self.status in (204, 304):
            self.length = 0
            return
        if fields.get("content-encoding", "identity").lower() != "identity":
            raise HttpError("protocol", "an encoding that we did not ask for")
        self._over = False
        if "transfer-encoding" in fields:
            if fields["transfer-encoding"].lower() != "chunked" or "content-length" in fields:
                raise HttpError("protocol", "length of the body")
            self._chunked = True
        elif "content-length" in fields:
            values = fields["content-length"].split(",")
            length = _number(values[0])
            if length is None or any(value.strip() != values[0] for value in values):
                raise HttpError("protocol", "length of the body")
            self.length = self._left = length
            self._over = length == 0
        else:
            self.complete_by_close = True

    # --- bytes ---

    async def _fill(self, may_end: bool = False) -> bool:
        """Read into the empty buffer; returns False at the end of the connection if it may end here."""
        self._at = self._end = 0
        started = clock.ticks_ms()
        if self._whole_ms and clock.elapsed_ms(self._begun) > self._whole_ms:
            raise HttpError("timeout", "not done within %d ms" % self._whole_ms)
        while not self._end:
            left_ms = self._step_ms - clock.elapsed_ms(started)
            try:
                count = await asyncio.wait_for_ms(self._stream.readinto(self._buffer), max(1, left_ms))
            except asyncio.TimeoutError:
                raise HttpError("timeout", "nothing came within %d ms" % self._step_ms)
            except OSError as error:
                raise HttpError("closed", "connection lost, error %s" % error.errno)
            if count == 0:
                if may_end:
                    return False
                raise HttpError("closed", "closed in the middle")
            self._end = count or 0
            if not count:
                await clock.sleep_ms(_RETRY_MS)
        return True

    async def _line(self, most: int) -> bytes:
        """Read one line without its end, of `most` bytes at the most. A bare LF also ends a line (RFC 9112 section 2.2)."""
        out = bytearray()
        while True:
            if self._at == self._end:
                await self._fill()
            at = self._buffer.find(b"\n", self._at, self._end)
            end = self._end if at < 0 else at
            out.extend(memoryview(self._buffer)[self._at : end])
            if len(out) > most:
                raise HttpError("protocol", "a line without an end")
            self._at = end
            if at >= 0:
                self._at += 1
                line = bytes(out)
                return line[:-1] if line.endswith(b"\r") else line

    async def _take(self, view: Any, most: int, may_end: bool = False) -> int:
        if self._at == self._end and not await self._fill(may_end):
            return 0
        count = min(len(view), most, self._end - self._at)
        view[:count] = memoryview(self._buffer)[self._at : self._at + count]
        self._at += count
        return count

    async def read_head_of(self, method: str, wait_ms: int) -> None:
        """Read the head with its own time limit, then restore the usual one."""
        usual, self._step_ms = self._step_ms, wait_ms
        self._begun, self._whole_ms = clock.ticks_ms(), _WHOLE_MS
        try:
            await self.head(method)
        finally:
            self._step_ms, self._whole_ms = usual, 0


def _number(text: str) -> int | None:
    text = text.strip()
    if not 0 < len(text) <= 10 or not all(ch in "0123456789" for ch in text):
        return None
    value = int(text)
    return value if value <= _LONGEST else None
