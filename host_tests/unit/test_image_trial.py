"""The trial of a new image: it confirms what works and gives up what does not."""

import flashrig
from check import equal, raises_async, true
from update_manager_rig import let_pass

from charger import clock, log, version
from charger.commands import maintenance
from charger.errors import CommandError
from charger.runtime import hold_ups
from charger.update import TRIAL, trial
from charger.update.updater import FILE, Updater, proof_of
from sim import timebase


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
    """The parts that a trial checks; each can be broken."""

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
        self.unreadable = None  # what config.all() raises

    def pilot_name(self):
        if self.pilot is None:
            raise ValueError("a bug")
        return self.pilot

    def usable(self):
        return not self.dead

    def all(self):
        if self.unreadable is not None:
            raise self.unreadable
        return {}


async def _tried(**broken):
    timebase.manual()
    flashrig.fresh()
    updater, parts = Trial(), Parts()
    for name, value in broken.items():
        setattr(updater if hasattr(updater, name) else parts, name, value)
    began_ms = clock.uptime_ms()
    await let_pass(trial.run(updater, parts), 400, 1)
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


class BadFiles:
    """A flash that gives back other bytes, or fails."""

    def __init__(self, error=None):
        self.error = error

    def write(self, name, content):
        if self.error is not None:
            raise self.error

    def read(self, name):
        return b"trail"

    def delete(self, name):
        pass


async def test_flash_that_stores_something_else_or_fails_and_a_configuration_that_cannot_be_read_are_no_working_image():
    for broken, why in (
        ({"files": BadFiles()}, "does not store"), ({"files": BadFiles(OSError(5))}, "flash or configuration"),
        ({"unreadable": ValueError("bad key")}, "bad key"), ({"unreadable": OSError(5)}, "flash or configuration"),
    ):  # fmt: skip
        ended, _ = await _tried(**broken)
        true(why in ended, (broken, ended))


async def test_the_probe_of_the_flash_is_deleted_and_each_reason_to_wait_is_logged_once():
    await _tried()
    equal([name for name in flashrig.files().names() if "probe" in name], [])
    log.forget()
    await _tried(dead=True)
    equal(len([line for line in log.recent() if "not yet" in line]), 1)


async def test_a_trial_is_confirmed_with_every_contactor_open():
    """It erases the record of the slots (45 to 400 ms)."""

    class Charging:
        is_closed = True

        def __init__(self):
            self.limits = self

        def set(self, _source, da):
            if da == 0:
                self.is_closed = False

    outlet = Charging()
    hold_ups.configure([outlet], 0)
    seen = []
    ended, _ = await _tried(confirm=lambda: seen.append(outlet.is_closed) or fail())
    hold_ups.configure([], 0)
    equal((set(seen), "told" in ended), ({False}, True))


def fail():
    """A confirmation that does not succeed."""
    raise OSError("told")


async def test_a_trial_whose_confirmation_fails_goes_back():
    """A record of the installation that lacks a value, or a flash that refuses: not an image that is on trial for ever."""

    def fails():
        raise KeyError("counter")

    ended, ms = await _tried(confirm=fails)
    true("counter" in ended and 300000 <= ms <= 310000, (ended, ms))


class TrialRecordSlots:
    """Slots that run what install() has put there."""

    running = "ota_1"
    confirmed = False

    def __init__(self, record):
        self.values = {TRIAL: proof_of(record)}

    def data(self, name):
        return self.values.get(name)

    def put_data(self, name, value):
        self.values[name] = value

    def number(self, _name):
        return 0

    def confirm(self):
        self.confirmed = True

    def put_number(self, name, value):
        self.values[name] = value


class Unit:
    """An application with an updater."""

    def __init__(self, updater):
        self.updates = self
        self.updater = lambda: updater
        self.report = updater.report


def _on_trial(restarts):
    """The updater of an image whose previous version was connected; the back end has not answered this one."""
    timebase.manual()
    flashrig.fresh()
    record = {"slot": "ota_1", "version": version.VERSION, "from": "0.0.9", "online": True, "size": 1, "sha256": "00" * 32,
              "counter": 0}  # fmt: skip
    files, slots = flashrig.files(), TrialRecordSlots(record)
    files.write_json(FILE, record)
    return Updater(files, slots, {"board": "SIM", "hardware": 1}, [], False, restart=restarts.append)


async def test_a_trial_that_needs_no_link_refuses_the_owners_word():
    updater = _on_trial([])
    updater._record["online"] = False
    equal((updater.report()["trial"], updater.report()["awaits_backend"]), (True, False))
    error = await raises_async(CommandError, maintenance._confirm_update(Unit(updater), "owner", {}, "page"))
    equal(error.kind, "conflict")


async def test_f_s5_the_owners_word_stands_for_the_back_ends_answer_and_for_nothing_else():
    for dead, left in ((False, False), (True, True)):
        restarts = []
        updater, parts = _on_trial(restarts), Parts()
        parts.dead = dead
        await let_pass(trial.run(updater, parts), 60, 1)
        equal((updater.on_trial, updater.report()["trial"], updater.slots.confirmed), (True, True, False))
        equal(await maintenance._confirm_update(Unit(updater), "owner", {}, "page"), {})
        await let_pass(trial.run(updater, parts), 310, 1)
        equal((updater.on_trial, updater.slots.confirmed, len(restarts)), (left, not left, int(left)))
        if not dead:
            error = await raises_async(CommandError, maintenance._confirm_update(Unit(updater), "owner", {}, "page"))
            equal(error.kind, "conflict")
