"""Background update tasks: first-boot trial, image check, daily release check.
"""

import asyncio
import random

from micropython import const

from charger import clock, log, version
from charger.audit import events
from charger.runtime import memory
from charger.update import BROKEN, COUNTER, OFFER

_TELL_MS = const(300000)  # time for an altered unit to send the event (SEC-9)
_STEP_MS = const(1000)
_LOOK_S = const(6 * 3600)  # between two checks of the image
_DAY_S = const(86400)  # between two release checks, plus or minus a quarter
_RETRY_S = const(3600)
_FIRST_S = const(60)  # after the start of a unit that has checked before, plus a random delay up to as much


class UpdateManager:
    """Owns the Updater: creates it on demand and keeps it while it is in use.

    `app` is the application: files, outlets, meters, config, security_log, charge_point, link and restart() are used.
    `make_slots()` returns drivers.app_partitions.AppSlots; its OSError passes through the constructor.
    """

    def __init__(self, app: Application, make_slots: Callable, settings: dict, keys: Any, lab: bool):
        self._app = app
        self._make_slots = make_slots
        self._settings = settings
        self._keys = keys
        self._lab = lab
        self._updater = None
        self._slots = None
        self._failed = ""  # why the owner's last update was not installed
        self.off_network = False  # the notice of an altered image was sent, or its time is over
        self._older = False
        self._remember()
        self._look_at_counter()
        if self.altered and not self._notice_waits():
            self._cut_off()

    def updater(self) -> Updater:
        """Return the Updater, created if necessary."""
        if self._updater is None:
            from charger.update.updater import Updater  # memory.unload() unloads it with the Updater

            if self._slots is None:
                self._slots = self._make_slots()
            app = self._app
            self._updater = Updater(
                app.files,
                self._slots,
                self._settings,
                self._keys,
                self._lab,
                app.security_log.add,
                self._restart,
                online=app.charge_point.answered,
                reached=app.charge_point.registered,
            )
        return self._updater

    @property
    def busy(self) -> bool:
        """True while an update is being fetched, installed or on trial."""
        return self._updater is not None and self._updater.busy

    def report(self) -> dict:
        """Return the state of updates for the status."""
        if self._updater is not None:
            self._remember()
        return self._facts

    def jobs(self) -> list:
        """Return (name, coroutine function) of the tasks to run."""
        return [("update", self._run)]

    def _remember(self) -> None:
        updater = self.updater()
        if updater.failed is not None:  # the next Updater does not know it
            self._failed = updater.failed
        self._facts = updater.report()
        self._facts["why"] = self._facts["why"] or self._failed or None
        # The running image is altered or older than the counter: only its notice may be sent.
        self.altered = self._facts["altered"] = self._older or bool(self._slots.number(BROKEN))

    def _look_at_counter(self) -> None:
        """An image below the confirmed counter has a known vulnerability: it was not written by an update (SEC-4)."""
        confirmed = self._slots.number(COUNTER)
        if version.COUNTER < confirmed:
            self._older = True
            self.altered = self._facts["altered"] = True
            log.error("update", "the running firmware is older than the confirmed counter %d" % confirmed)
            self._app.security_log.add(events.FIRMWARE_INTEGRITY, "counter %d, %d was confirmed" % (version.COUNTER, confirmed))

    def _let_go(self) -> None:
        """Drop the Updater unless an update is in progress."""
        if self._updater is not None and self._updater.idle:
            self._remember()
            self._updater = self._slots = None
            memory.unload(memory.UPDATING)

    # --- tasks ---

    async def _run(self) -> None:
        if self.altered and not self.off_network:
            self._altered()
        if self.updater().on_trial:
            from charger.update import trial  # 5,800 frozen bytes with net/http_client.py, for an update

            await trial.run(self.updater(), self._app)
        asks = bool(self._settings["manifest_url"])
        question_s = self._first_question_s()
        look_s = 0
        while True:
            now_s = clock.uptime_ms() // 1000
            if asks and now_s >= question_s and self._may_ask():
                wait_s = _DAY_S if await self._check_release() else _RETRY_S
                question_s = now_s + wait_s * 3 // 4 + random.randrange(wait_s // 2)
            if now_s >= look_s:
                await self._check_image()
                look_s = now_s + _LOOK_S
            self._let_go()
            await clock.sleep_ms(_STEP_MS if asks and now_s >= question_s else 10 * _STEP_MS)

    def _may_ask(self) -> bool:
        """True with a known time, which certificates need, and the back end's link or, without a back end, a network."""
        app = self._app
        if clock.utc_s() is None:
            return False
        return app.charge_point.ready() or (app.settings.url is None and app.station.isconnected())

    def _first_question_s(self) -> int:
        """Return the delay of the first check: 0 on a unit that never checked (SEC-5), else random, because after a power cut
        many units start at once."""
        return _FIRST_S + random.randrange(_FIRST_S) if self._app.files.exists(OFFER) else 0

    async def _check_image(self) -> None:
        """Task: check the running image (SEC-8)."""
        from charger.update.integrity import Integrity  # memory.unload() unloads it with the Updater

        updater = self.updater()  # keeps the AppSlots
        if updater.on_trial:  # given up: the other image is back with the restart
            return
        await Integrity(updater.slots, self._app.security_log.add, self._altered, self._whole).check_image()

    def _source(self):
        from charger.update.download_source import DownloadSource  # 5,800 frozen bytes with net/http_client.py, for an update

        return DownloadSource(self._settings, self._lab)

    async def _check_release(self) -> bool:
        """Check for a newer release (SEC-5)."""
        from charger.update.release_check import ReleaseCheck  # 5,800 frozen bytes with net/http_client.py, for an update

        updater = self.updater()
        unit = {
            "board": self._settings["board"], "hardware": self._settings["hardware"], "version": version.VERSION,
            "counter": updater.counter,
        }  # fmt: skip
        source = self._source()
        url = self._settings["manifest_url"]
        return await ReleaseCheck(self._app.files, source, updater, unit, url, self._app.security_log.add).check_release()

    def _restart(self, why: str) -> None:
        self._app.restart("Soft", why)

    # --- SEC-9 ---

    def _altered(self) -> None:
        self.altered = self._facts["altered"] = True
        asyncio.create_task(self._say_so())  # noqa: RUF006 - MicroPython's scheduler holds its tasks

    async def _say_so(self) -> None:
        """Send the event to the back end, then leave the network."""
        started = clock.ticks_ms()
        while self._notice_waits() and clock.elapsed_ms(started) < _TELL_MS:
            await clock.sleep_ms(_STEP_MS)
        if self.altered:
            self._cut_off()

    def _notice_waits(self) -> bool:
        """True while the back end, or the owner's broker where there is one, has not got the event."""
        security_log = self._app.security_log
        for sink in events.SINKS if self._app.has_broker() else ("ocpp",):
            for entry in security_log.entries(security_log.mark(sink) + 1):
                if entry.event == events.FIRMWARE_INTEGRITY:
                    return True
        return False

    def _cut_off(self) -> None:
        self.off_network = True
        log.error("update", "network disabled: the firmware was found altered")
        self._app.link.bar("the firmware was found altered")

    def _whole(self) -> None:
        log.info("update", "the firmware is valid again")
        self.altered = self._facts["altered"] = self._older
        if not self._older:
            self.off_network = False
            self._app.link.bar(None)
