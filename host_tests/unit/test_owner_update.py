"""The owner's update goes first: a back end's download gives way, an installation and a trial keep their place (F-S4, F-S5)."""

import asyncio

import flashrig
from check import equal, raises_async, true
from update_rig import URL, ABRecord, DownloadSource, begin, new_download, run_to_end, signed_bundle

from charger.commands import maintenance
from charger.errors import CommandError
from charger.update import OFFER
from charger.update.updater import FILE as TRIAL_FILE
from charger.update.updater import Updater
from sim import timebase

HEAP = 8 * 1024 * 1024


class _Unit:
    """An application whose updater has an offer."""

    def __init__(self, updater, download=None):
        self.updates = self
        self.updater = lambda: updater
        self.charge_point = self
        self.availability = self
        self.download = download  # task of the back end's
        self.gives_way = True
        self.sessions = []

    def give_way(self):
        """End the back end's download."""
        if self.download is not None:
            self.download.cancel()
        return self.gives_way

    def hold(self, _):
        """Free connectors stay free."""

    def apply(self):
        return self.sessions


class _Slots(ABRecord):
    """A slot that can be chosen, with the values beside it."""

    def __init__(self):
        super().__init__()
        self.values = {}
        self.chosen = False

    def data(self, name):
        return self.values.get(name)

    def put_data(self, name, value):
        self.values[name] = value

    def choose(self):
        self.chosen = True


async def _until(condition):
    """Advance the time until a condition holds."""
    for _ in range(3000):
        if condition():
            return
        timebase.advance(100)
        await asyncio.sleep_ms(0)
    raise AssertionError("it does not come true")


def _offered(source, public, **changed):
    """An updater with an offer and this source."""
    updater = Updater(flashrig.files(), _Slots(), {"board": "SIM", "hardware": 1}, [public], False, **changed)
    updater._download = new_download(updater.slots, source, public)
    updater.offer = {"version": "9.0.0", "url": URL}
    return updater


async def _conflict(job):
    equal((await raises_async(CommandError, job)).kind, "conflict")


async def test_f_s4_the_owners_update_takes_the_place_of_the_back_ends_download_and_keeps_it():
    """Until its end no download of the back end begins, no discard() touches it, and a second request is refused."""
    begin()
    content, public, head = signed_bundle(4)
    restarts = []
    updater = _offered(DownloadSource(content, lambda _: {"pause_ms": 100, "piece": 256}), public, restart=restarts.append)
    paused = []
    updater.on_pause = paused.append
    theirs = asyncio.create_task(updater.fetch("https://updates.example/theirs.plu"))
    await _until(lambda: updater.slots.written)
    unit = _Unit(updater, theirs)
    unit.sessions.append(1)
    equal(await maintenance._install(unit, "owner", {}, "page"), {"version": "9.0.0"})
    true(not updater.idle)
    for _ in range(2):  # during its download, and while it waits for the session
        await raises_async(OSError, updater.fetch("https://updates.example/again.plu"))
        await _conflict(maintenance._install(unit, "owner", {}, "page"))
        updater.discard()
        await _until(lambda: updater._download.ready and updater._download.location == URL and not updater.busy)
    equal((restarts, paused, updater._download.on_pause), ([], [], None))
    unit.sessions.clear()
    await _until(lambda: restarts)
    true(updater.slots.chosen)
    image = content[head:]
    equal(bytes(updater.slots.flash[: len(image)]), image)


async def test_f_s4_an_installation_of_the_back_end_and_a_trial_keep_their_place():
    begin()
    content, public, _ = signed_bundle(2)
    updater = _offered(DownloadSource(content), public)
    unit = _Unit(updater)
    unit.gives_way = False
    await _conflict(maintenance._install(unit, "owner", {}, "page"))
    true(not updater.reserved)
    unit.gives_way = updater.on_trial = True
    await _conflict(maintenance._install(unit, "owner", {}, "page"))
    true(not updater.reserved)


async def test_f_s5_the_owner_sees_a_release_that_was_rolled_back_and_installs_it_again():
    begin()
    content, public, _ = signed_bundle(2, version="9.0.0")
    files = flashrig.files()
    files.write_json(OFFER, {"version": "9.0.0", "url": URL})
    files.write_json(TRIAL_FILE, {"slot": "ota_1", "version": "9.0.0", "why": "no connection", "told": True})
    restarts = []
    updater = Updater(files, _Slots(), {"board": "SIM", "hardware": 1}, [public], False, restart=restarts.append)
    updater._download = new_download(updater.slots, DownloadSource(content), public)
    report = updater.report()
    equal((report["last"], report["why"], report["offer"]["version"]), (False, "no connection", "9.0.0"))
    equal(await maintenance._install(_Unit(updater), "owner", {}, "page"), {"version": "9.0.0"})
    await _until(lambda: restarts)
    record = files.read_json(TRIAL_FILE)
    equal((updater.slots.chosen, record["version"], record.get("why")), (True, "9.0.0", None))


async def test_f_s4_an_update_of_the_owner_that_a_power_cut_interrupts_is_on_offer_again_and_goes_on_where_it_was():
    begin()
    content, public, _ = signed_bundle(30)
    files, source = flashrig.files(), DownloadSource(content)
    files.write_json(OFFER, {"version": "9.0.0", "url": URL})
    slots = _Slots()
    slots.fail_at = 20  # blocks
    for _ in range(2):
        restarts = []
        updater = Updater(files, slots, {"board": "SIM", "hardware": 1}, [public], False, restart=restarts.append)
        updater._download = new_download(slots, source, public)
        equal((updater.report()["offer"]["version"], updater.reserved, updater.idle), ("9.0.0", False, False))
        equal(await maintenance._install(_Unit(updater), "owner", {}, "page"), {"version": "9.0.0"})
        await _until(lambda updater=updater, restarts=restarts: restarts or not updater.reserved)
        slots.fail_at = None
    true(slots.chosen)
    equal((len(source.offsets), source.offsets[0]), (2, 0))
    true(65536 <= source.offsets[1] < 20 * 4096, source.offsets)


async def test_f_s4_the_owners_update_is_possible_at_once_after_a_failed_download():
    begin()
    content, public, _ = signed_bundle(2)
    updater = _offered(DownloadSource(content), public)
    download = updater._download

    async def failing(_location):
        raise OSError("404")

    download.fetch = failing
    try:
        await run_to_end(asyncio.create_task(updater.fetch("https://elsewhere.example/x")))
    except OSError:
        pass
    unit = _Unit(updater)
    equal(await maintenance._install(unit, "owner", {}, "page"), {"version": "9.0.0"})
    await _until(lambda: not updater.reserved)
    equal(await maintenance._install(unit, "owner", {}, "page"), {"version": "9.0.0"})
    updater._download = None
    true(not updater.idle, "dropped before the download begins")
