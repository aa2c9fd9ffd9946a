"""Background update tasks: first-boot trial, image check, daily release check.
"""

import asyncio
import random

from micropython import const

from charger import clock, log, version
from charger.audit import events
from charger.update.integrity import Integrity
from charger.update.updater import BROKEN, OFFER, Updater

_TELL_MS = const(300000)  # so long a unit that found itself altered may use the network, to say so (SEC-9)
_STEP_MS = const(1000)
_LOOK_S = const(6 * 3600)  # between two looks at the own image
_DAY_S = const(86400)  # between two questions, give or take a quarter
_RETRY_S = const(3600)
_FIRST_S = const(60)  # after a start-up of a unit that has asked before, and as much again by chance


class UpdateManager:
    """`updater` for whoever wants an update: made when asked for, kept while it is of use.

    `app` is the application: files, outlets, meters, config, security_log, charge_point, link and restart() are used.
    `make_slots()` gives drivers.slots.AppSlots; its OSError passes through the constructor.
    """

    def __init__(self, app, make_slots, settings: dict, keys, lab: bool):
        self._app = app
        self._make_slots = make_slots
        self._settings = settings
        self._keys = keys
        self._lab = lab
        self._updater = None
        self._slots = None
        self._facts = {}
        self.altered = False
        self._remember()
        if self.altered:
            self._cut_off()

    @property
    def updater(self):
        """The engine."""
        if self._updater is None:
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

    def report(self) -> dict:
        """For status and page."""
        if self._updater is not None:
            self._remember()
        return self._facts

    def jobs(self) -> list:
        """(name, coroutine function) of what has to run."""
        return [("update", self._run)]

    def _remember(self):
        self._facts = self.updater.report()
        self.altered = self._facts["altered"] = bool(self._slots.number(BROKEN))

    def _let_go(self):
        """Give the updater's memory back, unless an update is under way."""
        if self._updater is not None and self._updater.idle:
            self._remember()
            self._updater = self._slots = None

    # --- the task ---

    async def _run(self):
        if self.updater.on_trial:
            from charger.update import trial  # 5,800 frozen bytes with net/http_client.py, for an update

            await trial.run(self.updater, self._app)
        asks = bool(self._settings["manifest_url"])
        question_s = self._first_question_s()
        look_s = 0
        while True:
            now_s = clock.uptime_ms() // 1000
            if asks and now_s >= question_s and self._app.charge_point.ready() and clock.utc_s() is not None:
                wait_s = _DAY_S if await self._ask() else _RETRY_S
                question_s = now_s + wait_s * 3 // 4 + random.randrange(wait_s // 2)
            if now_s >= look_s:
                await self._look()
                look_s = now_s + _LOOK_S
            self._let_go()
            await clock.sleep_ms(_STEP_MS if asks and now_s >= question_s else 10 * _STEP_MS)

    def _first_question_s(self) -> int:
        """At once on a unit that has never asked (SEC-5), a little later on any other: a street has power again at once."""
        return _FIRST_S + random.randrange(_FIRST_S) if self._app.files.exists(OFFER) else 0

    async def _look(self):
        """At the running image (SEC-8)."""
        updater = self.updater  # holds the slots
        await Integrity(updater.slots, self._app.security_log.add, self._altered, self._whole).look()

    def _source(self):
        from charger.update.download_source import DownloadSource  # 5,800 frozen bytes with net/http_client.py, for an update

        return DownloadSource(self._settings, self._lab)

    async def _ask(self) -> bool:
        """Whether there is something newer (SEC-5)."""
        from charger.update.release_check import ReleaseCheck  # 5,800 frozen bytes with net/http_client.py, for an update

        updater = self.updater
        unit = {
            "board": self._settings["board"], "hardware": self._settings["hardware"], "version": version.VERSION,
            "counter": updater.counter,
        }  # fmt: skip
        source = self._source()
        url = self._settings["manifest_url"]
        return await ReleaseCheck(self._app.files, source, updater, unit, url, self._app.security_log.add).ask()

    def _restart(self, why: str):
        self._app.restart("Soft", why)

    # --- SEC-9 ---

    def _altered(self):
        asyncio.create_task(self._say_so())  # noqa: RUF006 - MicroPython's scheduler holds its tasks

    async def _say_so(self):
        """The back end gets the event, then the network is left."""
        started = clock.ticks_ms()
        security_log = self._app.security_log
        while clock.elapsed_ms(started) < _TELL_MS:
            waiting = [entry for entry in security_log.pending("ocpp") if entry.event == events.FIRMWARE_INTEGRITY]
            if not waiting:
                break
            await clock.sleep_ms(_STEP_MS)
        self.altered = self._facts["altered"] = True
        self._cut_off()

    def _cut_off(self):
        log.error("update", "off the network: the firmware was found altered")
        self._app.link.bar("the firmware was found altered")

    def _whole(self):
        log.info("update", "the firmware is whole again")
        self.altered = self._facts["altered"] = False
        self._app.link.bar(None)
