"""Where an update is fetched from: only hosts this unit was told of, only over TLS, and only what was asked for (SEC-6).

A laboratory unit also fetches from plain http and ftp servers, for rigs that have nothing else. The signature of the
image is asked for even then.
"""

from charger.errors import HttpError, UpdateError
from charger.net import http_client, tls
from charger.net import url as urls


class DownloadSource:
    """`settings`: "hosts", "roots" (PEM or None). `lab`: True on a laboratory unit, which believes any host it is sent to."""

    def __init__(self, settings: dict, lab: bool, open_stream=None):
        self._hosts = settings["hosts"]
        self._roots = settings["roots"]
        self._lab = lab
        self._open_stream = open_stream

    def check(self, location: str):
        """The location as a Url; UpdateError unless it may be fetched. Nothing has been sent when it raises."""
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
        """A response (see net/http_client.py) whose body begins at `offset` if its status is 206, at 0 if it is 200.

        UpdateError for the origin; ConnectError and HttpError when there is no good answer.
        """
        url = self.check(location)
        if url.scheme == "ftp":
            from charger.net import ftp

            return await ftp.download(location, offset, open_stream=self._open_stream)
        fields = []
        if offset:
            fields.append(("Range", "bytes=%d-" % offset))
            if etag:
                fields.append(("If-Range", etag))
        context = tls.ClientContext(self._roots) if url.scheme == "https" else None
        response = await http_client.get(location, context, fields, open_stream=self._open_stream)
        if response.status not in ((200, 206) if offset else (200,)):
            response.close()
            raise HttpError("status", "HTTP status %d" % response.status)
        return response
