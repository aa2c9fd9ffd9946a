"""FTP client, passive mode (RFC 959, 2428), for laboratory units only: it sends the login unencrypted (SEC-12)."""

import asyncio

from micropython import const

from charger import clock
from charger.errors import FtpError
from charger.net import http_client, tls
from charger.net import url as urls

_CONNECT_MS = const(30000)
_STEP_MS = const(30000)
_LINE = const(1024)
_LINES = const(64)  # of one reply
_BUFFER = const(256)


class _Control:
    """The control connection: sends commands, reads replies."""

    def __init__(self, stream: Any, step_ms: int):
        self.stream = stream
        self._step_ms = step_ms
        self._buffer = bytearray(_BUFFER)
        self._at = self._end = 0

    async def command(self, word: str, argument: bytes = b"") -> tuple:
        """Send a command and return (code, text) of its reply."""
        if any(c in b"\r\n\0" for c in argument):
            raise ValueError("a line end in an argument")
        line = word.encode() + (b" " + argument if argument else b"") + b"\r\n"
        await http_client.send_all(self.stream, line, self._step_ms)
        return await self.reply()

    async def must(self, good: int, word: str, argument: bytes = b"") -> tuple:
        """Send a command; FtpError unless the reply's code begins with this digit."""
        code, text = await self.command(word, argument)
        if code // 100 != good:
            raise FtpError(code, "%s answered with %d" % (word, code))
        return code, text

    async def reply(self) -> tuple:
        """Read the next reply: (code, text); of a reply in several lines the last line."""
        first = await self._line()
        code = _code(first)
        if first[3:4] != b"-":
            return code, first[4:]
        for _ in range(_LINES):
            line = await self._line()
            if line[:3] == first[:3] and line[3:4] == b" ":
                return code, line[4:]
        raise FtpError(0, "a reply without an end")

    async def _line(self) -> bytes:
        out = bytearray()
        started = clock.ticks_ms()
        while True:
            if self._at == self._end:
                self._at = self._end = 0
                left_ms = max(1, self._step_ms - clock.elapsed_ms(started))
                try:
                    count = await asyncio.wait_for_ms(self.stream.readinto(self._buffer), left_ms)
                except asyncio.TimeoutError:
                    raise FtpError(0, "no reply within %d ms" % self._step_ms)
                if count == 0:
                    raise FtpError(0, "closed by the server")
                self._end = count or 0
                continue
            c = self._buffer[self._at]
            self._at += 1
            if c == 10:
                return bytes(out).rstrip(b"\r")
            out.append(c)
            if len(out) > _LINE:
                raise FtpError(0, "a line without an end")


def _code(line: bytes) -> int:
    if len(line) < 3 or not line[:3].isdigit() or not 100 <= int(line[:3]) < 600:
        raise FtpError(0, "not an FTP reply")
    return int(line[:3])


async def upload(location: str, name: str, pieces: Any, step_ms: int = _STEP_MS, open_stream: Callable | None = None) -> None:
    """Upload an iterable of bytes as `name` into the URL's folder; anonymous when the URL has no login.

    If the folder does not exist, the last part of the URL's path is the file's name. FtpError, HttpError (the
    connection), ConnectError; ValueError for a URL that cannot be used.
    """
    url = _split(location)
    stream = (await (open_stream or tls.open_stream)(url.host, url.port, None, _CONNECT_MS))[0]
    try:
        control = _Control(stream, step_ms)
        await _log_in(control, url.login)
        target = await _change_folder(control, urls.unquote(url.path[1:]), name.encode())
        await _store(control, url.host, target, pieces, step_ms, open_stream)
        await http_client.send_all(stream, b"QUIT\r\n", step_ms)
    except OSError as error:
        raise FtpError(0, "connection lost, error %s" % error.errno)
    finally:
        stream.s.close()


class FtpDownload:
    """A download with the part of http_response.Response that the update engine uses: status 206 when it was requested
    from an offset, 200 from its beginning."""

    def __init__(self, control: Any, data: Any, step_ms: int, offset: int, size: int | None):
        self.status = 206 if offset else 200
        self.length = None
        self.fields = {}
        self._control = control
        self._data = data
        self._step_ms = step_ms
        self._offset = offset
        self._size = size

    def content_range(self) -> tuple | None:
        """Return (first, last, size) as HTTP's Content-Range does, or None when the server does not support SIZE."""
        if self._size is None:
            return None
        return self._offset, self._size - 1, self._size

    async def readinto(self, view: memoryview) -> int:
        """Read into the buffer; returns 0 at the end, after the server's confirmation of the transfer."""
        try:
            count = await asyncio.wait_for_ms(self._data.readinto(view), self._step_ms)
        except asyncio.TimeoutError:
            raise http_client.HttpError("timeout", "nothing came within %d ms" % self._step_ms)
        except OSError as error:
            raise http_client.HttpError("closed", "connection lost, error %s" % error.errno)
        if not count and self._control is not None:
            control, self._control = self._control, None
            code, _ = await control.reply()
            control.stream.s.close()
            if code // 100 != 2:
                raise http_client.HttpError("closed", "the file was cut")
        return count or 0

    def close(self) -> None:
        """Close both connections; may be called again."""
        self._data.s.close()
        if self._control is not None:
            self._control.stream.s.close()
            self._control = None


async def download(location: str, offset: int = 0, step_ms: int = _STEP_MS, open_stream: Callable | None = None) -> FtpDownload:
    """Start the download of the URL's file at an offset. FtpError, HttpError, ConnectError; ValueError for the URL."""
    url = _split(location)
    stream = (await (open_stream or tls.open_stream)(url.host, url.port, None, _CONNECT_MS))[0]
    try:
        control = _Control(stream, step_ms)
        await _log_in(control, url.login)
        path = urls.unquote(url.path[1:])
        size = None
        if offset:
            _, text = await control.must(2, "SIZE", path)
            if not text.strip().isdigit():
                raise FtpError(0, "size")
            size = int(text)
        data = (await (open_stream or tls.open_stream)(url.host, await _passive(control), None, _CONNECT_MS))[0]
        try:
            if offset:
                await control.must(3, "REST", b"%d" % offset)
            await control.must(1, "RETR", path)
        except BaseException:
            data.s.close()
            raise
    except OSError as error:
        stream.s.close()
        raise FtpError(0, "connection lost, error %s" % error.errno)
    except BaseException:
        stream.s.close()
        raise
    return FtpDownload(control, data, step_ms, offset, size)


def _split(location: str):
    """Parse an ftp URL. ValueError."""
    url = urls.split(location)
    if url.scheme != "ftp":
        raise ValueError("not an ftp URL")
    return url


async def _log_in(control: _Control, login: tuple | None) -> None:
    """Read the greeting, log in (anonymously without a login) and select binary transfer. FtpError."""
    code, _ = await control.reply()
    if code != 220:
        raise FtpError(code, "the server is not ready")
    user, password = login or (b"anonymous", b"pilotlight@")
    code, _ = await control.command("USER", user)
    if code == 331:
        code, _ = await control.command("PASS", password)
    if code // 100 != 2:
        raise FtpError(code, "login refused")
    await control.must(2, "TYPE", b"I")


async def _change_folder(control: Any, path: bytes, name: bytes) -> bytes:
    """Change to the URL's folder; return the name to store the file under."""
    folder = path.rstrip(b"/")
    if not folder:
        return name
    code, _ = await control.command("CWD", folder)
    if code // 100 == 2:
        return name
    if path.endswith(b"/"):
        raise FtpError(code, "no such folder")
    return path


async def _store(control: Any, host: str, target: bytes, pieces: Any, step_ms: int, open_stream: Callable | None) -> None:
    port = await _passive(control)
    data = (await (open_stream or tls.open_stream)(host, port, None, _CONNECT_MS))[0]
    try:
        await control.must(1, "STOR", target)
        await http_client.send_pieces(data, pieces, None, step_ms)
    finally:
        data.s.close()
    code, _ = await control.reply()
    if code // 100 != 2:
        raise FtpError(code, "not stored")


async def _passive(control: Any) -> int:
    """Return the data port. The data host is always that of the control connection; another one in the reply is ignored."""
    code, text = await control.command("EPSV")
    at = text.find(b"(|||")
    if code == 229 and at >= 0:
        port = text[at + 4 :].partition(b"|")[0]
        if port.isdigit() and 0 < int(port) < 65536:
            return int(port)
        raise FtpError(0, "passive mode")
    _, text = await control.must(2, "PASV")
    numbers = text[text.rfind(b"(") + 1 :].partition(b")")[0].split(b",")
    if len(numbers) == 6 and all(n.strip().isdigit() and int(n) < 256 for n in numbers):
        port = int(numbers[4]) * 256 + int(numbers[5])
        if port:
            return port
    raise FtpError(0, "passive mode")
