"""Upload of one file to a location from the back end: HTTPS; on a laboratory unit also HTTP and FTP (OCPP-118, SEC-12).

A location that ends with "/" is a folder: the file is PUT there under its name. Any other location gets a POST. If the
server does not support the method, the other one is tried. A login in the location is sent as Basic authentication,
over HTTPS only after the server's certificate and name were verified.

The file is never in RAM as a whole: `pieces()` returns a new iterator of it, once to count and once to send.
"""

import asyncio
import gc

from micropython import const

from charger import clock, log
from charger.errors import BAD_LOCATION, FAILED, NOT_SUPPORTED, ConnectError, DnsError, FtpError, HttpError, UploadError
from charger.net import dns, http_client, tls
from charger.net import url as urls

_WHOLE_MS = const(900000)  # for one attempt


class Uploader:
    """`roots()` returns the trusted root certificates (PEM) or None; `lab` is True on a laboratory unit.

    A host in a private network is contacted by a laboratory unit, when it is the host `back_end`, or when `home` is True: the
    back end must not find out through uploads what is in the owner's network.
    """

    def __init__(self, roots: Callable, lab: bool, open_stream: Callable | None = None, back_end: str | None = None,
                 home: bool = False):
        self._roots = roots
        self._lab = lab
        self._anywhere = lab or home
        self._back_end = back_end
        self._open_stream = open_stream

    async def send(self, location: str, name: str, pieces: Callable) -> None:
        """Upload the bytes of pieces() as the file `name`. UploadError when it fails."""
        try:
            url = urls.split(location)
        except ValueError as error:
            raise UploadError(BAD_LOCATION, str(error))
        if url.scheme not in (("https", "http", "ftp") if self._lab else ("https",)):
            raise UploadError(NOT_SUPPORTED, "this unit does not upload by " + url.scheme)
        log.info("upload", "%s to %s" % (name, url))
        gc.collect()
        try:
            await asyncio.wait_for_ms(self._send(url, location, name, pieces), _WHOLE_MS)
        except asyncio.TimeoutError:
            raise UploadError(FAILED, "not done within %d s" % (_WHOLE_MS // 1000))
        except (ConnectError, HttpError, OSError) as error:
            raise UploadError(FAILED, str(error) or log.reason(error))
        except ValueError as error:
            raise UploadError(BAD_LOCATION, str(error))

    def _may_be_private(self, url: Url) -> bool:
        return self._anywhere or url.host == self._back_end

    async def _check_host(self, url: Url) -> None:
        """UploadError for a host in a private network that may not be contacted; net/tls.py looks again at each connection."""
        if self._may_be_private(url):
            return
        try:
            address = await dns.default().resolve(url.host)
        except DnsError as error:
            raise UploadError(FAILED, str(error))
        if dns.is_private(address):
            raise UploadError(FAILED, "the host is in a private network")

    async def _send(self, url: Url, location: str, name: str, pieces: Callable) -> None:
        await self._check_host(url)
        if url.scheme == "ftp":
            await self._by_ftp(location, name, pieces)
            return
        folder = url.path.partition("?")[0].endswith("/")
        methods = ("PUT", "POST") if folder else ("POST", "PUT")
        status = 0
        for method in methods:
            status = await self._by_http(method, url, name, pieces, folder)
            if status not in (405, 501):
                break
        if not 200 <= status < 300:
            raise UploadError(FAILED, "HTTP status %d" % status)

    async def _by_http(self, method: str, url: Url, name: str, pieces: Callable, folder: bool) -> int:
        """Send one request and return its status."""
        target = url
        fields = [("Content-Type", "text/plain; charset=utf-8")]
        if folder and method == "PUT":
            path, question, query = url.path.partition("?")
            target = urls.Url(url.scheme, url.host, url.port, path + name + question + query, url.login)
        else:
            fields.append(("Content-Disposition", 'attachment; filename="%s"' % name))
        length = 0
        for piece in pieces():
            length += len(piece)
            await clock.sleep_ms(0)  # yield: a long archive must not block other tasks
        context = tls.ClientContext(self._roots()) if url.scheme == "https" else None
        if context is not None:
            context.public = not self._may_be_private(url)
        response = await http_client.request(
            method, target, context, fields, fitted(pieces(), length), length, open_stream=self._open_stream
        )
        response.close()
        return response.status

    async def _by_ftp(self, location: str, name: str, pieces: Callable) -> None:
        from charger.net import ftp  # 3,200 frozen bytes, for a back end that takes uploads by FTP

        try:
            await ftp.upload(location, name, pieces(), open_stream=self._open_stream)
        except FtpError as error:
            raise UploadError(FAILED, str(error))


def fitted(pieces: Iterable, length: int) -> Iterator:
    """Yield exactly `length` bytes, as announced: truncate what was appended since the count, pad what was removed."""
    left = length
    for piece in pieces:
        if len(piece) > left:
            piece = memoryview(piece)[:left]
        left -= len(piece)
        yield piece
        if not left:
            return
    while left > 0:
        yield b"\n" * min(left, 64)
        left -= min(left, 64)
