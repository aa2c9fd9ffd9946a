"""An upload that a back end asked for: attempts, pauses between them, and what it is told (OCPP-117, WP-40).

Diagnostics and logs use it. One at a time; a new request takes the place of the running one.
"""

import asyncio

from charger import clock, log
from charger.errors import FAILED, UploadError

UPLOADING = "Uploading"
UPLOADED = "Uploaded"


class UploadAttempts:
    """`make_uploader()` gives a net.upload.Uploader; `tell(state)` is called for each attempt:
    with UPLOADING, then with UPLOADED or the cause of its UploadError."""

    def __init__(self, make_uploader, tell):
        self._make_uploader = make_uploader
        self._tell = tell
        self._task = None
        self.running = False

    def start(self, location: str, name: str, pieces, retries: int, interval_s: int):
        """Begin to send what pieces() yields: retries + 1 attempts with interval_s between them.

        pieces() is called anew for each time the file is gone through; it yields bytes.
        """
        self.cancel()
        self.running = True
        self._task = asyncio.create_task(self._run(location, name, pieces, retries, interval_s))

    def cancel(self):
        """Give up the running one, silently."""
        if self._task is not None and self.running:
            self._task.cancel()
        self._task = None
        self.running = False

    async def _run(self, location: str, name: str, pieces, retries: int, interval_s: int):
        for left in range(retries, -1, -1):
            self._tell(UPLOADING)
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
            self._tell(state)
            if not self.running:
                return
            await clock.sleep_s(interval_s)
