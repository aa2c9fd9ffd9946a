"""GetDiagnostics: upload of the redacted text, with status notifications (OCPP-117, 118)."""

from charger import clock
from charger.ocpp.v16.services.status_notifier import StatusNotifier
from charger.ocpp.v16.services.upload_attempts import UPLOADED, UPLOADING, UploadAttempts

FILE = "ocpp_diagnostics.json"
ACTION = "DiagnosticsStatusNotification"
IDLE = "Idle"
UPLOAD_FAILED = "UploadFailed"


class DiagnosticsUpload:
    """text(span) is the DiagnosticsText of a time. `make_uploader` is None where the unit has no uploader."""

    def __init__(self, config: Configuration, files: Files, make_uploader: Callable | None, text: Callable,
                 post_call: Callable, ready: Callable):  # fmt: skip
        self._config = config
        self._text = text
        self._post_call = post_call
        self._uploads = None if make_uploader is None else UploadAttempts(make_uploader, files, self._notify, FILE)
        self._notices = StatusNotifier(post_call, ready, ACTION)
        self.status = IDLE

    def name(self) -> str | None:
        """Return the name of the file, None when uploads are not possible."""
        return None if self._uploads is None else file_name(self._config, "diagnostics")

    def start(self, job: dict, again: bool = False) -> None:
        """Begin an upload of the time between the job's `span`, two UTC seconds or None; it replaces a running one."""
        (self._uploads.resume if again else self._uploads.start)(job, self._text(job["span"]))

    def resume(self) -> None:
        """Go on with what a restart has interrupted."""
        job = None if self._uploads is None else self._uploads.interrupted()
        if job is not None:
            self.start(job, True)

    def trigger(self) -> None:
        """TriggerMessage(DiagnosticsStatusNotification)."""
        status = UPLOADING if self.status == UPLOADING else IDLE
        self._post_call(ACTION, {"status": status}, True)

    def second(self) -> None:
        """Once a second."""
        self._notices.second()

    def _notify(self, state: str) -> None:
        self.status = state if state in (UPLOADING, UPLOADED) else UPLOAD_FAILED
        self._notices.notify({"status": self.status})


def file_name(config: Configuration, what: str) -> str:
    """Return a file name of this unit, with only letters, digits, - and dot."""
    serial = "".join(ch for ch in config.get_str("ChargeBoxSerialNumber") if ch.isalpha() or ch.isdigit())
    return "%s-%s-%d.txt" % (what, serial, clock.utc_s() or 0)
