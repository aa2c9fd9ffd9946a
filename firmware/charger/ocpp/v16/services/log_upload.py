"""GetLog: the diagnostics or the security log, uploaded, with its progress told (WP-40, WP-41)."""

import json

from charger import errors
from charger.ocpp.v16.services.diagnostics_upload import file_name
from charger.ocpp.v16.services.status_notifier import StatusNotifier
from charger.ocpp.v16.services.upload_attempts import UPLOADED, UPLOADING, UploadAttempts

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
    errors.NOT_ALLOWED: "PermissionDenied",
}


class LogUpload:
    """Owned by the charge point `cp`. One upload at a time; a new request takes the place of the running one."""

    def __init__(self, cp):
        self._cp = cp
        self._uploads = None if cp.make_uploader is None else UploadAttempts(cp.make_uploader, self._tell)
        self._notices = StatusNotifier(cp, "LogStatusNotification")
        self._request_id = None
        self._status = IDLE

    def ask(self, kind: str) -> tuple:
        """(status of the answer, file name or None) of a request for "DiagnosticsLog" or "SecurityLog"."""
        if self._uploads is None or (kind == SECURITY_LOG and self._cp.security_log is None):
            return REJECTED, None
        name = file_name(self._cp, "security" if kind == SECURITY_LOG else "diagnostics")
        return CANCELED if self._uploads.running else ACCEPTED, name

    def start(self, kind: str, request_id: int, location: str, name: str, retries: int, interval_s: int, span: tuple):
        """Begin an upload of what lies in `span`, two moments in UTC seconds or None."""
        self._uploads.cancel()
        self._request_id = request_id
        if kind == SECURITY_LOG:
            pieces = SecurityLogText(self._cp.security_log, span[0], span[1])
        else:
            from charger.ocpp.v16.services.diagnostics_text import DiagnosticsText

            pieces = DiagnosticsText(self._cp, span[0], span[1])
        self._uploads.start(location, name, pieces, retries, interval_s)

    def trigger(self):
        """ExtendedTriggerMessage(LogStatusNotification): Idle, without a number, when nothing goes on."""
        payload = {"status": IDLE}
        if self._status == UPLOADING:
            payload = {"status": UPLOADING, "requestId": self._request_id}
        self._cp.post_call("LogStatusNotification", payload, True)

    def second(self):
        """Once a second."""
        self._notices.second()

    def _tell(self, state: str):
        self._status = _STATUSES.get(state, "UploadFailure")
        self._notices.tell({"status": self._status, "requestId": self._request_id})


class SecurityLogText:
    """The security log between two moments, a JSON object a line; calling it gives its pieces anew."""

    def __init__(self, security_log, since: int | None = None, until: int | None = None):
        self._log = security_log
        self._since = since
        self._until = until
        self._end = security_log.next_seq  # what comes while it is sent belongs to the next one

    def __call__(self):
        """Yield the lines. An entry without a time is in every span."""
        for entry in self._log.entries(0):
            if entry.seq >= self._end:
                return
            now = entry.utc_s
            if now is not None and entry.exact:
                if (self._since is not None and now < self._since) or (self._until is not None and now > self._until):
                    continue
            yield json.dumps(entry.to_dict()).encode() + b"\n"
