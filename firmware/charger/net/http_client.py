"""A small HTTP/1.1 client (RFC 9112): one request per connection, streamed both ways, with bounded sizes and waits.

    response = await http.request("GET", url, context, (("Range", "bytes=4096-"),))
    count = await response.readinto(view)  # 0 at the end
    response.close()

No body is held in memory as a whole. Only get() follows redirects, and only on the same server.
"""

import asyncio
from binascii import b2a_base64

from micropython import const

from charger import clock
from charger.errors import HttpError
from charger.net import tls
from charger.net import url as urls

_CONNECT_MS = const(30000)
_STEP_MS = const(30000)  # for one write, and for one read
_WHOLE_MS = const(300000)  # for a head, and for a body that is read as a whole: a byte now and then keeps the other limits
_ANSWER_MS = const(60000)  # time for the server to process an upload
_LATE_ANSWER_MS = const(2000)  # for an answer that the server sent before it closed the connection
_HEAD_BYTES = const(8192)
_FIELDS = const(100)  # of a head
_LINE = const(2048)
_CHUNK_LINE = const(128)
_BUFFER = const(512)
_RETRY_MS = const(20)
_INTERIM = const(4)  # 1xx answers
_REDIRECTS = const(3)
_LONGEST = const(0x3FFFFFFF)  # of a body: a small integer on a 32-bit board


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


def _head(method: str, url: Url, fields: Any, length: int | None) -> bytes:
    """Encode the request's head. ValueError for values that could inject header fields."""
    lines = [
        "%s %s HTTP/1.1" % (method, url.path),
        "Host: " + url.authority,
        "Connection: close",
        "Accept-Encoding: identity",
        "User-Agent: Pilotlight",
    ]
    if length is not None:
        lines.append("Content-Length: %d" % length)
    if url.login is not None:
        token = b2a_base64(url.login[0] + b":" + url.login[1])
        lines.append("Authorization: Basic " + str(token, "ascii").strip())
    for name, value in fields:
        lines.append("%s: %s" % (name, value))
    for line in lines:
        if any(not 0x20 <= ord(ch) < 0x7F for ch in line):
            raise ValueError("a character that no header may hold")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def send_all(stream: Any, view: Buffer, step_ms: int = _STEP_MS) -> None:
    """Write all of view, retrying while the peer is slow. HttpError when the peer accepts nothing for step_ms.

    Not with drain(): see websocket.py.
    """
    view = memoryview(view)
    moved = clock.ticks_ms()
    while len(view):
        try:
            count = stream.s.write(view)
        except OSError as error:
            raise HttpError("closed", "connection lost, error %s" % error.errno)
        if count:
            view = view[count:]
            moved = clock.ticks_ms()
        elif clock.elapsed_ms(moved) > step_ms:
            raise HttpError("timeout", "nothing was taken within %d ms" % step_ms)
        else:
            await clock.sleep_ms(_RETRY_MS)


async def send_pieces(stream: Any, pieces: Any, length: int | None, step_ms: int = _STEP_MS) -> None:
    """Write an iterable of bytes, joined into larger writes; checks the total against `length`. HttpError, ValueError."""
    buffer = memoryview(bytearray(_BUFFER))
    used = sent = 0
    for piece in pieces:
        piece = memoryview(piece)
        sent += len(piece)
        if length is not None and sent > length:
            raise ValueError("a body longer than announced")
        while len(piece):
            count = min(len(piece), _BUFFER - used)
            buffer[used : used + count] = piece[:count]
            piece = piece[count:]
            used += count
            if used == _BUFFER:
                await send_all(stream, buffer, step_ms)
                await clock.sleep_ms(0)
                used = 0
    if length is not None and sent < length:
        raise ValueError("a body shorter than announced")
    await send_all(stream, buffer[:used], step_ms)


async def request(
    method: str, url: Url, context: Any | None = None, fields: Any = (), body: Any | None = None, length: int | None = None,
    step_ms: int = _STEP_MS, answer_ms: int = _ANSWER_MS, open_stream: Callable | None = None,
) -> Response:  # fmt: skip
    """Send a request and return its answer, whose body is not read yet. `url` is a Url or text.

    context    tls.ClientContext, needed for https
    fields     further header fields, pairs of text
    body       iterable of bytes, `length` bytes in sum
    step_ms    time limit of one read or write; answer_ms: of the answer's first byte

    ConnectError when there is no connection, HttpError for later failures, ValueError for an invalid request.
    """
    if isinstance(url, str):
        url = urls.split(url)
    if url.scheme not in ("http", "https") or (url.scheme == "https") != (context is not None):
        raise ValueError("https goes with a TLS context, http without")
    head = _head(method, url, fields, length)
    stream = (await (open_stream or tls.open_stream)(url.host, url.port, context, _CONNECT_MS))[0]
    response = Response(stream, step_ms)
    try:
        try:
            await send_all(stream, head, step_ms)
            if body is not None:
                await send_pieces(stream, body, length, step_ms)
        except HttpError as error:
            await _said_before(response, method, error)
            return response
        await response.read_head_of(method, answer_ms)
        return response
    except OSError as error:
        response.close()
        raise HttpError("closed", "connection lost, error %s" % error.errno)
    except BaseException:  # a cancelled request closes its socket, too
        response.close()
        raise


async def _said_before(response: Response, method: str, error: HttpError) -> None:
    """Prefer an answer that the server sent before it closed: it may refuse a body before it has read all of it."""
    try:
        await response.read_head_of(method, _LATE_ANSWER_MS)
    except HttpError:
        raise error
    if response.status < 300:
        raise error  # the server cannot have received all of the body


async def get(url: str, context: Any | None = None, fields: Any = (), **options) -> Response:
    """Send a GET and follow a few redirects to the same scheme, host and port. Any other redirect is an HttpError."""
    target = urls.split(url)
    for _ in range(_REDIRECTS + 1):
        response = await request("GET", target, context, fields, **options)
        if response.status not in (301, 302, 303, 307, 308):
            return response
        response.close()
        target = _redirected(target, response.fields.get("location", ""))
    raise HttpError("redirect", "redirected too often")


def _redirected(target: Any, location: str):
    """Return the URL of a redirect: a path or an absolute URL on the same server, with the same login."""
    try:
        if location.startswith("/") and not location.startswith("//"):
            location = "%s://%s%s" % (target.scheme, target.authority, location)
        found = urls.split(location)
    except ValueError:
        raise HttpError("redirect", "redirected without a location")
    if not found.on_same_server(target):
        raise HttpError("redirect", "redirected to another server")
    found.login = target.login
    return found
