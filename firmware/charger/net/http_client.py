"""A small HTTP/1.1 client (RFC 9112): one request per connection, streamed both ways, with bounded sizes and waits.

    response = await http.request("GET", url, context, (("Range", "bytes=4096-"),))
    count = await response.readinto(view)  # 0 at the end
    response.close()

No body is held in memory as a whole. Only get() follows redirects, and only on the same server.
"""

from binascii import b2a_base64

from micropython import const

from charger import clock
from charger.errors import HttpError
from charger.net import tls
from charger.net import url as urls
from charger.net.http_response import Response

_CONNECT_MS = const(30000)
_STEP_MS = const(30000)  # for one write, and for one read
_ANSWER_MS = const(60000)  # time for the server to process an upload
_LATE_ANSWER_MS = const(2000)  # for an answer that the server sent before it closed the connection
_BUFFER = const(512)
_RETRY_MS = const(20)
_REDIRECTS = const(3)


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
