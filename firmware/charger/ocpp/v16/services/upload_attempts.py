"""Attempts of an upload requested by the back end, with pauses and notifications (OCPP-117, WP-40).

Used for diagnostics and logs. One upload at a time; a new request replaces the running one.
"""

import asyncio

from charger import clock, log
from charger.errors import FAILED, UploadError

UPLOADING = "Uploading"
UPLOADED = "Uploaded"


class UploadAttempts:
    """`make_uploader()` returns a net.upload.Uploader; `notify(state)` is called for each attempt:
    with UPLOADING, then with UPLOADED or the cause of its UploadError."""

    def __init__(self, make_uploader, notify):
        self._make_uploader = make_uploader
        self._notify = notify
        self._task = None
        self.running = False

    def start(self, location: str, name: str, pieces, retries: int, interval_s: int) -> None:
        """Begin the upload of pieces(): retries + 1 attempts with interval_s between them.

        pieces() is called for each iteration of the file; it yields bytes.
        """
        self.cancel()
        self.running = True
        self._task = asyncio.create_task(self._run(location, name, pieces, retries, interval_s))

    def cancel(self) -> None:
        """Cancel the running upload without a notification."""
        if self._task is not None and self.running:
            self._task.cancel()
        self._task = None
        self.running = False

    async def _run(self, location: str, name: str, pieces, retries: int, interval_s: int) -> None:
        for left in range(retries, -1, -1):
            self._notify(UPLOADING)
            state, final = FAILED, False
            try:
                await self._make_uploader().send(location, name, pieces)
                state, final = UPLOADED, True
            except UploadError as error:
                log.warn("upload", "attempt %d of %d: %s" % (retries - left + 1, retries + 1, error))
                state, final = error.cause, error.final
            except Exception as error:  # noqa: BLE001 - whatever it is, the back end hears that there is no file
                log.error("upload", log.reason(error))
            self.running = not final and left > 0
            self._notify(state)
            if not self.running:
                return
            await clock.sleep_s(interval_s)
