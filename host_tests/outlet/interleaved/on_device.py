"""Runs inside MicroPython: random actions of the asyncio loop, each with control ticks at its inner points.

Arguments: seed, number of actions. The answer is a line of JSON on stdout: {"actions", "points", "ticks"} or
{"broken": what, "action": name}. The modules of the loop come from an instrumented copy of the firmware.
"""

import json
import random
import sys

import flashrig
import interleave
from device_watch import Broken, Watch
from rig import Rig

from charger import clock
from charger.audit.tamper_watch import TamperWatch
from charger.metering.energy_register import EnergyRegister
from charger.metering.meter import Meter
from charger.metering.session_store import SessionStore
from charger.outlet import derating, limits
from charger.outlet.connector import Connector
from sim import ev, timebase

FAULTS = ("GroundFailure", "OverCurrentFailure", "HighTemperature", "pilot_short", "diode", "PowerMeterFailure", "OtherError",
          "EVCommunicationError", "ntc_open", "tamper", "InternalError")
ACTIONS = ("poll", "poll", "poll", "meter", "meter", "meter", "limits", "supply", "expire", "authorise", "authorise", "stop",
           "plug", "fault", "clear", "clear", "acknowledge", "enclosure", "policy", "heat", "report", "operative", "suspend")


class Settings:
    """Configuration: of the connector and of the enclosure's watch."""

    connection_timeout_s = 30
    unlock_on_disconnect = True
    policy = "latch"

    def get_str(self, key):
        return self.policy

    def on_change(self, key, listener):
        pass


class Player:
    """One outlet with everything of the loop that touches it."""

    def __init__(self, seed):
        random.seed(seed)
        self.rig = Rig(seed=seed, CompositeScheduleDefaultNumberPhases="3")
        self.outlet = self.rig.outlet
        flashrig.fresh()
        files = flashrig.files()
        self.settings = Settings()
        meter = Meter(self.rig.meters[0], EnergyRegister(files, 1))
        self.connector = Connector(self.outlet, meter, SessionStore(files), self.settings)
        self.connector.listeners.append(self)
        self.tamper = TamperWatch(files, self.rig.outlets, self.outlet.tamper, self.settings, self._event)
        self.watch = Watch(self.rig, judges_reports=False)
        self.ticks = 0
        self.points = {}  # of each action, when it was last played
        self.began_ms = timebase.ticks_ms()
        self.began_up_ms = clock.uptime_ms()

    def _event(self, event, info):
        pass

    def tick(self):
        """The timer's callback."""
        timebase.advance(20)
        if self.outlet._acknowledged:  # only a tick may clear a latch, and only then
            self.watch.acknowledged = True
        self.outlet.tick(20)
        self.ticks += 1
        self.watch.after_tick(20, False)
        if self.outlet.offered_da > 320:
            raise Broken("offers %d, the hardware bears 320" % self.outlet.offered_da)
        if self.outlet.limits.decision[0] > 320:
            raise Broken("the tick saw limits that are half set")
        measured = self.outlet.metered
        if measured is not None and not (220000 <= measured[1] <= measured[2] <= 240000 and measured[0] >= 0):
            raise Broken("the guards saw half of a measurement: %s" % (measured,))
        if self.outlet.blocked and self.outlet.fault is None:
            raise Broken("blocked by no guard")

    # the connector's listener

    def status_changed(self, connector):
        faulted = connector.status == "Faulted"
        if faulted and connector.error_code == "NoError":
            raise Broken("Faulted without an error code")

    def session_started(self, session):
        pass

    def session_ended(self, session):
        pass

    # the loop's actions

    def _poll(self):
        self.connector.poll()

    def _meter(self):
        self.rig.meters[0].poll()

    def _limits(self):
        self.outlet.limits.set("csms", random.choice((None, 0, 100, 160, 320)))

    def _supply(self):
        self.outlet.limits.set("supply", random.choice((None, 80, 200)), limits.SAFETY, 10)

    def _expire(self):
        self.outlet.limits.expire()

    def _authorise(self):
        self.connector.authorised("TAG")

    def _stop(self):
        self.connector.stop("Local")

    def _plug(self):
        self.rig.side.plug(random.choice((ev.ASKING, ev.ASKING, ev.ASKING, ev.IDLE, ev.ABSENT)))

    def _fault(self):
        self._set_fault(True)

    def _clear(self):
        for name in FAULTS:
            self._set_fault(False, name)

    def _set_fault(self, on, name=None):
        name = name or random.choice(FAULTS)
        self.rig.world.set_fault(name, None if name in ("InternalError", "tamper") else 1, on)

    def _acknowledge(self):
        self.tamper.acknowledge("test")
        self.outlet.acknowledge()

    def _enclosure(self):
        self.tamper.poll()

    def _policy(self):
        self.watch.acknowledged = True  # a policy that does not latch clears what was latched
        self.settings.policy = random.choice(("latch", "latch", "stop", "report"))
        self.tamper.set_policy()
        self.watch.acknowledged = True

    def _heat(self):
        derating.step(self.outlet)

    def _report(self):
        self.outlet.why_paused()
        self.outlet.limit_words()
        self.outlet.pilot_name()
        self.connector.why_no_energy()

    def _uptime(self):
        for _ in range(3):
            up_ms = clock.uptime_ms()
            passed_ms = clock.ticks_diff(timebase.ticks_ms(), self.began_ms)
            if up_ms - self.began_up_ms > passed_ms:
                raise Broken("uptime is ahead: %d ms, passed %d" % (up_ms - self.began_up_ms, passed_ms))
        interleave.disarm()
        if clock.uptime_ms() - self.began_up_ms != clock.ticks_diff(timebase.ticks_ms(), self.began_ms):
            raise Broken("uptime has lost or won time")

    def _operative(self):
        self.connector.set_operative(random.random() < 0.95)

    def _suspend(self):
        self.connector.suspend(random.choice(("", "", "", "Suspended by the back end")))

    def play(self, name):
        """One action, with a tick at one of its points or at each of them, then a few ticks."""
        every = random.random() < 0.3
        interleave.arm(self.tick, None if every else random.randrange(self.points.get(name, 60)))
        getattr(self, "_" + name)()
        points = interleave.disarm()
        if not every:
            self.points[name] = max(points, 1)
        self._pass(random.choice((1, 5, 40, 400)))
        return points

    def recover(self):
        """The conditions for a car to be charged."""
        self._clear()
        self.settings.policy = "latch"
        self._pass(20)
        self._acknowledge()
        self.tamper.set_policy()
        self.connector.set_operative(True)
        self.connector.suspend("")
        self.outlet.limits.set("csms", None)
        self.outlet.limits.set("supply", None)
        self._pass(100)
        self.rig.side.plug(ev.ABSENT)
        self._pass(200)
        self.rig.side.plug(ev.ASKING)
        self._pass(20)
        self._authorise()
        self._pass(500)

    def _pass(self, ticks):
        """Ticks with what housekeeping and the meter's task do meanwhile, here between the ticks."""
        for n in range(ticks):
            self.tick()
            if n % 5 == 0:
                self.connector.poll()
            if n % 10 == 0:
                self.rig.meters[0].poll()
            if n % 50 == 0:
                derating.step(self.outlet)
                self.tamper.poll()


def main():
    """Play and answer."""
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    player = Player(seed)
    points = 0
    name = ""
    try:
        for n in range(count):
            if n % 15 == 0:
                name = "recovery"
                player.recover()
            name = random.choice(ACTIONS) if n % 25 else "uptime"
            points += player.play(name)
            if n % 2:
                player.rig.meters[0].poll()
                player.connector.poll()
        answer = {"actions": count, "points": points, "ticks": player.ticks, "between": interleave.ran,
                  "openings": player.outlet.openings, "operations": player.rig.side.contactor.operations,
                  "last": player.connector.why_no_energy()}
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has found something
        sys.print_exception(error)
        answer = {"broken": repr(error), "action": name}
    print("\x1e" + json.dumps(answer))


main()
