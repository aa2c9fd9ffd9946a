"""UpdateFirmware: schedule of download and installation, status notifications (OCPP-115, 116).

The updater handles the image, an object with

    async fetch(location)    download and check the image; ValueError or OSError when that fails
    async install()          set it to boot next and restart; does not return on success
    outcome()                after the restart: True, False, or None when there was no update

Under security profiles 2 and 3 SignedUpdateFirmware takes its place: signed_firmware_update.py.

FILE has the request until its download has failed or its installation begins, then the word Installing until its outcome
was sent: a restart continues with either.
"""

import asyncio

from micropython import const

from charger import clock, log
from charger.errors import InvalidValueError
from charger.ocpp.v16.services.status_notifier import StatusNotifier
from charger.validate import check

FILE = "ocpp_firmware.json"
_FLUSH_MS = const(10000)  # time for sending the status before the restart

IDLE = "Idle"
DOWNLOADING = "Downloading"
DOWNLOADED = "Downloaded"
DOWNLOAD_FAILED = "DownloadFailed"
INSTALLING = "Installing"
INSTALLED = "Installed"
INSTALLATION_FAILED = "InstallationFailed"

_COUNT = ("int", 0, None)
_JOB = (
    "obj",
    (
        ("location", ("str", 1024, 1)),
        ("retrieve_s", _COUNT),
        ("retries", _COUNT),
        ("interval_s", _COUNT),
        ("begun", _COUNT),
    ),
)
_LOOK_S = const(60)
_MOST_BEGUN = const(5)  # downloads that a restart interrupted, which may be its cause


class FirmwareUpdate:
    """`updater()` returns the updater, None on a board without a second slot."""

    def __init__(self, files: Files, availability: Availability, updater: Callable, post_call: Callable, ready: Callable) -> None:
        self._files = files
        self._availability = availability
        self._updater = updater
        self._post_call = post_call
        self._ready = ready
        self._task = None
        self._notices = StatusNotifier(post_call, ready, "FirmwareStatusNotification")
        self._waits = False  # until the end of a new firmware's trial
        self.status = IDLE

    @property
    def busy(self) -> bool:
        """True while an update waits for its time, is downloaded, or waits for the sessions."""
        return self._task is not None and not self._task.done()

    def resume(self) -> None:
        """After a restart: report the outcome of the new image, once it is certain (SEC-9), or go on with what was requested."""
        if self._task is not None or self.status != IDLE:
            return
        job = self._files.read_json(FILE)
        updater = self._updater()
        if job != INSTALLING:
            try:
                check(_JOB, job)
            except InvalidValueError:
                return
            if job["begun"] >= _MOST_BEGUN:
                self._notify(DOWNLOAD_FAILED)
                self._forget(job)
            elif updater is not None:
                self.start(job)
            return
        good = None if updater is None else updater.outcome()
        self._waits = good is None and getattr(updater, "on_trial", False)
        if self._waits:
            return
        if updater is None:
            self._delivered()
        else:
            self._notify(INSTALLED if good else INSTALLATION_FAILED, self._delivered)

    def second(self) -> None:
        """Once a second."""
        self._notices.second()
        if self._waits:
            self.resume()

    def keep(self, job: dict) -> None:
        """Write a request to flash, before it is answered; it replaces the one before. OSError when the flash fails."""
        self._files.write_json(FILE, job)

    def start(self, job: dict) -> None:
        """Start a kept update (location, retrieve_s in UTC, retries, interval_s, begun: how often); it replaces a running one."""
        if self._task is not None:
            self._task.cancel()
        self.status = IDLE
        self._task = asyncio.create_task(self._run(job))
        try:
            self.keep(job)  # again: an installation that began since has written its own word
        except OSError as error:
            log.error("firmware", "request not written: " + log.reason(error))

    def give_way(self) -> bool:
        """End a download for the owner's update (F-S4); False once the installation has begun. OSError when the flash fails."""
        if self.status == INSTALLING:
            return False
        if self.busy and self.status != IDLE:  # one that waits for its time does not keep the owner out
            self._files.delete(FILE)
            self._task.cancel()
            self._notify(INSTALLATION_FAILED if self.status == DOWNLOADED else DOWNLOAD_FAILED)
        return True

    def trigger(self) -> None:
        """Send the present status for TriggerMessage(FirmwareStatusNotification), Idle without an update."""
        busy = self.status in (DOWNLOADING, DOWNLOADED, INSTALLING)
        self._post_call("FirmwareStatusNotification", {"status": self.status if busy else IDLE}, True)

    async def _run(self, job: dict) -> None:
        now = clock.utc_s()
        while now is not None and now < job["retrieve_s"]:
            await clock.sleep_s(min(_LOOK_S, job["retrieve_s"] - now))  # the clock may be set meanwhile
            now = clock.utc_s()
        job["begun"] += 1
        if not await self._fetch(job):
            self._forget(job)
            return
        availability = self._availability
        availability.hold(True)  # free connectors are blocked until the restart
        try:
            while availability.apply():
                await clock.sleep_ms(1000)
            await self._install()
        finally:
            availability.hold(False)

    async def _install(self) -> None:
        self._notify(INSTALLING)
        self._files.write_json(FILE, INSTALLING)
        started = clock.ticks_ms()
        while self._ready() and len(self._notices) and clock.elapsed_ms(started) < _FLUSH_MS:
            await clock.sleep_ms(100)
        try:
            await self._updater().install()
        except (OSError, ValueError, MemoryError) as error:
            log.error("firmware", "installation: " + log.reason(error))
        self._notify(INSTALLATION_FAILED, self._delivered)

    async def _fetch(self, job: dict) -> bool:
        """Download with `retries` further attempts, each with notifications; True when the image is valid."""
        for attempt in range(job["retries"] + 1):
            if attempt:
                await clock.sleep_s(job["interval_s"])
            self._notify(DOWNLOADING)
            try:
                self.keep(job)
                await self._updater().fetch(job["location"])
            except (OSError, ValueError) as error:
                log.warn("firmware", "download: " + log.reason(error))
                self._notify(DOWNLOAD_FAILED)
                continue
            self._notify(DOWNLOADED)
            return True
        return False

    def _notify(self, status: str, done: Callable | None = None) -> None:
        """Queue a status; a lost link delays it (F-S13). done() is called once the back end has it."""
        if status != self.status:
            self.status = status
            self._notices.notify({"status": status}, done)

    def _delivered(self) -> None:
        self._forget(INSTALLING)

    def _forget(self, content: Any) -> None:
        """Delete the file, unless another request has taken the place of this content."""
        if self._files.read_json(FILE) == content:
            self._files.delete(FILE)
