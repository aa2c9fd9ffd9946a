"""SignedUpdateFirmware: signature, schedule of download and installation, status notifications (WP-30 to 37).

The updater is the one of firmware_update.py, with two more methods:

    digest()        SHA-256 of the whole downloaded file, 32 bytes; None without one
    discard()       delete the downloaded data

an attribute `on_trial`, True until a new firmware is confirmed (outcome() is None then), and the callback `on_pause`,
set while the service runs: on_pause(True) when a download waits for the link, on_pause(False) when it continues. The
updater checks the vendor's signature in the image (SEC-6): install() raises ValueError when it is invalid. The updater
adds FirmwareUpdated and UpdateFailed to the security log for every source of updates; events of the signing certificate
and the file's signature are added here.

The request and its last status are on flash, so that the next start-up continues (WP-32).
"""

import asyncio

from micropython import const

from charger import clock, log
from charger.audit import events
from charger.ocpp.v16.services import firmware_signature
from charger.ocpp.v16.services.status_notifier import StatusNotifier

FILE = "ocpp_signed_firmware.json"  # exists while an update is not finished
LAST = "ocpp_firmware_last.json"  # outcome of the last update
_FLUSH_MS = const(10000)  # time for sending the status before the restart

IDLE = "Idle"
SCHEDULED = "DownloadScheduled"
DOWNLOADING = "Downloading"
PAUSED = "DownloadPaused"
DOWNLOADED = "Downloaded"
DOWNLOAD_FAILED = "DownloadFailed"
VERIFIED = "SignatureVerified"
INVALID_SIGNATURE = "InvalidSignature"
INSTALL_SCHEDULED = "InstallScheduled"
REBOOTING = "InstallRebooting"
INSTALLING = "Installing"
INSTALLED = "Installed"
NOT_VERIFIED = "InstallVerificationFailed"
INSTALL_FAILED = "InstallationFailed"

_OVER = (INSTALLED, DOWNLOAD_FAILED, INVALID_SIGNATURE, NOT_VERIFIED, INSTALL_FAILED)
_POINT_OF_NO_RETURN = (INSTALLING, REBOOTING)


class SignedFirmwareUpdate:
    """`updater()` returns the updater, None on a board without a second slot; `other_busy()` is True while UpdateFirmware runs.

    A job is a dictionary: id, location, retrieve_s, install_s (or None), certificate, signature, retries, interval_s,
    and status, the last one.
    """

    def __init__(self, files: Files, availability: Availability, updater: Callable, post_call: Callable, ready: Callable,
                 note: Callable, manufacturer_roots: Callable, other_busy: Callable) -> None:  # fmt: skip
        self._files = files
        self._availability = availability
        self._updater = updater
        self._post_call = post_call
        self._ready = ready
        self._note = note
        self._manufacturer_roots = manufacturer_roots
        self._other_busy = other_busy
        self._task = None
        self._notices = StatusNotifier(post_call, ready, "SignedFirmwareStatusNotification")
        self._job: dict = files.read_json(FILE) or files.read_json(LAST, {})

    @property
    def busy(self) -> bool:
        """True while an update is in progress."""
        return bool(self._job) and self._job["status"] not in _OVER

    async def status_of_request(self, job: dict) -> str:
        """Return the status for a request; checks the certificate before a running update is cancelled (WP-30)."""
        installs = self.busy and self._job["status"] in _POINT_OF_NO_RETURN
        if self._updater() is None or installs or self._other_busy():
            return "Rejected"
        fault = await firmware_signature.certificate_fault(job["certificate"], self._manufacturer_roots())
        if fault:
            self._note(events.INVALID_SIGNING_CERTIFICATE, fault)
            return "InvalidCertificate"
        return "AcceptedCanceled" if self.busy else "Accepted"

    def start(self, job: dict) -> None:
        """Start an accepted update; it replaces a running one."""
        if self._task is not None:
            self._task.cancel()  # which gives the connectors back
            self._updater().discard()
        job["status"] = SCHEDULED
        self._job = job
        self._task = asyncio.create_task(self._run(False))

    def give_way(self) -> bool:
        """End a download for the owner's update (F-S4); False once the installation has begun."""
        status = self._job.get("status")
        if status in _POINT_OF_NO_RETURN:
            return False
        if self._task is not None and self.busy and status != SCHEDULED:  # one that waits for its time does not block
            self._task.cancel()
            self._notify(DOWNLOAD_FAILED if status in (DOWNLOADING, PAUSED) else INSTALL_FAILED)
        return True

    def resume(self) -> None:
        """Continue after a start-up, or report the outcome of the installation."""
        if not self._job or self._task is not None:
            return
        if not self.busy:
            self._notices.notify(self._payload(), self._delivered)  # the restart came before the status was sent
        elif self._updater() is None:
            self._end(INSTALL_FAILED, "no updater")
        elif self._job["status"] not in _POINT_OF_NO_RETURN:  # those are for second()
            self._task = asyncio.create_task(self._run(True))

    def trigger(self) -> None:
        """ExtendedTriggerMessage(FirmwareStatusNotification): Idle when the last one was installed (WP-36)."""
        payload = {"status": IDLE}
        if self._job and self._job["status"] != INSTALLED:
            payload = self._payload()
        self._post_call("SignedFirmwareStatusNotification", payload, True)

    def second(self) -> None:
        """Once a second."""
        if self._task is None and self.busy and self._job["status"] in _POINT_OF_NO_RETURN:
            self._settle()
        self._notices.second()

    def _settle(self) -> None:
        """Report the outcome of the installation, once the new firmware was confirmed or rolled back (SEC-9)."""
        good = self._updater().outcome()
        if good is None and getattr(self._updater(), "on_trial", False):
            return  # second() retries
        if good:
            self._notify(INSTALLED)
        else:
            self._end(INSTALL_FAILED, "the new firmware did not start")

    # --- download and installation ---

    async def _run(self, again: bool) -> None:
        try:
            await self._wait_until(self._job["retrieve_s"], SCHEDULED)
            if await self._fetch() and await self._verify():
                await self._install()
        except (OSError, ValueError, MemoryError, KeyError, TypeError) as error:  # the last two: a job of other firmware
            self._end(INSTALL_FAILED, log.reason(error))

    async def _wait_until(self, moment_s: int | None, status: str) -> None:
        """Wait for a time in the future, with a notification. While the time is unknown there is no wait."""
        now = clock.utc_s()
        if moment_s is None or now is None or moment_s <= now:
            return
        self._notify(status)
        while moment_s > now:
            await clock.sleep_s(min(60, moment_s - now))
            now = clock.utc_s() or now

    async def _fetch(self) -> bool:
        """Download with `retries` further attempts, each with notifications."""
        job, updater = self._job, self._updater()
        updater.on_pause = self._paused
        reason = ""
        for attempt in range(job["retries"] + 1):
            if attempt:
                self._notices.notify({"status": DOWNLOAD_FAILED, "requestId": job["id"]})  # the previous one; the job continues
                await clock.sleep_s(job["interval_s"])
            self._notify(DOWNLOADING, attempt > 0)
            try:
                await updater.fetch(job["location"])
            except (OSError, ValueError) as error:
                reason = log.reason(error)
                log.warn("firmware", "download: " + reason)
                continue
            self._notify(DOWNLOADED)
            return True
        self._end(DOWNLOAD_FAILED, reason)
        return False

    def _paused(self, paused: bool) -> None:
        self._notify(PAUSED if paused else DOWNLOADING)

    async def _verify(self) -> bool:
        """Verify the signature over the whole file (WP-33, 34)."""
        job = self._job
        digest = self._updater().digest()
        if digest is not None and await firmware_signature.matches(job["certificate"], digest, job["signature"]):
            self._notify(VERIFIED)
            return True
        self._updater().discard()
        self._note(events.INVALID_FIRMWARE_SIGNATURE, "request %d" % job["id"])
        self._end(INVALID_SIGNATURE, "signature of the file")
        return False

    async def _install(self) -> None:
        await self._wait_until(self._job["install_s"], INSTALL_SCHEDULED)
        availability = self._availability
        availability.hold(True)  # wait for the end of all sessions; free connectors are blocked until the restart (WP-35)
        try:
            while availability.apply():
                self._notify(INSTALL_SCHEDULED)
                await clock.sleep_ms(1000)
            self._notify(INSTALLING)
            self._notify(REBOOTING)
            started = clock.ticks_ms()
            while len(self._notices) and self._ready() and clock.elapsed_ms(started) < _FLUSH_MS:
                await clock.sleep_ms(100)
            await self._updater().install()
        except ValueError as error:
            self._end(NOT_VERIFIED, log.reason(error))
        except (OSError, MemoryError) as error:
            self._end(INSTALL_FAILED, log.reason(error))
        finally:
            availability.hold(False)

    # --- notifications ---

    def _end(self, status: str, reason: str) -> None:
        log.error("firmware", "%s: %s" % (status, reason))
        self._notify(status)

    def _notify(self, status: str, again: bool = False) -> None:
        """Set a status: write it to flash, then send it."""
        job = self._job
        if job["status"] == status and status != SCHEDULED and not again:
            return
        job["status"] = status
        try:
            if status in _OVER:
                job = self._job = {"id": job["id"], "status": status}
            self._files.write_json(FILE, job)
        except OSError as error:
            log.error("firmware", "status not written: " + log.reason(error))
        self._notices.notify(self._payload(), self._delivered if status in _OVER else None)

    def _payload(self) -> dict:
        return {"status": self._job["status"], "requestId": self._job["id"]}

    def _delivered(self) -> None:
        """The final status was sent: delete the job, so that a restart has nothing to do."""
        if self.busy:
            return
        try:
            self._files.write_json(LAST, self._job)
            self._files.delete(FILE)
        except OSError as error:
            log.error("firmware", log.reason(error))
