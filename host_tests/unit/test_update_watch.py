"""What runs beside an update: the daily question (SEC-5, SEC-7), the look at the own image (SEC-8, SEC-9), the trial."""

import asyncio
import hashlib
import json

import flashrig
from check import equal, true

from charger import clock, version
from charger.errors import HttpError, UpdateError
from charger.update import BROKEN, COUNTER, IMAGE, trial
from charger.update.release_check import ReleaseCheck
from charger.update.update_manager import UpdateManager
from sim import timebase

UNIT = {"board": "SIM", "hardware": 1, "version": "0.1.0", "counter": 3}
RELEASE = {"board": "SIM", "version": "0.2.0", "counter": 3, "min_hardware": 1, "size": 1, "url": "https://h/a"}
DAY_S = 86400


class Answer:
    def __init__(self, text):
        self.text = text
        self.closed = False

    async def read(self, most):
        return self.text

    def close(self):
        self.closed = True


class DownloadSource:
    def __init__(self, text):
        self.text = text
        self.asked_s = []
        self.answers = []

    def check(self, location):
        if not location.startswith("https://h/"):
            raise UpdateError("origin", location)

    async def open(self, url):
        self.asked_s.append(clock.uptime_ms() // 1000)
        if self.text is None:
            raise HttpError("status", "503")
        self.answers.append(Answer(self.text))
        return self.answers[-1]


class Updater:
    offer = None


def _notice(*releases):
    return json.dumps({"format": 1, "releases": releases}).encode()


def _notices(text, unit=UNIT):
    timebase.manual()
    flashrig.fresh()
    heard = []
    source, updater = DownloadSource(text), Updater()
    check = ReleaseCheck(flashrig.files(), source, updater, unit, "https://h/n", lambda event, info: heard.append(event))
    return check, source, heard


async def _live(job, seconds, step_s=60):
    task = asyncio.create_task(job)
    for _ in range(seconds // step_s):
        timebase.advance(step_s * 1000)
        await asyncio.sleep_ms(0)
        await asyncio.sleep_ms(0)
    task.cancel()


class ABRecord:
    running = "ota_1"

    def __init__(self, image):
        self.image = bytearray(image)
        self.sold = False
        self.numbers = {}
        self.known = len(image).to_bytes(4, "big") + hashlib.sha256(image).digest()
        self.reads = 0

    def read(self, at, view, running=False):
        true(running)
        self.reads += 1
        part = self.image[at : at + len(view)]
        view[: len(part)] = part

    def data(self, name):
        equal(name, IMAGE)
        return self.known

    def number(self, name):
        return self.numbers.get(name, 0)

    def put_number(self, name, value):
        self.numbers[name] = value

    def put_data(self, name, value):
        equal(name, IMAGE)
        self.known = value


class Boot:
    accepted = True


class Point:
    """As much of a charge point as the service looks at."""

    boot = Boot()

    def ready(self):
        return True

    def registered(self):
        return self.boot.accepted

    def answered(self):
        return True


class Log:
    def __init__(self):
        self.events = []

    def add(self, event, info=""):
        self.events.append(event)

    def mark(self, sink):
        return -1

    def entries(self, first):
        return ()


class Link:
    barred = None

    def bar(self, why):
        self.barred = why


class App:
    """As much of an application as the service looks at."""

    def __init__(self):
        timebase.manual()
        flashrig.fresh()
        self.files = flashrig.files()
        self.charge_point = Point()
        self.security_log = Log()
        self.link = Link()

    def has_broker(self):
        return False


class Served(ABRecord):
    idle = "ota_0"
    size = 0x1A0000


def _updates(source, image=b"x" * 9000, app=None, slots=None):
    """A service whose questions go to `source`."""
    settings = {"hosts": ("h",), "roots": None, "manifest_url": "https://h/n", "board": "SIM", "hardware": 1}
    app = app or App()
    slots = slots or Served(image)
    clock.set_utc(1830297600, "test")
    updates = UpdateManager(app, lambda: slots, settings, [], False)
    updates._source = lambda: source
    return updates, app, slots


async def test_release_check_runs_at_once_and_then_daily_with_jitter():
    source = DownloadSource(_notice(dict(RELEASE, version="9.0.0")))
    updates, app, _ = _updates(source)
    began_s = clock.uptime_ms() // 1000
    await _live(updates._run(), 20 * DAY_S)
    asked = source.asked_s
    true(asked[0] - began_s <= 120, "first set-up: asked after %d s" % (asked[0] - began_s))
    gaps = [asked[n + 1] - asked[n] for n in range(len(asked) - 1)]
    true(16 <= len(gaps) <= 27, len(gaps))
    true(all(DAY_S * 3 // 4 - 120 <= gap <= DAY_S * 5 // 4 + 240 for gap in gaps), gaps)
    true(len(set(gaps)) > 3, "no jitter")
    equal(set(app.security_log.events), {"UpdateChecked"})
    equal(updates.report()["offer"], {"version": "9.0.0", "url": "https://h/a"})
    equal(updates._updater, None, "its code stays in RAM")
    again, _, _ = _updates(source, app=app)  # the offer outlives a restart, and the first question waits a little
    equal(again.report()["offer"]["version"], "9.0.0")
    true(60 <= again._first_question_s() <= 120)


class Place:
    """Stands for the link's settings and for the station."""

    def __init__(self, url=None, joined=True):
        self.url = url
        self.joined = joined

    def isconnected(self):
        return self.joined


async def test_unit_without_a_back_end_asks_by_itself():
    for url, joined, asks in ((None, True, True), (None, False, False), ("wss://h/ocpp", True, False)):
        source = DownloadSource(_notice(dict(RELEASE, version="9.0.0")))
        updates, app, _ = _updates(source)
        app.settings = app.station = Place(url, joined)
        app.charge_point.ready = lambda: False
        await _live(updates._run(), 3 * DAY_S)
        equal(len(source.asked_s) >= 2, asks, (url, joined))
        equal(len(source.asked_s) > 0, asks, (url, joined))


async def test_unit_without_a_back_end_and_without_the_time_does_not_ask():
    source = DownloadSource(_notice(RELEASE))
    updates, app, _ = _updates(source)
    app.settings = app.station = Place()
    app.charge_point.ready = lambda: False
    clock._zero_s = None
    await _live(updates._run(), DAY_S)
    equal(source.asked_s, [])


async def test_a_failure_is_tried_again_sooner_and_logged():
    source = DownloadSource(None)
    updates, app, _ = _updates(source)
    await _live(updates._run(), DAY_S)
    true(12 <= len(source.asked_s) <= 36, len(source.asked_s))
    equal(set(app.security_log.events), {"UpdateCheckFailed"})


async def test_only_what_fits_and_is_newer_is_offered():
    def changed(**what):
        release = dict(RELEASE)
        release.update(what)
        return release

    for wrong in (
        {"board": "X"}, {"min_hardware": 2}, {"version": "0.1.0"}, {"version": "0.0.9"}, {"counter": 2}, {"counter": None},
        {"url": "http://h/a"}, {"url": 7}, {"version": 7}, {"min_hardware": "1"}, {"version": "0.2.0-\0"}, {"url": "https://h/\n"},
        {"version": "0.2.0-" + "x" * 50}, {"url": "https://h/" + "x" * 500}, {"counter": 1 << 70}, {"counter": True},
    ):  # fmt: skip
        notices, _, _ = _notices(_notice(changed(**wrong)))
        true(await notices.check_release(), str(wrong))
        equal(notices._updater.offer, None, str(wrong))
    notices, _, _ = _notices(_notice(changed(version="0.3.0"), RELEASE, 7, {}, changed(version="0.2.9")))
    await notices.check_release()
    equal(notices._updater.offer["version"], "0.3.0")
    notices._source.text = _notice()
    await notices.check_release()
    equal(notices._updater.offer, None)
    equal([answer.closed for answer in notices._source.answers], [True, True])


async def test_rubbish_is_a_failed_question():
    for text in (b"", b"[]", b'{"format":2,"releases":[]}', b'{"format":1}', b"<html>", _notice(dict(RELEASE, version="x.y.z")),
                 b"[" * 8192, b'{"a":' * 1600):
        notices, _, heard = _notices(text)
        equal(await notices.check_release(), False, str(text))
        equal((heard, notices._updater.offer), (["UpdateCheckFailed"], None))
        equal([answer.closed for answer in notices._source.answers], [True], str(text))


async def test_one_flipped_bit_of_the_running_image_is_found():
    """Looked at every six hours; found altered the unit says so and is cut off, over restarts, until it is whole again."""
    source = DownloadSource(_notice())
    updates, app, slots = _updates(source, bytes(range(250)) * 400)
    await _live(updates._run(), DAY_S, 1)
    equal((app.link.barred, updates.altered), (None, False))
    true(slots.reads > 50, slots.reads)
    slots.image[70001] ^= 4
    await _live(updates._run(), 120, 1)
    equal(app.security_log.events[-1], "FirmwareIntegrityFailed")
    true(app.link.barred and updates.report()["altered"] and slots.numbers[BROKEN] == 1)
    app.link.barred = None
    again, _, _ = _updates(source, app=app, slots=slots)
    true(app.link.barred, "after a restart, before anything was read")
    slots.image[70001] ^= 4
    await _live(again._run(), 120, 1)
    equal((app.link.barred, again.report()["altered"], slots.numbers[BROKEN]), (None, False, 0))


async def test_f_s7_an_image_below_the_confirmed_counter_leaves_the_network_before_it_is_used():
    """What was confirmed once is never undercut: an older image that somebody wrote to the flash sends its notice only."""
    slots = Served(bytes(range(250)) * 40)
    slots.numbers[COUNTER] = version.COUNTER + 1
    updates, app, _ = _updates(DownloadSource(_notice()), slots=slots)
    equal(app.security_log.events, ["FirmwareIntegrityFailed"])
    true(updates.altered and updates.off_network and app.link.barred)
    await _live(updates._run(), 120, 1)
    true(updates.altered and updates.off_network and app.link.barred, "its hash is right, its counter is not")
    slots.numbers[COUNTER] = version.COUNTER
    updates, app, _ = _updates(DownloadSource(_notice()), slots=slots)
    equal((app.security_log.events, updates.altered, app.link.barred), ([], False, None))


async def test_f_s7_the_network_is_left_when_the_notice_was_taken_or_after_five_minutes():
    """From the discovery on the page is closed; the radio goes off behind the notice."""

    class Entry:
        event = "FirmwareIntegrityFailed"

    for taken in (True, False):
        slots = Served(bytes(range(250)) * 40)
        slots.numbers[BROKEN] = 1
        slots.image[5] ^= 1
        app = App()
        app.security_log.entries = lambda first: (Entry(),)
        updates, _, _ = _updates(DownloadSource(_notice()), app=app, slots=slots)
        equal((updates.altered, updates.off_network, app.link.barred), (True, False, None))
        task = asyncio.create_task(updates._run())
        await _live(clock.sleep_s(60), 60, 1)
        equal((updates.altered, updates.off_network), (True, False))
        if taken:
            app.security_log.entries = lambda first: ()
        await _live(clock.sleep_s(30 if taken else 300), 30 if taken else 300, 1)
        true(updates.off_network and app.link.barred)
        task.cancel()


async def test_an_image_without_a_known_hash_is_not_accused():
    """The plain build's: who develops writes another one by cable."""
    updates, _, slots = _updates(DownloadSource(_notice()))
    slots.known = None
    await _live(updates._run(), 60, 1)
    equal((slots.reads, slots.known, updates.report()["altered"]), (0, None, False))


async def test_f_s7_a_unit_to_be_sold_knows_the_factorys_image_from_its_first_check_on():
    """Before any update: the hash of the whole slot, what is erased of it included; a start that is cut short stores none."""
    slots = Served(bytes(range(250)) * 40)
    slots.known, slots.sold, slots.size = None, True, 12288
    slots.image += b"\xff" * (slots.size - len(slots.image))
    updates, app, _ = _updates(DownloadSource(_notice()), slots=slots)
    await _live(updates._run(), 5, 1)
    equal(slots.known, None)
    updates, _, _ = _updates(DownloadSource(_notice()), app=app, slots=slots)
    await _live(updates._run(), 60, 1)
    equal(slots.known, (12288).to_bytes(4, "big") + hashlib.sha256(slots.image).digest())
    equal((updates.altered, app.link.barred, set(app.security_log.events)), (False, None, {"UpdateChecked"}))
    for at in (0, 9999, 12287):
        slots.image[at] ^= 1
        updates, app, _ = _updates(DownloadSource(_notice()), slots=slots)
        await _live(updates._run(), 60, 1)
        equal((updates.altered, app.security_log.events[-1]), (True, "FirmwareIntegrityFailed"), at)
        slots.image[at] ^= 1
        await _live(updates._run(), 60, 1)


async def test_f_s7_what_is_no_hash_and_a_mark_without_one_are_no_clean_bill():
    """A hash of another length is that of no image; the mark of an altered one does not go with the hash."""
    for known in (b"", b"x", bytes(35), bytes(37)):
        slots = Served(b"x" * 3000)
        slots.known = known
        updates, _, _ = _updates(DownloadSource(_notice()), slots=slots)
        await _live(updates._run(), 60, 1)
        equal((updates.altered, slots.numbers.get(BROKEN)), (True, 1), known)
    slots.known, slots.sold = None, True
    updates, _, _ = _updates(DownloadSource(_notice()), slots=slots)
    await _live(updates._run(), 60, 1)
    equal((updates.altered, slots.numbers[BROKEN], slots.known), (True, 1, None))


async def test_an_image_that_gave_up_its_trial_is_not_compared_with_the_hash_of_the_other():
    updates, app, slots = _updates(DownloadSource(_notice()))
    slots.image[5] ^= 1
    updates.updater.on_trial = True
    await updates._check_image()
    equal((slots.reads, app.security_log.events), (0, []))
    updates.updater.on_trial = False
    await _live(updates._check_image(), 60, 1)
    equal(app.security_log.events, ["FirmwareIntegrityFailed"])


class Trial:
    """An updater on trial."""

    def __init__(self):
        self.on_trial = True
        self.version = "0.2.0"
        self.was_online = False
        self.ended = None
        self.ended_ms = None

    def online(self):
        return False

    def confirm(self):
        self.ended, self.ended_ms = "confirmed", clock.uptime_ms()

    def give_up(self, why):
        self.ended, self.ended_ms = why, clock.uptime_ms()


class Parts:
    """What a trial looks at; anything can be broken."""

    def __init__(self):
        self.files = flashrig.files()
        self.config = self
        self.outlets = [self]
        self.meters = [self]
        self.reading = self
        self.id = 1
        self.available = True
        self.pilot = "A1"
        self.stuck_closed = False
        self.dead = False

    def pilot_name(self):
        if self.pilot is None:
            raise ValueError("a bug")
        return self.pilot

    def usable(self):
        return not self.dead

    def all(self):
        return {}


async def _tried(**broken):
    timebase.manual()
    flashrig.fresh()
    updater, parts = Trial(), Parts()
    for name, value in broken.items():
        setattr(updater if hasattr(updater, name) else parts, name, value)
    began_ms = clock.uptime_ms()
    await _live(trial.run(updater, parts), 400, 1)
    return updater.ended, updater.ended_ms - began_ms


async def test_the_trial_confirms_what_works_and_gives_up_what_does_not():
    ended, ms = await _tried()
    true(ended == "confirmed" and ms < 10000, (ended, ms))
    equal((await _tried(pilot="F", available=False))[0], "confirmed")
    for broken, why in (
        ({"pilot": "?"}, "pilot"), ({"pilot": "F"}, "pilot"), ({"pilot": None}, "a bug"), ({"stuck_closed": True}, "contactor"),
        ({"dead": True}, "meter"), ({"was_online": True}, "back end"),
    ):  # fmt: skip
        ended, ms = await _tried(**broken)
        true(why in ended and 300000 <= ms <= 310000, (broken, ended, ms))


async def test_a_trial_whose_confirmation_fails_goes_back():
    """A record of the installation that lacks a value, or a flash that refuses: not an image that is on trial for ever."""

    def fails():
        raise KeyError("counter")

    ended, ms = await _tried(confirm=fails)
    true("counter" in ended and 300000 <= ms <= 310000, (ended, ms))
