"""The trial of a new image: it confirms what works and gives up what does not."""

import flashrig
from check import equal, true
from update_manager_rig import let_pass

from charger import clock
from charger.update import trial
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


async def test_a_trial_whose_confirmation_fails_goes_back():
    """A record of the installation that lacks a value, or a flash that refuses: not an image that is on trial for ever."""

    def fails():
        raise KeyError("counter")

    ended, ms = await _tried(confirm=fails)
    true("counter" in ended and 300000 <= ms <= 310000, (ended, ms))
