"""The update engine between two starts: what it remembers, reports and says once (SEC-4 to SEC-7)."""

import asyncio

import flashrig
from check import equal, raises_async, true
from thing import Thing
from update_rig import URL, begin

from charger import version
from charger.errors import UpdateError
from charger.update import COUNTER, IMAGE, OFFER, TRIAL, updater
from charger.update import download as download_module
from charger.update.updater import FILE, Updater, proof_of
from sim import timebase

RECORD = {"slot": "ota_0", "version": version.VERSION, "from": "0.0.9", "online": True, "size": 1, "sha256": "ab" * 32,
          "counter": 5}  # fmt: skip

SETTINGS = {"board": "SIM", "hardware": 7, "hosts": ("h",), "roots": None}


class SlotsBelow:
    """The slots with the values beside them."""

    running, idle, size = "ota_0", "ota_1", 4096

    def __init__(self, **values):
        self.values = values
        self.done = []

    def number(self, name):
        return self.values.get(name, 0)

    def data(self, name):
        return self.values.get(name)

    def put_number(self, name, value):
        self.values[name] = value

    def put_data(self, name, value):
        self.values[name] = value

    def confirm(self):
        self.done.append("confirm")

    def choose(self):
        self.done.append("choose")


def started(record=None, slots=None, **callbacks):
    """(an updater after a start with this record, its events)."""
    begin()
    files, events = flashrig.files(), []
    if record is not None:
        files.write_json(FILE, record)
    made = Updater(files, slots or SlotsBelow(), SETTINGS, ["key"], False,
                   lambda event, info: events.append((event, info)), **callbacks)  # fmt: skip
    return made, events


def test_a_unit_that_was_never_updated_has_no_outcome_and_is_idle():
    made, events = started()
    equal((made.outcome(), made.on_trial, made.was_online, made.awaits_backend, made.idle, made.busy, made.failed, events),
          (None, False, False, False, True, False, None, []))  # fmt: skip
    equal((made.digest(), made.version, made.offer, made.online(), made.reached()), (None, version.VERSION, None, False, False))


def test_a_confirmed_image_is_a_success_over_restarts_and_no_event():
    made, events = started(dict(RECORD, confirmed=True))
    equal((made.outcome(), made.on_trial, made.report()["last"], made.report()["why"], events), (True, False, True, None, []))


def test_an_installed_image_is_on_trial_and_one_that_nobody_installed_is_not():
    proof = proof_of(RECORD)
    for values, on_trial in (({TRIAL: proof}, True), ({TRIAL: proof[:-1] + b"x"}, False), ({}, True), ({IMAGE: proof[:-4]}, True),
                             ({IMAGE: b"other"}, False)):  # fmt: skip
        made, events = started(RECORD, SlotsBelow(**values))
        equal((made.on_trial, made.busy, made.idle, made.outcome(), events), (on_trial, on_trial, not on_trial, None, []), values)
    equal(started(dict(RECORD, sha256="no hash"))[0].on_trial, False)
    made, _ = started(RECORD)
    equal((made.was_online, made.awaits_backend), (True, True))
    made.vouch()
    equal((made.was_online, made.awaits_backend, made.on_trial), (False, False, True))


def test_an_image_that_was_rolled_back_is_told_once_with_its_reason():
    for record, why in ((dict(RECORD, slot="ota_1", why="the meter"), "the meter"), (dict(RECORD, slot="ota_1"), "it was reset"),
                        (dict(RECORD, version="9.0.0"), "it was reset")):  # fmt: skip
        made, events = started(record)
        equal((made.outcome(), made.report()["last"], why in made.report()["why"], len(events)), (False, False, True, 1))
        equal((events[0][0], record["version"] in events[0][1] and why in events[0][1]), ("UpdateFailed", True))
        again, events = started(flashrig.files().read_json(FILE))
        equal((again.outcome(), events), (False, []), "told")


def test_a_record_of_another_form_counts_as_none():
    for record in ([], "x", {}, {"version": "1"}):
        made, events = started(record)
        equal((made.outcome(), made.on_trial, events), (None, False, []), record)


def test_a_confirmed_trial_raises_the_counter_and_keeps_the_hash():
    for counter, kept in ((3, 5), (9, 9)):
        slots = SlotsBelow(**{TRIAL: proof_of(RECORD), COUNTER: counter})
        made, events = started(RECORD, slots)
        made.confirm()
        equal((slots.done, slots.values[COUNTER], slots.values[IMAGE]), (["confirm"], kept, proof_of(RECORD)[:-4]))
        equal((made.on_trial, made.outcome(), events), (False, True, [("FirmwareUpdated", "0.0.9 to " + version.VERSION)]))
        equal((flashrig.files().read_json(FILE)["confirmed"], made.counter), (True, kept))


def test_a_trial_that_is_given_up_restarts_with_its_reason_on_flash():
    restarts = []
    made, _ = started(RECORD, restart=restarts.append)
    made.give_up("the meter")
    equal((restarts, flashrig.files().read_json(FILE)["why"]), (["rollback of an update"], "the meter"))


def test_only_a_newer_release_is_on_offer_after_a_start():
    for kept, offered in (({"version": "99.0.0", "url": "u"}, True), ({"version": version.VERSION, "url": "u"}, False),
                          ({"version": "99.0.0"}, False), ({"url": "u"}, False), ({"version": "x", "url": "u"}, False),
                          ({}, False)):  # fmt: skip
        begin()
        flashrig.files().write_json(OFFER, kept)
        made = Updater(flashrig.files(), SlotsBelow(), {}, [], False)
        equal(made.offer, kept if offered else None, kept)


class Download:
    """A download that does what the test says."""

    fault = None
    made = []

    def __init__(self, files, source, slots, keys, unit):
        self.made.append((source._hosts, slots, keys, unit))
        self.digest, self.ready, self.location, self.on_pause = b"d", False, "", None
        self.manifest, self.done = None, 0
        self.discarded = 0
        self.fetched = []
        self.busy = lambda: None

    async def fetch(self, location):
        self.location = location
        self.fetched.append((location, self.busy()))
        if self.fault is not None:
            raise self.fault

    def discard(self):
        self.discarded += 1


async def test_a_download_is_made_once_of_the_boards_data_and_its_faults_are_events():
    kept, download_module.Download = download_module.Download, Download
    try:
        Download.made.clear()
        made, events = started()
        made.on_pause = "pause"
        await made.fetch(URL)
        made._download.busy = lambda: made.busy
        await made.fetch(URL)
        equal(made._download.fetched[1:], [(URL, True)])
        unit = {"board": "SIM", "hardware": 7, "version": version.VERSION, "counter": made.counter}
        equal(Download.made, [(("h",), made.slots, ["key"], unit)])
        equal((made._download.on_pause, made.digest(), made.busy, made.idle, events), ("pause", b"d", False, False, []))
        for fault in (UpdateError("hash", "bad"), OSError(104)):
            made._download.fault = fault
            true(await raises_async(type(fault), made.fetch(URL)) is fault)
            equal((events.pop()[0], made.busy), ("UpdateFailed", False))
        made._download.fault = asyncio.TimeoutError()
        true("10800 s" in str(await raises_async(OSError, made.fetch(URL))))
        equal(events, [("UpdateFailed", "the download took too long")])
        made._download.fault = MemoryError()
        timebase.manual()
        sleep, updater.clock.sleep_ms = updater.clock.sleep_ms, _at_once
        try:
            error = await raises_async(OSError, made.fetch(URL))
        finally:
            updater.clock.sleep_ms = sleep
        equal(str(error), "no memory")
        made.discard()
        made.reserved = True
        made.discard()
        equal(made._download.discarded, 1)
    finally:
        download_module.Download = kept


async def _at_once(ms):
    equal(ms, 10000)


async def test_one_download_at_a_time_none_on_trial_and_the_owners_place_is_the_owners():
    made, events = started()
    for name, for_owner, word in (("_busy", False, "in progress"), ("reserved", False, "in progress"),
                                  ("on_trial", False, "trial"), (None, True, "in progress")):  # fmt: skip
        if name:
            setattr(made, name, True)
        error = await raises_async(OSError, made.fetch(URL, for_owner))
        equal((word in str(error), made._download, events), (True, None, []), name)
        if name:
            setattr(made, name, False)


async def test_without_a_whole_image_nothing_is_installed():
    made, _ = started()
    await raises_async(ValueError, made.install())
    made._download = Download(None, Thing(_hosts=()), None, None, None)
    await raises_async(ValueError, made.install())
    equal(made.slots.done, [])


async def test_an_installation_looks_at_the_flash_again_and_leaves_record_and_proof_before_the_restart():
    restarts = []
    made, _ = started(restart=restarts.append, reached=lambda: True)
    made._download = download = Download(None, Thing(_hosts=()), None, None, None)
    download.ready, download.location, download.done = True, URL, 3
    download.manifest = Thing(version="99.0.0", size=12, sha256=b"\xab" * 32, counter=5)
    report = made.report()
    equal((report["bytes"], report["loading"], report["percent"]), (3, "99.0.0", 25))
    download.fault = UpdateError("hash", "the flash")
    await raises_async(UpdateError, made.install())
    equal((made.slots.done, restarts, flashrig.files().exists(FILE)), ([], [], False))
    download.fault = None
    task = asyncio.create_task(made.install())
    for _ in range(10):
        await asyncio.sleep_ms(0)
    task.cancel()
    record = {"slot": "ota_1", "version": "99.0.0", "from": version.VERSION, "online": True, "size": 12, "sha256": "ab" * 32,
              "counter": 5}  # fmt: skip
    equal((flashrig.files().read_json(FILE), made.slots.values[TRIAL]), (record, proof_of(record)))
    equal((made.slots.done, download.discarded, restarts, [one[0] for one in download.fetched]),
          (["choose"], 1, ["an update"], [URL, URL]))  # fmt: skip


def test_a_report_without_a_download_has_no_progress():
    report = started()[0].report()
    equal((report["bytes"], "loading" in report), (0, False))


def test_the_proof_of_a_record_holds_size_hash_and_counter():
    equal(proof_of({"size": 258, "sha256": "ab" * 32, "counter": 5}), b"\x00\x00\x01\x02" + b"\xab" * 32 + b"\x00\x00\x00\x05")
    for record in ({}, {"size": 1, "sha256": "ab"}, {"size": "1", "sha256": "ab", "counter": 1},
                   {"size": 1, "sha256": "xy", "counter": 1}, {"size": 1, "sha256": None, "counter": 1}):  # fmt: skip
        equal(proof_of(record), None, record)
