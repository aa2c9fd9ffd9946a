"""SignedUpdateFirmware: who signed the image, when to fetch and install it, and what the back end is told (WP-30 to 37).

The updater is the one of services/firmware.py, with two more methods:

    digest()        SHA-256 of the whole file as it was downloaded, 32 bytes; None without one
    discard()       throw away what was downloaded

an attribute `on_trial`, True while a new firmware has yet to prove itself (outcome() is None then), and, while the
service runs, its attribute `on_pause` is a function: on_pause(True) says that a download has to wait
(for the link), on_pause(False) that it goes on. The vendor's own signature inside the image (SEC-6) is the updater's
to check: a ValueError from install() means that it does not hold. The updater puts FirmwareUpdated and UpdateFailed into
the security log, whoever asked for the update; what the certificate and the file's signature say is noted here.

The request and its last status are on flash: whatever happens, the next start-up goes on with it (WP-32).
"""

import asyncio

from micropython import const

from charger import clock, log
from charger.audit import events
from charger.ocpp.v16.services import firmware_signature
from charger.ocpp.v16.services.status_notifier import StatusNotifier

FILE = "ocpp_signed_firmware.json"  # there while the back end waits for something
LAST = "ocpp_firmware_last.json"  # how the last one ended
_FLUSH_MS = const(10000)  # so long the restart waits for the back end to hear of it

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
    """Owned by the charge point `cp`; `cp.updater` is the updater or None.

    A job is a dictionary: id, location, retrieve_s, install_s (or None), certificate, signature, retries, interval_s,
    and status, the last one.
    """

    def __init__(self, cp):
        self._cp = cp
        self._task = None
        self._notices = StatusNotifier(cp, "SignedFirmwareStatusNotification")
        self._job: dict = cp.files.read_json(FILE) or cp.files.read_json(LAST, {})

    @property
    def busy(self) -> bool:
        """True while an update is under way."""
        return bool(self._job) and self._job["status"] not in _OVER

    async def ask(self, job: dict) -> str:
        """The status of the answer to a request: the certificate first, before anything is given up for it (WP-30)."""
        if self._cp.updater is None or (self.busy and self._job["status"] in _POINT_OF_NO_RETURN):
            return "Rejected"
        fault = await firmware_signature.certificate_fault(job["certificate"], self._cp.manufacturer_roots())
        if fault:
            self._cp.note(events.INVALID_SIGNING_CERTIFICATE, fault)
            return "InvalidCertificate"
        return "AcceptedCanceled" if self.busy else "Accepted"

    def start(self, job: dict):
        """Carry out a request that was accepted; a running one is given up for it."""
        if self._task is not None:
            self._task.cancel()
            self._cp.updater.discard()
            self._cp.availability.hold(False)
        job["status"] = SCHEDULED
        self._job = job
        self._task = asyncio.create_task(self._run(False))

    def resume(self):
        """After a start-up: go on, or say how the installation went."""
        if not self._job or self._task is not None:
            return
        if not self.busy:
            self._notices.tell(self._payload(), self._told)  # the restart came before the back end had heard
        elif self._cp.updater is None:
            self._end(INSTALL_FAILED, "no updater")
        elif self._job["status"] in _POINT_OF_NO_RETURN:
            self._settle()
        else:
            self._task = asyncio.create_task(self._run(True))

    def trigger(self):
        """ExtendedTriggerMessage(FirmwareStatusNotification): Idle when the last one was installed (WP-36)."""
        payload = {"status": IDLE}
        if self._job and self._job["status"] != INSTALLED:
            payload = self._payload()
        self._cp.post_call("SignedFirmwareStatusNotification", payload, True)

    def second(self):
        """Once a second."""
        if self._task is None and self.busy and self._job["status"] in _POINT_OF_NO_RETURN:
            self._settle()
        self._notices.second()

    def _settle(self):
        """Say how the installation went, as soon as the new firmware has proved itself or was left again (SEC-9)."""
        good = self._cp.updater.outcome()
        if good is None and getattr(self._cp.updater, "on_trial", False):
            return  # second() looks again
        if good:
            self._tell(INSTALLED)
        else:
            self._end(INSTALL_FAILED, "the new firmware did not start")

    # --- the way of an image ---

    async def _run(self, again: bool):
        try:
            await self._wait_until(self._job["retrieve_s"], SCHEDULED)
            if await self._fetch() and await self._verify():
                await self._install()
        except (OSError, ValueError, MemoryError) as error:
            self._end(INSTALL_FAILED, log.reason(error))

    async def _wait_until(self, moment_s: int | None, status: str):
        """Wait for a time in the future, and say so. While the time is unknown nothing is postponed."""
        now = clock.utc_s()
        if moment_s is None or now is None or moment_s <= now:
            return
        self._tell(status)
        while moment_s > now:
            await clock.sleep_s(min(60, moment_s - now))
            now = clock.utc_s() or now

    async def _fetch(self) -> bool:
        """Download with `retries` further attempts, each told on its own."""
        job, updater = self._job, self._cp.updater
        updater.on_pause = self._paused
        reason = ""
        for attempt in range(job["retries"] + 1):
            if attempt:
                self._notices.tell({"status": DOWNLOAD_FAILED, "requestId": job["id"]})  # the one before; the job goes on
                await clock.sleep_s(job["interval_s"])
            self._tell(DOWNLOADING, attempt > 0)
            try:
                await updater.fetch(job["location"])
            except (OSError, ValueError) as error:
                reason = log.reason(error)
                log.warn("firmware", "download: " + reason)
                continue
            self._tell(DOWNLOADED)
            return True
        self._end(DOWNLOAD_FAILED, reason)
        return False

    def _paused(self, paused: bool):
        self._tell(PAUSED if paused else DOWNLOADING)

    async def _verify(self) -> bool:
        """The signature over the whole file (WP-33, 34)."""
        job = self._job
        digest = self._cp.updater.digest()
        if digest is not None and await firmware_signature.matches(job["certificate"], digest, job["signature"]):
            self._tell(VERIFIED)
            return True
        self._cp.updater.discard()
        self._cp.note(events.INVALID_FIRMWARE_SIGNATURE, "request %d" % job["id"])
        self._end(INVALID_SIGNATURE, "signature of the file")
        return False

    async def _install(self):
        await self._wait_until(self._job["install_s"], INSTALL_SCHEDULED)
        availability = self._cp.availability
        availability.hold(True)  # nobody's charging is cut off; what is free stays free until the restart (WP-35)
        while availability.apply():
            self._tell(INSTALL_SCHEDULED)
            await clock.sleep_ms(1000)
        try:
            self._tell(INSTALLING)
            self._tell(REBOOTING)
            started = clock.ticks_ms()
            while len(self._notices) and self._cp.ready() and clock.elapsed_ms(started) < _FLUSH_MS:
                await clock.sleep_ms(100)
            await self._cp.updater.install()
        except ValueError as error:
            self._end(NOT_VERIFIED, log.reason(error))
        except (OSError, MemoryError) as error:
            self._end(INSTALL_FAILED, log.reason(error))
        finally:
            availability.hold(False)

    # --- telling ---

    def _end(self, status: str, reason: str):
        log.error("firmware", "%s: %s" % (status, reason))
        self._tell(status)

    def _tell(self, status: str, again: bool = False):
        """A new status, or one that has come again: on flash first, then to the back end."""
        job = self._job
        if job["status"] == status and status != SCHEDULED and not again:
            return
        job["status"] = status
        try:
            if status in _OVER:
                job = self._job = {"id": job["id"], "status": status}
            self._cp.files.write_json(FILE, job)
        except OSError as error:
            log.error("firmware", "status not written: " + log.reason(error))
        self._notices.tell(self._payload(), self._told if status in _OVER else None)

    def _payload(self) -> dict:
        return {"status": self._job["status"], "requestId": self._job["id"]}

    def _told(self):
        """The back end knows how it ended: nothing is left to be done after a restart."""
        if self.busy:
            return
        try:
            self._cp.files.write_json(LAST, self._job)
            self._cp.files.delete(FILE)
        except OSError as error:
            log.error("firmware", log.reason(error))
