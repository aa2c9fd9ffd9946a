"""GetLog: upload of the diagnostics or the security log, with status notifications (WP-40, WP-41)."""

import json
from binascii import hexlify
from hashlib import sha256

from charger import errors
from charger.ocpp.v16.services.diagnostics_upload import file_name
from charger.ocpp.v16.services.status_notifier import StatusNotifier
from charger.ocpp.v16.services.upload_attempts import UPLOADED, UPLOADING, UploadAttempts

FILE = "ocpp_log.json"
ACCEPTED = "Accepted"
CANCELED = "AcceptedCanceled"
REJECTED = "Rejected"
IDLE = "Idle"
SECURITY_LOG = "SecurityLog"

_STATUSES = {
    UPLOADING: UPLOADING,
    UPLOADED: UPLOADED,
    errors.BAD_LOCATION: "BadMessage",
    errors.NOT_SUPPORTED: "NotSupportedOperation",
}


class LogUpload:
    """One upload at a time; a new request replaces the running one. The collaborators are those of DiagnosticsUpload."""

    def __init__(self, config: Configuration, files: Files, make_uploader: Callable | None, text: Callable,
                 post_call: Callable, ready: Callable, security_log: SecurityLog | None):  # fmt: skip
        self._config = config
        self._text = text
        self._post_call = post_call
        self._security_log = security_log
        self._uploads = None if make_uploader is None else UploadAttempts(make_uploader, files, self._notify, FILE)
        self._notices = StatusNotifier(post_call, ready, "LogStatusNotification")
        self._request_id = None
        self._status = IDLE

    def status_of_request(self, kind: str) -> tuple:
        """Return (status, file name or None) for a request of "DiagnosticsLog" or "SecurityLog"."""
        if self._uploads is None or (kind == SECURITY_LOG and self._security_log is None):
            return REJECTED, None
        name = file_name(self._config, "security" if kind == SECURITY_LOG else "diagnostics")
        return CANCELED if self._uploads.running else ACCEPTED, name

    def start(self, job: dict, again: bool = False) -> None:
        """Begin an upload of the time of the job's `span`, two UTC seconds or None; it has the request's kind and id, too."""
        span = job["span"]
        if job["kind"] == SECURITY_LOG and self._security_log is not None:
            pieces = SecurityLogText(self._security_log, span[0], span[1])
        else:
            pieces = self._text(span)
        self._request_id = job["id"]
        (self._uploads.resume if again else self._uploads.start)(job, pieces)

    def resume(self) -> None:
        """Go on with what a restart has interrupted."""
        job = None if self._uploads is None else self._uploads.interrupted()
        if job is not None:
            self.start(job, True)

    def trigger(self) -> None:
        """Send the status for ExtendedTriggerMessage(LogStatusNotification): Idle, without a requestId, without an upload."""
        payload = {"status": IDLE}
        if self._status == UPLOADING:
            payload = {"status": UPLOADING, "requestId": self._request_id}
        self._post_call("LogStatusNotification", payload, True)

    def second(self) -> None:
        """Once a second."""
        self._notices.second()

    def _notify(self, state: str) -> None:
        self._status = _STATUSES.get(state, "UploadFailure")
        self._notices.notify({"status": self._status, "requestId": self._request_id})


class SecurityLogText:
    """The security log between two times, one JSON object per line; each call returns a new iterator.

    Each line has the entry's record in hexadecimal digits. The last line has the numbers, the unit's own verdict and a hash
    of all lines before: tools/verify_log.py checks all that.
    """

    def __init__(self, security_log: SecurityLog, since: int | None = None, until: int | None = None):
        self._log = security_log
        self._since = since
        self._until = until
        self._end = security_log.next_seq  # entries added during the upload are not included

    def __call__(self) -> Iterator:
        """Yield the lines. An entry without a time is in every span."""
        for _ in self._log.checking():
            yield b""  # a slice
        whole = sha256()
        for entry in self._log.entries(0):
            if entry.seq >= self._end:
                break
            now = entry.utc_s
            if now is not None and entry.exact:
                if (self._since is not None and now < self._since) or (self._until is not None and now > self._until):
                    continue
            line = entry.to_dict()
            line["raw"] = str(hexlify(entry.raw), "ascii")
            line = json.dumps(line).encode() + b"\n"
            whole.update(line)
            yield line
        end = {
            "first": self._log.first_seq, "next": self._end, "since": self._since, "until": self._until,
            "broken": self._log.broken, "sha256": str(hexlify(whole.digest()), "ascii"),
        }  # fmt: skip
        yield json.dumps({"end": end}).encode() + b"\n"
