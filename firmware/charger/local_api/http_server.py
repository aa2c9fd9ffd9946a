"""An HTTP/1.1 server for a JSON API and a few files, strict and bounded: what is not fully understood is refused (SEC-13).

RFC 9112 without chunked bodies, continuation lines, duplicates of the evaluated headers, and percent-encoding.
"""

from micropython import const

from charger import clock, validate
from charger.errors import RequestError

HEAD = const(2048)  # bytes of request line and headers together
BODY = const(2048)
_LINES = const(65)  # of a head: browsers send some twenty
_TARGET = const(200)
_STEP = const(512)  # initial size and growth of the buffer, small enough for a fragmented heap
_CHUNK = const(512)  # bytes per write
_RETRY_MS = const(20)
_WRITE_MS = const(10000)

_HEADERS = (
    "host", "origin", "cookie", "content-length", "content-type", "transfer-encoding", "x-csrf-token", "connection",
    "expect", "sec-fetch-site", "if-none-match",
    "authorization",
)  # fmt: skip
_WORDS = {
    200: "OK", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 411: "Length Required", 413: "Content Too Large", 415: "Unsupported Media Type",
    417: "Expectation Failed", 421: "Misdirected Request", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
    503: "Service Unavailable", 505: "HTTP Version Not Supported",
}  # fmt: skip
_ALWAYS = "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
_JSON = "Content-Type: application/json\r\nCache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\n"


class Request:
    """`method`, `path`, `query` (text), `fields` (received headers of _HEADERS, by lower-case name), `body`."""

    def __init__(self, method: str, target: str, fields: dict, lasting: bool):
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.fields = fields
        self.lasting = lasting  # the connection stays open
        self.body = bytearray(0)


class HttpConnection:
    """Requests of one stream, one after the other. `first`: what has been read of the first one."""

    def __init__(self, stream: Any, first: bytes = b""):
        self._stream = stream
        self._buffer = bytearray(_STEP)
        self._used = len(first)
        self._buffer[: self._used] = first

    async def read(self) -> Request:
        """The next request. Bad, EOFError at the end of the stream, OSError, ValueError by TLS."""
        end = await self._head()
        request = _parse(self._buffer[: end - 4])
        self._drop(end)
        await clock.sleep_ms(0)
        length = _length(request)
        request.body = bytearray(length)
        view = memoryview(request.body)
        at = min(length, self._used)
        view[:at] = memoryview(self._buffer)[:at]
        self._drop(at)
        while at < length:
            at += await self._some(view[at:])
        return request

    async def _head(self) -> int:
        """Read the head into the buffer; return its length with the empty line."""
        while True:
            end = self._buffer.find(b"\r\n\r\n", 0, self._used)
            if end >= 0:
                return end + 4
            if self._used == HEAD:
                raise RequestError(431, "The request's head is longer than %d bytes." % HEAD, True)
            if self._used == len(self._buffer):
                self._buffer.extend(bytes(_STEP))
            self._used += await self._some(memoryview(self._buffer)[self._used :])

    async def _some(self, view: memoryview) -> int:
        while True:
            count = await self._stream.readinto(view)
            if count:
                return count
            if count == 0:
                raise EOFError("closed by the client")

    def _drop(self, count: int) -> None:
        rest = self._used - count
        self._buffer[:rest] = self._buffer[count : self._used]
        self._used = rest

    async def write(self, status: int, pieces: list, more: str, last: bool, kind: str = _JSON) -> None:
        """Write an answer whose text comes in pieces, JSON unless `kind` has the header lines of another type.

        OSError when the client does not accept it in time.
        """
        total = 0
        for piece in pieces:
            total += len(memoryview(piece))
        chunk = bytearray(0)
        started = clock.ticks_ms()
        pieces.insert(0, _head_of(status, total, kind + more, last))
        for piece in pieces:
            view = memoryview(piece)  # type: ignore[arg-type] - MicroPython's str has the buffer protocol
            while view:
                count = min(len(view), _CHUNK - len(chunk))
                chunk.extend(view[:count])
                view = view[count:]
                if len(chunk) == _CHUNK:
                    await self._send(chunk, started)
                    await clock.sleep_ms(0)
                    chunk = bytearray(0)
        await self._send(chunk, started)

    async def write_file(self, status: int, data: bytes, more: str, last: bool) -> None:
        """Write a file from where it lies, piece by piece and without a copy; of a 304 the head. OSError as write().

        `more` has the file's type.
        """
        started = clock.ticks_ms()
        await self._send(_head_of(status, len(data), more, last), started)
        if status == 304:
            return
        view = memoryview(data)
        for at in range(0, len(data), _CHUNK):
            await self._send(view[at : at + _CHUNK], started)
            await clock.sleep_ms(0)  # what encrypts a piece takes a millisecond of board time

    async def _send(self, data: Any, started: int) -> None:
        view = memoryview(data)
        while view:
            view = view[self._stream.s.write(view) or 0 :]
            if view:
                if clock.elapsed_ms(started) > _WRITE_MS:
                    raise OSError("the client does not read its answer")
                await clock.sleep_ms(_RETRY_MS)


def _head_of(status: int, length: int, more: str, last: bool) -> str:
    return "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n%s%s%s\r\n" % (
        status, _WORDS[status], length, _ALWAYS, more, "Connection: close\r\n" if last else "",
    )  # fmt: skip


def _parse(head: bytearray) -> Request:
    """Parse a head of printable ASCII, line ends, and tabs in its lines."""
    lines = (str(head, "ascii") if head and max(head) < 0x7F else "\0").split("\r\n")
    words = lines[0].split(" ")
    if not validate.printable(lines[0]) or len(words) != 3 or not words[0].isalpha() or len(words[0]) > 7 or words[1][:1] != "/":
        raise RequestError(400, "Not an HTTP request.", True)
    if words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise RequestError(505, "Only HTTP/1.1 is supported.", True)
    if len(words[1]) > _TARGET or "%" in words[1]:
        raise RequestError(400, "The path is too long or has escapes.", True)
    if len(lines) > _LINES:
        raise RequestError(431, "The request has more than %d header fields." % (_LINES - 1), True)
    fields = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or not validate.printable(value.replace("\t", " ")) or min(name.encode()) <= 0x20:
            raise RequestError(400, "A header line is malformed.", True)
        name = name.lower()
        if name in _HEADERS:
            if name in fields:
                raise RequestError(400, "Duplicate header %s." % name, True)
            fields[name] = value.strip(" \t")
    lasting = words[2] == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    return Request(words[0], words[1], fields, lasting)


def _length(request: Request) -> int:
    """Return the length of the body. When its end is ambiguous, the connection is closed after the answer."""
    fields = request.fields
    if "transfer-encoding" in fields:
        raise RequestError(501, "A body needs a Content-Length.", True)
    if "expect" in fields:
        raise RequestError(417, "Send the body at once.", True)
    text = fields.get("content-length")
    if text is None:
        if request.method in ("POST", "PUT"):
            raise RequestError(411, "A Content-Length is missing.", True)
        return 0
    if not text.isdigit() or len(text) > 9:
        raise RequestError(400, "The Content-Length is not a number.", True)
    if int(text) > BODY:
        raise RequestError(413, "The body is longer than %d bytes." % BODY, True)
    if int(text) and request.method not in ("POST", "PUT"):
        raise RequestError(400, "This method has no body.", True)
    return int(text)
