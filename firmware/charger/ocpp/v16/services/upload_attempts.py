"""Attempts of an upload requested by the back end, with pauses and notifications (OCPP-117, WP-40).

Used for diagnostics and logs. One upload at a time; a new request replaces the running one. The request is on flash until the
upload has ended: an attempt that a restart interrupts has failed, and those that are left follow.
"""

import asyncio

from charger import clock, log
from charger.errors import FAILED, UploadError

UPLOADING = "Uploading"
UPLOADED = "Uploaded"


def job_of(location: str, name: str, request: dict, span: tuple) -> dict:
    """Return the job of a request: where to, under which name, of which time, with which further attempts."""
    return {
        "location": location,
        "name": name,
        "retries": int(request.get("retries", 0)),
        "interval_s": int(request.get("retryInterval", 60)),
        "span": span,
    }


class UploadAttempts:
    """`make_uploader()` returns a net.upload.Uploader; `notify(state)` is called for each attempt:
    with UPLOADING, then with UPLOADED or the cause of its UploadError. `file` is the request's name on flash."""

    def __init__(self, make_uploader: Callable, files: Files, notify: Callable, file: str):
        self._make_uploader = make_uploader
        self._files = files
        self._notify = notify
        self._file = file
        self._task = None
        self.running = False

    def start(self, job: dict, pieces: Callable) -> None:
        """Begin the upload of pieces(): a job has location, name, retries (further attempts) and interval_s between them.

        pieces() is called for each iteration of the file; it yields bytes.
        """
        self.cancel()
        self.running = True
        self._task = asyncio.create_task(self._run(job, pieces))

    def interrupted(self) -> dict | None:
        """After a start-up: return the job that the restart has interrupted, None without one."""
        return None if self.running else self._files.read_json(self._file)

    def resume(self, job: dict, pieces: Callable) -> None:
        """Tell of the attempt that was interrupted, unless that was in the pause behind one; begin those that are left."""
        if not job.pop("told", False):
            self._notify(FAILED)
        if job["retries"] < 0:
            self._keep(None)
        else:
            self.start(job, pieces)

    def cancel(self) -> None:
        """Cancel the running upload without a notification."""
        if self._task is not None and self.running:
            self._task.cancel()
        self._task = None
        self.running = False

    def _keep(self, job: dict | None) -> None:
        try:
            if job is None:
                self._files.delete(self._file)
            else:
                self._files.write_json(self._file, job)
        except OSError as error:
            log.error("upload", "request not written: " + log.reason(error))

    async def _run(self, job: dict, pieces: Callable) -> None:
        first = job["retries"]
        for left in range(first, -1, -1):
            job["retries"] = left - 1
            self._keep(job)
            self._notify(UPLOADING)
            state, final = FAILED, False
            try:
                await self._make_uploader().send(job["location"], job["name"], pieces)
                state, final = UPLOADED, True
            except UploadError as error:
                log.warn("upload", "attempt %d of %d: %s" % (first - left + 1, first + 1, error))
                state, final = error.cause, error.final
            except Exception as error:  # noqa: BLE001 - whatever it is, the back end hears that there is no file
                log.error("upload", log.reason(error))
            self.running = not final and left > 0
            if not self.running:
                self._keep(None)
            self._notify(state)
            if not self.running:
                return
            self._keep(dict(job, told=True))
            await clock.sleep_s(job["interval_s"])
