"""Files with a right checksum and a wrong value in any field, as other firmware or somebody with the flash leaves them (SEC-13).

Each reader gets each value; none may raise what its caller does not expect, and none may go on for ever.
"""

import json

import flashrig
import queue_rig
from check import equal, true
from ocpp_rig import NOW, Rig
from odd_files import each, variants
from update_rig import UNIT, URL, DownloadSource, begin, new_download, signed_bundle
from update_rig import ABRecord as IdleSlot

from charger import clock
from charger.access import home_cards
from charger.audit.security_log import SecurityLog
from charger.config.configuration import Configuration
from charger.drivers.meters import calibration
from charger.errors import UpdateError
from charger.grid import departure, tariff
from charger.grid.charging_hours import ChargingHours
from charger.maintenance.queue_anonymiser import run as erase_queue
from charger.metering.energy_register import EnergyRegister
from charger.metering.history import History
from charger.metering.session_store import SessionStore
from charger.ocpp.v16.services.availability import Availability
from charger.ocpp.v16.services.reservations import Reservations
from charger.ocpp.v16.services.smart_charging import SmartCharging
from charger.runtime import cooperative
from charger.store.ab_record import ABRecord
from charger.store.journal import Journal
from charger.update.download import Download

HEAP = 8 * 1024 * 1024
WORDS = (32,)
def _files():
    flashrig.fresh()
    return flashrig.files()


# Values of A/B records and of journals' records, as bytes.
_RAW = (b"", b"x", b"\0" * 4, b"\xff" * 4, b"\xff" * 100, b"[]", b"{}", b"7", b"null", b'{"s":"x"}', b'{"t":[1]}',
        b'{"t":{"x":1}}',
        b'{"z":7}', b'{"m":1e999}', b"S", b"S x 1 {}", b"S 1 1", b"E 1 1 []", b"M 1 1", b"M 1 1 x {}", b"M 1 1 0 7", b"S 1 1 {",
        b"S 1 1 null", b"\x02" + b"\xff" * 120, b"\x03" + b"\xff" * 200, b"\x02" * 99, b"\x01" * 99)  # fmt: skip


def test_ab_records_of_another_form():
    """Each one that is read at the start."""
    names = ("hot/ids", "hot/open1", "hot/energy1", "seclog/ocpp", "seclog/mark", "sessions/mark", "ocpp_tx/mark", "ocpp_sent")
    for name in names:
        for value in _RAW if name == "ocpp_sent" else _RAW[:5]:
            files = _files()
            ABRecord(files, name).write(value)
            try:
                store = SessionStore(files)
                store.recover()
                store.begin(1, "TAG", 0)
                log_ = SecurityLog(files)
                log_.add("PinRefused", "x")
                log_.pending("ocpp")
                EnergyRegister(files, 1).add(1000000)
                erase_queue(files)
                queue_rig.Rig(files)
            except Exception as error:
                print(name, value)
                raise error


async def test_journal_records_of_another_form():
    """The queue skips them and sends what comes after; sessions, log and history go on."""
    for value in _RAW:
        files = _files()
        for name in ("ocpp_tx", "ocpp_mv", "sessions", "tags", "seclog"):
            Journal(files, name, 65536, 4096, ring=True).append(value)
        try:
            rig = queue_rig.Rig(files)
            rig.box.add("StartTransaction", 5, {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "x"}, clock.boot_id)
            rig.start()
            await rig.empty()
            equal(rig.done[-1][:2], ("StartTransaction", 5))
            rig.task.cancel()
            store = SessionStore(files)
            store.recover()
            await store.history.months()
            await cooperative.run(store.history.paging())
            log_ = SecurityLog(files)
            log_.add("PinRefused", "x")
            await log_.check()
            [entry.to_dict() for entry in log_.entries(0)]
            erase_queue(files)
        except Exception as error:
            print(value)
            raise error


def _hours(files):
    hours = ChargingHours(Configuration(files, {"Country": "GB"}), files, lambda *_: None)
    hours.at(NOW)
    json.dumps(hours.report())


def _register(files):
    EnergyRegister(files, 1).fitted("X")


async def _history(files):
    history = History(files)
    await history.months()
    await history.year()


def _departure(files):
    clock.set_utc(NOW, "test")
    wish = departure.kept(files).get("1")
    json.dumps(departure.report(None, wish))
    departure.keep(files, 2, (450, 1000))


def _tariff(files):
    clock.set_utc(NOW, "test")
    blocks = tariff.kept(files)
    for moment in (NOW - 1, NOW, NOW + 1800):
        _, change = tariff.price_at(blocks, moment)
        true(change is None or change > moment, "a time without an end")
    [clock.iso(start) for start, _, _ in blocks]
    tariff.add(files, NOW, NOW + 900, 900, [1])


def test_the_grids_and_the_owners_files():
    files = _files()
    each(files, "charging_hours.json", {"choice": "change", "windows": "1-5 22:00-06:00"}, lambda: _hours(files))
    each(files, "departures.json", {"1": [450, 20000]}, lambda: _departure(files))
    each(files, "tariff.json", [[NOW, 900, [10, 20]]], lambda: _tariff(files))
    each(files, "home_cards.json", {"tag1": ["me", False]}, lambda: home_cards.change(files, "TAG1", "you", None, False))
    each(files, "ocpp_config.json", {"HeartbeatInterval": "60", "InstallerMaxCurrent": "16"},
          lambda: json.dumps(Configuration(files, {}).all()))  # fmt: skip


def test_what_the_meters_files_say():
    files = _files()
    good = calibration.stored_form({1: calibration.Calibration("CT", 1).to_json()})
    each(files, "calibration.json", good, lambda: _calibration(files))
    each(files, "meter1.json", [{"meter": "CT", "offset_wh": 0, "boot": 1, "utc": None}], lambda: _register(files))


def _calibration(files):
    entry = calibration.entry_of(files.read_json(calibration.FILE), 1)
    if entry is not None:
        try:
            calibration.from_json(entry, "CT")
        except ValueError:
            pass


async def test_sums_and_anchors_of_the_history():
    files = _files()
    months = {"upto": 0, "months": {"24300": [1, 2, 3, 4]}, "utc": NOW}
    for name, value in (("months.json", months), ("anchors.json", [[1, NOW]])):
        for text in variants(value):
            files.write(name, text.encode())
            try:
                await _history(files)
            except Exception as error:
                print("%s: %s" % (name, text))
                raise error
        files.delete(name)


_PROFILE = [1, {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Recurring", "recurrencyKind": "Daily", "validFrom": "2026-01-01T00:00:00Z",
                "chargingSchedule": {
                    "chargingRateUnit": "A", "startSchedule": "2026-01-01T00:00:00Z", "duration": 86400,
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10, "numberPhases": 1}]}}]  # fmt: skip
_JOB = {"id": 7, "status": "Downloading", "location": "https://h/f", "retrieve_s": NOW, "install_s": None, "certificate": "c",
        "signature": "s", "retries": 0, "interval_s": 0}  # fmt: skip


def signed_update(cp):
    """The service as a start creates it."""
    cp.loaded.pop("signed firmware", None)
    return cp.signed_firmware()


async def test_what_the_back_end_had_set():
    rig = Rig(connectors=2)
    await rig.online()
    cp, files = rig.cp, rig.files

    def profiles():
        made = SmartCharging(rig.config, rig.connectors, files, None, None)
        cooperative.run_now(made.loading())
        made.second()

    def reservations():
        made = Reservations(rig.config, rig.connectors, files, cp.status)
        made.second()
        made.claim(1, "TAG", None)
        made.reserve(8, 1, "TAG", None, NOW + 600)

    each(files, "ocpp_profiles.json", [_PROFILE], profiles)
    each(files, "ocpp_reservations.json", [[7, 1, "TAG", None, NOW + 600]], reservations)
    each(files, "ocpp_out_of_service.json", [1], lambda: Availability(rig.connectors, files, cp.status).apply())
    stored = [signed_update(cp)]

    def job():
        made = stored[0] = signed_update(cp)
        made.second()
        made.trigger()
        true(made.busy in (True, False))

    each(files, "ocpp_signed_firmware.json", _JOB, job)
    each(files, "ocpp_firmware_last.json", _JOB, job)
    each(files, "ocpp_firmware.json", "Installing", cp.firmware().resume)


async def test_a_job_of_other_firmware_ends_and_the_next_one_is_taken():
    """A field that is missing in the file of a signed update ends it, with a status; the update never waits for ever."""
    for name in ("location", "retrieve_s", "retries", "signature"):
        rig = Rig()
        await rig.online()
        updater = Refusing()
        rig.cp.make_updater = lambda updater=updater: updater
        job = {key: value for key, value in _JOB.items() if key != name}
        rig.files.write_json("ocpp_signed_firmware.json", job)
        service = signed_update(rig.cp)
        service.resume()
        await rig.until(lambda service=service: not service.busy)
        equal(service.busy, False, name)


class Refusing:
    """An updater that has no image."""

    on_trial = False
    on_pause = None

    async def fetch(self, location):
        raise OSError("no image")

    def digest(self):
        return None

    def discard(self):
        pass

    def outcome(self):
        return None


async def test_the_progress_of_a_download_is_taken_up_or_begun_anew():
    """Whatever the file says, the image is in the slot afterwards (F-S4)."""
    begin()
    content, public, _ = signed_bundle(2)
    slots = IdleSlot()
    download = new_download(slots, DownloadSource(content), public)
    await download.fetch(URL)
    files = flashrig.files()
    kept = files.read_json("update.json")
    texts = [text for name in ("done", "etag") for text in variants({name: kept.pop(name)})]
    inside = json.dumps(kept)[1:-1]
    for text in texts:
        text = "{%s,%s" % (inside, text[1:]) if len(text) > 2 and text[0] == "{" else text
        files.write("update.json", text.encode())
        slots.flash[:4] = b"\xff" * 4  # no longer the image
        download = Download(files, DownloadSource(content), slots, [public], UNIT)
        try:
            await download.fetch(URL)
        except UpdateError:  # the slot is empty: its hash is not that of the image; the next attempt begins anew
            await download.fetch(URL)
        except Exception as error:
            print(text)
            raise error
        true(download.ready, text)
