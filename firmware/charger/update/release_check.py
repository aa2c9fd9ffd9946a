"""The query for new releases (SEC-5, SEC-7); update_manager.py schedules it.

The answer is a small JSON file, {"format": 1, "releases": [{"board", "version", "counter", "min_hardware", "size", "url"}]}.
It needs no signature: a forged one can only offer a bundle that is then refused.
"""

from micropython import const

from charger import clock, log
from charger.audit.events import UPDATE_CHECK_FAILED, UPDATE_CHECKED
from charger.errors import ConnectError, HttpError, InvalidValueError, UpdateError
from charger.net import strict_json
from charger.update import OFFER
from charger.update.manifest import version_order
from charger.validate import check

_MOST = const(8192)
_RELEASE = ("obj", (("board", ("str", 50)), ("version", ("str", 50)), ("url", ("str", 500)),
                    ("min_hardware", ("int", None, None)), ("counter", ("int", None, None))))  # fmt: skip


class ReleaseCheck:
    """`updater.offer` is {"version", "url"} while a newer release is known."""

    def __init__(self, files: Files, source: Any, updater: Any, unit: dict, url: str, on_event: Callable):
        self._files = files
        self._source = source
        self._updater = updater
        self._unit = unit
        self._url = url
        self._on_event = on_event

    async def check_release(self) -> bool:
        """Send the query; True when there was an answer. The result is logged in any case."""
        try:
            response = await self._source.open(self._url)
            try:
                found = await self.newest(await response.read(_MOST))
            finally:
                response.close()
        except (UpdateError, ConnectError, HttpError, OSError, ValueError, MemoryError, RuntimeError) as error:
            self._on_event(UPDATE_CHECK_FAILED, log.reason(error))
            return False
        before, self._updater.offer = self._updater.offer, found
        self._files.write_json(OFFER, found or {})
        self._on_event(UPDATE_CHECKED, found["version"] + " is there" if found else "nothing newer")
        if found is not None and found != before:
            log.info("update", "version %s can be installed" % found["version"])
        return True

    async def newest(self, text: bytes) -> dict | None:
        """Return the newest release for this unit if newer than the running one, else None. UpdateError, ValueError."""
        buffer = bytearray(text)
        notice = await strict_json.loads(buffer, len(buffer), strict_json.JsonScan(buffer, len(buffer)))
        if not isinstance(notice, dict) or notice.get("format") != 1 or not isinstance(notice.get("releases"), list):
            raise UpdateError("manifest", "not a list of releases")
        best, order = None, version_order(self._unit["version"])
        for release in notice["releases"]:
            await clock.sleep_ms(0)
            its = self._order_of(release)
            if its is not None and its > order:
                best, order = {"version": release["version"], "url": release["url"]}, its
        return best

    def _order_of(self, release: Any) -> tuple | None:
        """The sort key of a release's version; None for one that is malformed or not for this unit."""
        unit = self._unit
        try:
            check(_RELEASE, release)
            self._source.check(release["url"])
            order = version_order(release["version"])
        except (InvalidValueError, UpdateError):
            return None
        fits = release["board"] == unit["board"] and release["min_hardware"] <= unit["hardware"]
        return order if fits and release["counter"] >= unit["counter"] else None
