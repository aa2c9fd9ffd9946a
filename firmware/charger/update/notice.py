"""Asking for updates: when the unit is first set up, and every day at a moment of its own (SEC-5, SEC-7).

The answer is a small JSON file, {"format": 1, "releases": [{"board", "version", "counter", "min_hardware", "size", "url"}]}.
It needs no signature: the worst a false one can do is to offer a bundle that is then refused.
"""

import random

from micropython import const

from charger import clock, log
from charger.net import http, tls
from charger.security.events import UPDATE_CHECK_FAILED, UPDATE_CHECKED
from charger.update.manifest import UpdateError, version_order

FILE = "update_check.json"
_DAY_S = const(86400)
_FIRST_S = const(60)  # after a start-up, and as much again by chance
_RETRY_S = const(3600)
_MOST = const(8192)


class Notices:
    """`updater.offer` is {"version", "url"} while there is something newer."""

    def __init__(self, files, source, updater, unit: dict, url: str, on_event):
        self._files = files
        self._source = source
        self._updater = updater
        self._unit = unit
        self._url = url
        self._on_event = on_event

    async def run(self):
        """At once on a unit that has never asked, then each day with jitter; an hour after a failure."""
        known = self._files.read_json(FILE)
        await clock.sleep_s(_FIRST_S + random.randrange(_FIRST_S) if known else 0)
        while True:
            good = await self.ask()
            await clock.sleep_s((_DAY_S if good else _RETRY_S) * 3 // 4 + random.randrange((_DAY_S if good else _RETRY_S) // 2))

    async def ask(self) -> bool:
        """Ask now; True when there was an answer, which the log has either way."""
        try:
            response = await self._source.open(self._url)
            try:
                found = self.newest(await response.read(_MOST))
            finally:
                response.close()
        except (UpdateError, tls.ConnectError, http.HttpError, OSError, ValueError) as error:
            self._on_event(UPDATE_CHECK_FAILED, log.reason(error))
            return False
        before, self._updater.offer = self._updater.offer, found
        self._files.write_json(FILE, {"asked": clock.utc_s() or 0})
        self._on_event(UPDATE_CHECKED, found["version"] + " is there" if found else "nothing newer")
        if found is not None and found != before:
            log.info("update", "version %s can be installed" % found["version"])
        return True

    def newest(self, text: bytes) -> dict | None:
        """The newest release for this unit that is newer than what runs, None without one. UpdateError, ValueError."""
        import json

        notice = json.loads(text)
        if not isinstance(notice, dict) or notice.get("format") != 1 or not isinstance(notice.get("releases"), list):
            raise UpdateError("manifest", "not a notice of releases")
        best, order = None, version_order(self._unit["version"])
        for release in notice["releases"]:
            if not self._fits(release):
                continue
            its = version_order(release["version"])
            if its > order:
                best, order = {"version": release["version"], "url": release["url"]}, its
        return best

    def _fits(self, release) -> bool:
        if not isinstance(release, dict) or release.get("board") != self._unit["board"]:
            return False
        if type(release.get("min_hardware")) is not int or type(release.get("version")) is not str:
            return False
        if type(release.get("url")) is not str or release["min_hardware"] > self._unit["hardware"]:
            return False
        try:
            self._source.check(release["url"])
        except UpdateError:
            return False
        return type(release.get("counter")) is int and release["counter"] >= self._unit["counter"]
