"""GetDiagnostics: one redacted text, uploaded, with its progress told (OCPP-117, 118).

The upload itself is `cp.upload`, a coroutine function upload(location, name, data) that raises OSError or ValueError
when it fails; None where the unit has none.
"""

import asyncio

from charger import clock, log

IDLE = "Idle"
UPLOADING = "Uploading"
UPLOADED = "Uploaded"
UPLOAD_FAILED = "UploadFailed"


class Diagnostics:
    """Owned by the charge point `cp`. One upload at a time; a new request takes the place of the running one."""

    def __init__(self, cp):
        self._cp = cp
        self._task = None
        self.status = IDLE

    def start(self, location: str, retries: int, interval_s: int) -> str | None:
        """Begin an upload; the name of the file, None when there is no way to send one."""
        if self._cp.upload is None:
            return None
        if self._task is not None:
            self._task.cancel()
        name = "diagnostics-%s-%d.txt" % (_plain(self._cp.config.get_str("ChargeBoxSerialNumber")), clock.utc_s() or 0)
        self._task = asyncio.create_task(self._run(location, name, retries, interval_s))
        return name

    def trigger(self):
        """TriggerMessage(DiagnosticsStatusNotification)."""
        status = UPLOADING if self.status == UPLOADING else IDLE
        self._cp.post_call("DiagnosticsStatusNotification", {"status": status}, True)

    async def _run(self, location: str, name: str, retries: int, interval_s: int):
        self._tell(UPLOADING)
        for attempt in range(retries + 1):
            if attempt:
                await clock.sleep_s(interval_s)
            try:
                await self._cp.upload(location, name, self.text().encode())
            except (OSError, ValueError) as error:
                log.warn("diagnostics", "upload: " + log.reason(error))
                continue
            self._tell(UPLOADED)
            return
        self._tell(UPLOAD_FAILED)

    def _tell(self, status: str):
        self.status = status
        self._cp.post_call("DiagnosticsStatusNotification", {"status": status})

    def text(self) -> str:
        """What is sent: settings without secrets, the state of the connectors, the log (which masks its idTags)."""
        lines = ["time " + clock.now_iso(), "uptime %d s, start-up %d" % (clock.uptime_s(), clock.boot_id)]
        for name, value in sorted(self._cp.config.all().items()):
            lines.append("%s=%s" % (name, value))
        for connector in self._cp.connectors:
            lines.append("connector %d: %s %s %s, %d Wh" % (
                connector.id, connector.status, connector.error_code, connector.info, connector.meter.total_wh))
        for name, value in self._cp.report().items():
            lines.append("%s: %s" % (name, value))
        lines.extend(log.recent())
        return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Only what a file name may hold anywhere."""
    return "".join(ch for ch in text if ch.isalpha() or ch.isdigit())
