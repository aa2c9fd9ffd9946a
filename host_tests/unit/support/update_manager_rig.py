"""An UpdateManager with the doubles around it: the update host, the slots, the application."""

import asyncio
import hashlib
import json

import flashrig
from check import equal, true

from charger import clock
from charger.errors import HttpError, UpdateError
from charger.update import IMAGE
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


def notice(*releases):
    """The file that names the releases."""
    return json.dumps({"format": 1, "releases": releases}).encode()


def release_check(text, unit=UNIT):
    """(ReleaseCheck, its source, the events): a host answers with this text."""
    timebase.manual()
    flashrig.fresh()
    heard = []
    source, updater = DownloadSource(text), Updater()
    check = ReleaseCheck(flashrig.files(), source, updater, unit, "https://h/n", lambda event, info: heard.append(event))
    return check, source, heard


async def let_pass(job, seconds, step_s=60):
    """Run job for so many seconds of virtual time."""
    task = asyncio.create_task(job)
    for _ in range(seconds // step_s):
        timebase.advance(step_s * 1000)
        await asyncio.sleep_ms(0)
        await asyncio.sleep_ms(0)
    task.cancel()


class AppSlots:
    """The running slot in memory; `known`: what is stored of its image."""

    running = "ota_1"
    idle = "ota_0"
    size = 0x1A0000

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


def make_updates(source, image=b"x" * 9000, app=None, slots=None):
    """A service whose questions go to `source`."""
    settings = {"hosts": ("h",), "roots": None, "manifest_url": "https://h/n", "board": "SIM", "hardware": 1}
    app = app or App()
    slots = slots or AppSlots(image)
    clock.set_utc(1830297600, "test")
    updates = UpdateManager(app, lambda: slots, settings, [], False)
    updates._source = lambda: source
    return updates, app, slots
