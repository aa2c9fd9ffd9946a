"""The source of updates: only configured hosts, only over TLS, only the requested bytes (SEC-6).

A laboratory unit also fetches from plain http and ftp servers, for test rigs. The image's signature is required there,
too.
"""

from charger.errors import HttpError, UpdateError
from charger.net import http_client, time_sources, tls
from charger.net import url as urls


class DownloadSource:
    """`settings`: "hosts", "roots" (PEM or None). `lab`: True on a laboratory unit, which accepts any host."""

    def __init__(self, settings: dict, lab: bool, open_stream: Callable | None = None):
        self._hosts = settings["hosts"]
        self._roots = settings["roots"]
        self._lab = lab
        self._open_stream = open_stream

    def check(self, location: str):
        """Return the location as a Url; UpdateError, before anything is sent, when it is not allowed."""
        try:
            url = urls.split(location)
        except ValueError as error:
            raise UpdateError("origin", str(error))
        if url.scheme not in (("https", "http", "ftp") if self._lab else ("https",)):
            raise UpdateError("origin", "updates do not come by " + url.scheme)
        if not (url.host.lower() in self._hosts or (self._lab and not self._hosts)):
            raise UpdateError("origin", "%s is no update host" % url.host)
        return url

    async def open(self, location: str, offset: int = 0, etag: str = ""):
        """Request the file; return a response (net/http_response.py) that begins at `offset` for status 206, at 0 for 200.

        UpdateError for the origin; ConnectError and HttpError when the request fails.
        """
        url = self.check(location)
        if url.scheme == "ftp":
            from charger.net import ftp  # 3,200 frozen bytes, for a back end that offers updates by FTP

            return await ftp.download(location, offset, open_stream=self._open_stream)
        fields = []
        if offset:
            fields.append(("Range", "bytes=%d-" % offset))
            if etag:
                fields.append(("If-Range", etag))
        context = tls.ClientContext(self._roots) if url.scheme == "https" else None
        response = await http_client.get(location, context, fields, open_stream=self._open_stream)
        if context is not None:
            time_sources.heard_date(url.host, response.fields.get("date"))
        if response.status not in ((200, 206) if offset else (200,)):
            response.close()
            raise HttpError("status", "HTTP status %d" % response.status)
        return response
