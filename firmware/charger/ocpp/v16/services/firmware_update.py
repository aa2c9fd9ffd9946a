"""UpdateFirmware: when to fetch, when to install, and what the back end is told of it (OCPP-115, 116).

The image itself is the updater's affair, an object with

    async fetch(location)    download and check the image; ValueError or OSError when that fails
    async install()          make it the next to boot and restart; does not return when it works
    outcome()                after the restart: True, False, or None when there was no update

Under security profiles 2 and 3 there is the signed message instead: see signed_firmware.py, which asks for a little more.
"""

import asyncio

from micropython import const

from charger import clock, log

FILE = "ocpp_firmware.json"
_FLUSH_MS = const(10000)  # so long the restart waits for the back end to hear of it

IDLE = "Idle"
DOWNLOADING = "Downloading"
DOWNLOADED = "Downloaded"
DOWNLOAD_FAILED = "DownloadFailed"
INSTALLING = "Installing"
INSTALLED = "Installed"
INSTALLATION_FAILED = "InstallationFailed"


class FirmwareUpdate:
    """Owned by the charge point `cp`; `cp.updater` is the updater or None."""

    def __init__(self, cp):
        self._cp = cp
        self._task = None
        self._waits = False  # for the end of a new firmware's trial
        self.status = IDLE

    def resume(self):
        """The restart into a new image lies behind us: say how it went, once that is sure (SEC-9)."""
        if self._task is not None or self._cp.files.read_json(FILE) != INSTALLING:
            return
        updater = self._cp.updater
        good = None if updater is None else updater.outcome()
        self._waits = good is None and getattr(updater, "on_trial", False)
        if self._waits:
            return
        self._cp.files.delete(FILE)
        if updater is not None:
            self._tell(INSTALLED if good else INSTALLATION_FAILED)

    def second(self):
        """Once a second."""
        if self._waits:
            self.resume()

    def start(self, location: str, retrieve_s: int, retries: int, interval_s: int):
        """Carry out an UpdateFirmware; a running one is given up for it."""
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._run(location, retrieve_s, retries, interval_s))

    def trigger(self):
        """TriggerMessage(FirmwareStatusNotification): the present status, Idle when nothing goes on."""
        busy = self.status in (DOWNLOADING, DOWNLOADED, INSTALLING)
        self._cp.post_call("FirmwareStatusNotification", {"status": self.status if busy else IDLE}, True)

    async def _run(self, location: str, retrieve_s: int, retries: int, interval_s: int):
        now = clock.utc_s()
        if now is not None and retrieve_s > now:
            await clock.sleep_s(retrieve_s - now)
        if not await self._fetch(location, retries, interval_s):
            return
        await self._wait_for_transactions()
        self._tell(INSTALLING)
        self._cp.files.write_json(FILE, INSTALLING)
        started = clock.ticks_ms()
        while self._cp.ready() and not self._cp.sender.idle and clock.elapsed_ms(started) < _FLUSH_MS:
            await clock.sleep_ms(100)
        try:
            await self._cp.updater.install()
        except (OSError, ValueError, MemoryError) as error:
            log.error("firmware", "installation: " + log.reason(error))
        self._cp.files.delete(FILE)
        self._tell(INSTALLATION_FAILED)
        self._cp.availability.hold(False)

    async def _fetch(self, location: str, retries: int, interval_s: int) -> bool:
        """Download with `retries` further attempts, each told on its own; True when the image is there and good."""
        for attempt in range(retries + 1):
            if attempt:
                await clock.sleep_s(interval_s)
            self._tell(DOWNLOADING)
            try:
                await self._cp.updater.fetch(location)
            except (OSError, ValueError) as error:
                log.warn("firmware", "download: " + log.reason(error))
                self._tell(DOWNLOAD_FAILED)
                continue
            self._tell(DOWNLOADED)
            return True
        return False

    async def _wait_for_transactions(self):
        """Nobody's charging is cut off; what is free stays free until the restart."""
        self._cp.availability.hold(True)
        while self._cp.availability.apply():
            await clock.sleep_ms(1000)

    def _tell(self, status: str):
        if status != self.status:
            self.status = status
            self._cp.post_call("FirmwareStatusNotification", {"status": status})
