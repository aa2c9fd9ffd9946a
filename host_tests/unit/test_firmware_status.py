"""FirmwareStatusNotification over a link that is lost during the download: each status is sent, in order (F-S13)."""

import asyncio

from check import equal, true
from ocpp_rig import NOW, Rig

from charger import clock
from charger.errors import DisconnectedError

HEAP = 16 * 1024 * 1024  # the flash chip is in it
ACTION = "FirmwareStatusNotification"
UPDATE = {"location": "https://h/a", "retrieveDate": clock.iso(NOW - 5)}


class Updater:
    """Fetches until `fetched` is set, then installs until the restart; `result` is its outcome after that."""

    on_trial = False

    def __init__(self):
        self.fetched = asyncio.Event()
        self.installing = self.fails = False
        self.result = None

    async def fetch(self, location):
        await self.fetched.wait()
        if self.fails:
            raise OSError("404")

    async def install(self):
        self.installing = True
        await clock.sleep_s(1000)

    def outcome(self):
        return self.result


def _statuses(rig):
    return [payload["status"] for payload in rig.link.of(ACTION)]


async def _rig(updater):
    rig = Rig()
    rig.cp.make_updater = lambda: updater
    return await rig.online()


async def _expect_three_after_reconnect(rig):
    """The link comes back: all statuses up to the installation are sent, in order."""
    await rig.reconnect()
    await rig.until(lambda: len(_statuses(rig)) >= 3)
    equal(_statuses(rig), ["Downloading", "Downloaded", "Installing"])
    await rig.stop()


def _lose(rig):
    """The link ends with the next status on its way."""

    def lost(_payload):
        rig.link.connected = False
        rig.cp.closed()
        return DisconnectedError(ACTION)

    rig.link.answers[ACTION] = lost


async def test_f_s13_statuses_of_a_time_without_a_link_are_sent_once_it_is_back():
    updater = Updater()
    rig = await _rig(updater)
    await rig.offline()
    await rig.call("UpdateFirmware", **UPDATE)
    updater.fetched.set()
    await rig.until(lambda: updater.installing)
    equal(_statuses(rig), [])
    await _expect_three_after_reconnect(rig)


async def test_f_s13_a_status_that_the_link_loses_on_its_way_is_sent_again():
    updater = Updater()
    rig = await _rig(updater)
    _lose(rig)
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.until(lambda: not rig.link.connected)
    updater.fetched.set()
    await rig.until(lambda: updater.installing)
    del rig.link.answers[ACTION]
    rig.link.sent.clear()
    await _expect_three_after_reconnect(rig)


async def test_f_s13_the_outcome_is_sent_after_the_restart_also_when_that_link_is_lost():
    updater = Updater()
    rig = await _rig(updater)
    updater.fetched.set()
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.until(lambda: updater.installing)
    updater.result = True
    for answered in (False, True):
        await rig.power_cut()
        rig.cp.make_updater = lambda: updater
        rig.link.answers.clear()
        if not answered:
            _lose(rig)
        rig.link.connected = True
        rig.link.sent.clear()
        await rig.online()
        await rig.until(lambda: _statuses(rig))
        equal(_statuses(rig)[0], "Installed")
        await rig.seconds(2)
    await rig.power_cut()
    rig.cp.make_updater = lambda: updater
    rig.link.sent.clear()
    await rig.online()
    await rig.seconds(5)
    equal(_statuses(rig), [], "reported once it was answered")
    await rig.stop()


# --- a request that waits, over restarts ---


async def _restarted(rig, updater, utc=True):
    await rig.power_cut(utc)
    rig.cp.make_updater = lambda: updater
    rig.link.sent.clear()
    await rig.online()


async def test_a_request_that_waits_for_its_retrieve_date_is_kept_over_restarts():
    updater = Updater()
    updater.fetched.set()
    rig = await _rig(updater)
    await rig.call("UpdateFirmware", location="https://h/b", retrieveDate=clock.iso(NOW + 130), retries=2)
    for _ in range(2):
        await _restarted(rig, updater)
        await rig.seconds(60)
        equal((_statuses(rig), updater.installing), ([], False))
    await rig.until(lambda: updater.installing)
    true(NOW + 130 <= clock.utc_s() <= NOW + 140)
    equal(_statuses(rig), ["Downloading", "Downloaded", "Installing"])
    await rig.stop()


async def test_a_request_is_on_flash_before_its_answer_and_a_later_one_takes_its_place():
    updater = Updater()
    updater.fetched.set()
    rig = await _rig(updater)
    later = {"location": "https://h/b", "retrieveDate": clock.iso(NOW + 86400)}
    await rig.handled("UpdateFirmware", UPDATE)
    await rig.handled("UpdateFirmware", later)  # the power fails before its answer was sent
    await _restarted(rig, updater)
    await rig.seconds(30)
    equal((_statuses(rig), rig.cp.firmware().busy), ([], True))
    await rig.stop()


async def test_a_flash_that_fails_while_a_kept_request_starts_ends_nothing_else():
    updater = Updater()
    updater.fetched.set()
    rig = await _rig(updater)
    await rig.call("UpdateFirmware", location="https://h/b", retrieveDate=clock.iso(NOW + 130))
    write = rig.files.write_json

    def failing(name, value):
        if name == "ocpp_firmware.json":
            raise OSError(5)
        write(name, value)

    rig.files.write_json = failing
    rig.cp.firmware().start(rig.files.read_json("ocpp_firmware.json"))
    await rig.seconds(2)
    true(rig.cp.firmware().busy)
    rig.files.write_json = write
    await rig.seconds(130)
    await rig.until(lambda: updater.installing)
    await rig.stop()


async def test_a_download_that_a_restart_interrupts_begins_again_and_one_that_has_failed_does_not():
    updater = Updater()
    rig = await _rig(updater)
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.until(lambda: _statuses(rig) == ["Downloading"])
    await _restarted(rig, updater)
    await rig.until(lambda: _statuses(rig) == ["Downloading"])
    updater.fails = True
    updater.fetched.set()
    await rig.until(lambda: _statuses(rig) == ["Downloading", "DownloadFailed"])
    await _restarted(rig, updater)
    await rig.seconds(30)
    equal(_statuses(rig), [])
    await rig.stop()


async def test_a_download_that_restarts_the_unit_each_time_is_given_up():
    updater = Updater()
    rig = await _rig(updater)
    await rig.call("UpdateFirmware", **UPDATE)
    for _ in range(4):
        await rig.until(lambda: _statuses(rig) == ["Downloading"])
        await _restarted(rig, updater)
    await rig.until(lambda: _statuses(rig) == ["Downloading"])
    for wanted in (["DownloadFailed"], []):
        await _restarted(rig, updater)
        await rig.seconds(5)
        equal((_statuses(rig), rig.cp.firmware().busy), (wanted, False))
    await rig.stop()


async def test_a_clock_that_is_set_moves_the_download_and_a_damaged_request_begins_none():
    updater = Updater()
    rig = await _rig(updater)
    await rig.call("UpdateFirmware", location="https://h/b", retrieveDate=clock.iso(NOW + 86400))
    await rig.seconds(5)
    clock.set_utc(NOW + 86400, "test")
    await rig.seconds(60)
    equal(_statuses(rig), ["Downloading"])
    nameless = {"location": "", "retrieve_s": 0, "retries": 0, "interval_s": 0, "begun": 0}
    for content in (nameless, {"location": "x"}, [1], 5, "Installed"):
        rig.files.write_json("ocpp_firmware.json", content)
        await _restarted(rig, updater)
        await rig.seconds(5)
        equal((_statuses(rig), rig.cp.firmware().busy), ([], False), str(content))
    await rig.stop()


# --- the owner's update first ---


async def test_f_s4_the_owners_update_ends_the_back_ends_download_and_that_is_told_once():
    """The request is gone from flash as well: no restart takes it up again."""
    updater = Updater()
    rig = await _rig(updater)
    true(rig.cp.give_way() and "firmware" not in rig.cp.loaded)  # loads nothing
    await rig.call("UpdateFirmware", retries=5, **UPDATE)
    await rig.until(lambda: _statuses(rig) == ["Downloading"])
    true(rig.cp.give_way())
    await rig.until(lambda: not rig.cp.firmware().busy)
    updater.fetched.set()
    true(rig.cp.give_way())
    await rig.seconds(90)
    equal(_statuses(rig), ["Downloading", "DownloadFailed"])
    await _restarted(rig, updater)
    await rig.seconds(5)
    equal((_statuses(rig), updater.installing), ([], False))
    await rig.stop()


async def test_f_s4_the_owners_update_takes_the_place_of_one_that_waits_for_a_session_but_not_of_an_installation():
    updater = Updater()
    updater.fetched.set()
    rig = await _rig(updater)
    await rig.charge()
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.until(lambda: _statuses(rig)[-1:] == ["Downloaded"])
    true(rig.cp.give_way())
    await rig.plug(plugged=False)
    await rig.shows("Available")
    equal((_statuses(rig), updater.installing), (["Downloading", "Downloaded", "InstallationFailed"], False))
    rig.link.sent.clear()
    await rig.call("UpdateFirmware", **UPDATE)
    await rig.until(lambda: updater.installing)
    true(not rig.cp.give_way())
    await rig.until(lambda: _statuses(rig) == ["Downloading", "Downloaded", "Installing"])
    equal(rig.files.read_json("ocpp_firmware.json"), "Installing")
    await rig.stop()


async def test_f_s4_a_request_that_waits_for_its_retrieve_date_stays():
    rig = await _rig(Updater())
    await rig.call("UpdateFirmware", location="https://h/b", retrieveDate=clock.iso(NOW + 86400))
    await rig.until(lambda: rig.cp.firmware().busy)
    true(rig.cp.give_way() and rig.cp.firmware().busy)
    equal((rig.files.read_json("ocpp_firmware.json")["location"], _statuses(rig)), ("https://h/b", []))
    await rig.stop()
