"""What runs of updates beside everything else: the trial after one, the look at the own image, the daily question."""

from micropython import const

from charger import clock, log, version
from charger.security import events
from charger.update.updater import Updater

_TELL_MS = const(300000)  # so long a unit that found itself altered may use the network, to say so (SEC-9)
_STEP_MS = const(1000)


class Updates:
    """`updater` for whoever wants an update; `integrity` watches the running image.

    `app` is the application: files, outlets, meters, config, security_log, charge_point, link and restart() are used.
    """

    def __init__(self, app, slots, settings: dict, keys, lab: bool):
        from charger.update.integrity import Integrity

        self._app = app
        self._settings = settings
        self._lab = lab
        self.updater = Updater(app.files, slots, settings, keys, lab, app.security_log.add, self._restart)
        self.updater.online = app.charge_point.ready
        self.updater.reached = lambda: app.charge_point.boot.accepted
        self.integrity = Integrity(slots, app.security_log.add, self._altered, self._whole)
        if self.integrity.broken:
            self._cut_off("the firmware was found altered")

    def report(self) -> dict:
        """For status and page."""
        report = self.updater.report()
        report["altered"] = self.integrity.broken
        return report

    def jobs(self) -> list:
        """(name, coroutine function) of what has to run."""
        jobs = [("update trial", self._trial), ("update integrity", self.integrity.run)]
        if self._settings["manifest_url"]:
            jobs.append(("update notice", self._notice))
        return jobs

    async def _trial(self):
        from charger.update import trial

        if self.updater.on_trial:
            await trial.run(self.updater, self._app)
        while True:
            await clock.sleep_s(86400)

    async def _notice(self):
        from charger.update.notice import Notices
        from charger.update.source import Source

        while not self._app.charge_point.ready() or clock.utc_s() is None:
            await clock.sleep_ms(_STEP_MS)  # TLS needs the time (SEC-27)
        unit = {
            "board": self._settings["board"], "hardware": self._settings["hardware"], "version": version.VERSION,
            "counter": self.updater.counter,
        }  # fmt: skip
        source = Source(self._settings, self._lab)
        notices = Notices(self._app.files, source, self.updater, unit, self._settings["manifest_url"],
                          self._app.security_log.add)  # fmt: skip
        await notices.run()

    def _restart(self, why: str):
        self._app.restart("Soft", why)

    # --- SEC-9 ---

    def _altered(self):
        import asyncio

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
        self._cut_off("the firmware was found altered")

    def _cut_off(self, why: str):
        log.error("update", "off the network: " + why)
        self._app.link.bar(why)

    def _whole(self):
        log.info("update", "the firmware is whole again")
        self._app.link.bar(None)
