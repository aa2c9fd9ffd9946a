"""The update engine: download, installation, trial and outcome (SEC-4 to 7).

Used by UpdateFirmware, SignedUpdateFirmware and the owner. trial.json survives the restart into the new image: the chosen
slot, and the reason for a rollback. The bootloader decides which slot boots; this module reads the result from the
running slot. What a trial confirms (hash and counter) is kept with the slots' values as well: a trial.json that install()
did not write confirms nothing (SEC-9).
"""

import asyncio
import gc
from binascii import hexlify, unhexlify

from micropython import const

from charger import clock, log, version
from charger.audit.events import FIRMWARE_UPDATED, UPDATE_FAILED
from charger.errors import UpdateError
from charger.runtime import hold_ups
from charger.update import COUNTER, IMAGE, OFFER, TRIAL
from charger.update.manifest import version_order

FILE = "trial.json"
_WHOLE_MS = const(3 * 3600 * 1000)  # time limit of one attempt
_TRIES = const(5)  # retry delay when the link or a meter reading has the memory
_ROOM_MS = const(10000)
_COUNTER = const(4)  # bytes


class Updater:
    """`on_trial` is True until the running image is confirmed; outcome() is None until then."""

    def __init__(self, files: Files, slots: Any, settings: dict, keys: Any, lab: bool, note: Callable | None = None,
                 restart: Callable | None = None, online: Callable | None = None, reached: Callable | None = None):
        """settings is board.UPDATE; note(event, info) writes to the security log, restart(why) restarts the unit.

        online(): True when the back end has answered since the start; reached(): True when it has accepted the unit.
        """
        self._files = files
        self.slots = slots
        self._settings = settings
        self._keys = keys
        self._lab = lab
        self._note = note or _nobody
        self._restart = restart or _nobody
        self._download = None
        self._busy = False
        self.reserved = False  # for the owner's update, from the request until its end (owner_install.py)
        self.failed: str | None = None  # why the owner's update was not installed; "" from its request on, None before
        self.on_pause = None
        self.online = online or _unreached
        self.reached = reached or _unreached
        self.offer = self._kept_offer()
        self._record = {}
        self._outcome = None
        self.on_trial = False
        self._look_back()

    def _kept_offer(self) -> dict | None:
        """Return the release of the last check if it is newer than the running one."""
        offer = self._files.read_json(OFFER)
        if not offer:
            return None

        try:
            return offer if "url" in offer and version_order(offer["version"]) > version_order(version.VERSION) else None
        except (UpdateError, ValueError, KeyError):
            return None

    @property
    def idle(self) -> bool:
        """True when no update is in progress and this object has no state to keep."""
        return not (self._busy or self.reserved or self.on_trial) and self._download is None

    @property
    def busy(self) -> bool:
        """True while a download runs or the running image is on trial."""
        return self._busy or self.on_trial

    def _look_back(self) -> None:
        """Determine the outcome of the last installation at this start."""
        record = self._files.read_json(FILE)
        if not isinstance(record, dict) or "slot" not in record:
            return
        self._record = record
        if record["slot"] == self.slots.running and record.get("version") == version.VERSION:
            self.on_trial = not record.get("confirmed") and self._was_installed()
            self._outcome = True if record.get("confirmed") else None
            return  # one that was not installed is an image like any other: its hash and counter are compared
        self._outcome = False
        why = record["why"] = record.get("why") or "it was reset before it was confirmed"
        log.error("update", "%s was rolled back: %s" % (record.get("version"), why))
        if not record.get("told"):
            self._note(UPDATE_FAILED, "%s: %s" % (record.get("version"), why))
            record["told"] = True
            self._keep()

    def _was_installed(self) -> bool:
        """True when the record is that of install(). Firmware that kept no proof may have installed the first update."""
        kept, proof = self.slots.data(TRIAL), proof_of(self._record)
        if kept is not None or proof is None:
            return proof is not None and kept == proof
        return self.slots.data(IMAGE) in (None, proof[:-_COUNTER])  # the latter: cut short when it was confirmed

    # --- for services and the local API ---

    @property
    def version(self) -> str:
        """The running version."""
        return version.VERSION

    @property
    def counter(self) -> int:
        """The lowest anti-rollback counter that is accepted."""
        return max(version.COUNTER, self.slots.number(COUNTER))

    async def fetch(self, location: str, for_owner: bool = False) -> None:
        """Download and check an image, or resume. ValueError (of the image), OSError (of connection or flash)."""
        if self._busy or self.reserved != for_owner:
            raise OSError("an update is in progress")
        if self.on_trial:
            raise OSError("the running image is on trial")
        self._busy = True
        try:
            log.info("update", "fetching")
            await asyncio.wait_for_ms(self._fetch(location), _WHOLE_MS)
        except asyncio.TimeoutError:
            self._note(UPDATE_FAILED, "the download took too long")
            raise OSError("not done within %d s" % (_WHOLE_MS // 1000))
        except (ValueError, OSError) as error:
            self._note(UPDATE_FAILED, log.reason(error))
            raise
        finally:
            self._busy = False
            gc.collect()

    async def _fetch(self, location: str):
        if self._download is None:
            from charger.update.download import Download  # 5,800 frozen bytes with net/http_client.py, for an update
            from charger.update.download_source import DownloadSource

            unit = {
                "board": self._settings["board"], "hardware": self._settings["hardware"],
                "version": version.VERSION, "counter": self.counter,
            }  # fmt: skip
            source = DownloadSource(self._settings, self._lab)
            self._download = Download(self._files, source, self.slots, self._keys, unit)
        self._download.on_pause = self.on_pause
        for _ in range(_TRIES):
            try:
                return await self._download.fetch(location)
            except MemoryError as error:
                log.warn("update", "later: " + log.reason(error))
                gc.collect()
                await clock.sleep_ms(_ROOM_MS)
        raise OSError("no memory")

    def digest(self) -> bytes | None:
        """SHA-256 of the whole downloaded file, None when there is none."""
        return self._download.digest if self._download is not None else None

    def discard(self) -> None:
        """Throw away what was downloaded."""
        if self._download is not None and not (self._busy or self.reserved):
            self._download.discard()

    async def install(self) -> None:
        """Set the image to boot next and restart; does not return on success. ValueError, OSError."""
        download = self._download
        if download is None or not download.ready:
            raise ValueError("no image to install")
        await download.fetch(download.location)  # verified again from flash
        manifest = download.manifest
        self._record = {
            "slot": self.slots.idle, "version": manifest.version, "from": version.VERSION, "online": self.reached(),
            "size": manifest.size, "sha256": _hex(manifest.sha256), "counter": manifest.counter,
        }  # fmt: skip
        self._keep()
        await hold_ups.run_open(self._choose)
        log.info("update", "restarting into " + manifest.version)
        download.discard()
        self._restart("an update")
        while True:
            await clock.sleep_s(60)

    def _choose(self) -> None:
        self.slots.put_data(TRIAL, proof_of(self._record))
        self.slots.choose()

    def outcome(self) -> bool | None:
        """Return the outcome of the last installation: True, False, or None when there was none or it is not finished."""
        return self._outcome

    # --- the trial ---

    @property
    def was_online(self) -> bool:
        """True when the previous version was connected to its back end, so that this one must connect, too."""
        return bool(self._record.get("online"))

    @property
    def awaits_backend(self) -> bool:
        """True while a trial needs a link to the back end, which the owner's word may stand for."""
        return self.on_trial and self.was_online

    def vouch(self) -> None:
        """Take the owner's word in place of the back end's answer; the other tests of the trial remain."""
        self._record["online"] = False

    def confirm(self) -> None:
        """Confirm the running image. From now on images with a lower counter are refused."""
        record = self._record
        self.slots.confirm()
        self.slots.put_number(COUNTER, max(self.counter, record["counter"]))
        self.slots.put_data(IMAGE, (proof_of(record) or b"")[:-_COUNTER])
        record["confirmed"] = True
        self._keep()
        self.on_trial = False
        self._outcome = True
        self._note(FIRMWARE_UPDATED, "%s to %s" % (record.get("from"), version.VERSION))
        log.info("update", version.VERSION + " confirmed")

    def give_up(self, why: str) -> None:
        """Roll back: restart into the previous image, which reports the reason."""
        log.error("update", "going back: " + why)
        self._record["why"] = why
        self._keep()
        self._restart("rollback of an update")

    def _keep(self) -> None:
        self._files.write_json(FILE, self._record)

    # --- report ---

    def report(self) -> dict:
        """Return the state for the status: running version, slot, progress."""
        download = self._download
        report = {
            "version": version.VERSION, "counter": self.counter, "slot": self.slots.running, "trial": self.on_trial,
            "awaits_backend": self.awaits_backend,
            "last": self._outcome, "why": self._record.get("why") if self._outcome is False else None,
            "offer": self.offer, "lab": self._lab, "bytes": 0,
        }  # fmt: skip
        if download is not None and download.manifest is not None:
            report["bytes"] = download.done
            report["loading"] = download.manifest.version
            report["percent"] = download.done * 100 // download.manifest.size
        return report


def _nobody(*_) -> None:
    """Default callback; does nothing."""


def _unreached() -> bool:
    """Default without a back end."""
    return False


def _hex(data: bytes) -> str:
    return str(hexlify(data), "ascii")


def proof_of(record: dict) -> bytes | None:
    """Encode size and hash as integrity.py reads them, and the counter; None for values of another form."""
    try:
        return record["size"].to_bytes(4, "big") + unhexlify(record["sha256"]) + record["counter"].to_bytes(_COUNTER, "big")
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return None
