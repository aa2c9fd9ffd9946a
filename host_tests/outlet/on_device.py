"""Runs inside MicroPython: plays lists of events on an outlet in the simulated world and watches the invariants.

One JSON object {"unit", "events"} a line on stdin; the answer, one JSON object a line, is {"events", "ticks", "openings",
"hot": {cause: openings under load}, "reported": guards that tripped} or, where an invariant broke, {"broken": what,
"at": number of the event}. The invariants look at the world's side of the pins, not at what the firmware believes;
report_causes.py has those of the reports.
"""

import json
import sys

from card_watch import Broken, CardWatch
from nominal import NOMINAL
from rig import Rig

from charger import clock
from charger.drivers.pilot import DUTY_STEADY
from charger.outlet import derating, guards, limits, power_switch
from charger.outlet import outlet as outlet_module
from charger.outlet.guards import base
from charger.outlet.mains_sag import MainsSag
from sim import control, ev, faults, hardware_times, launch, timebase

STOP_MS = outlet_module.STOP_MS + 40
SLOW_TICKS = 10
SECOND_MS = 60  # from the first contactor's opening, beside the second one's own time
THREE_PHASES = {"CompositeScheduleDefaultNumberPhases": "3", "ConnectorSwitch3to1PhaseSupported": "true"}
MIN_OFF_MS = power_switch.MIN_OFF_MS
COLD_OFF_MS = power_switch.COLD_OFF_MS
HOLD_MS = outlet_module.DUTY_HOLD_MS + 40
WAIT_MS = 100  # a tick of the time in which only minutes matter, not late yet
SHORT_BURST_US = 1000  # of samples: the second reading in the tick is right
STEEP_MS = 4500  # CP-47's 2 s, and what readings each 0.2 s may miss of steps
COOL_MS = 4000  # until what is mended is seen, the heat included
CHARGES_MS = 20000  # from the plug, with everything mended
# a change of phases that was taken back: 10 s open to the first change, 15 s at most to the second, 10 s again (CP-51)
PHASES_BACK_MS = 25000


class Watch:
    """The invariants, checked after every tick. Reports are judged where the meter is read as in a unit."""

    def __init__(self, rig, judges_reports=True):
        from report_causes import ReportCauses  # needs the board of the rig

        self.rig = rig
        self.judges_reports = judges_reports
        self.causes = ReportCauses(rig)
        self.alone_ms = self.leak_ticks = 0
        self.openings = 0
        self.closed = False
        self.opened_ms = -100000
        self.off_needs_ms = COLD_OFF_MS
        self.now_ms = 0
        self.no_permit_ms = 0
        self.over_ms = 0
        self.steep_ms = 0
        self.strange_ticks = self.bare_ticks = self.open_ticks = 0
        self.pwm_off_ms = -100000
        self.pwm_on = False
        self.tripped_ms = {}
        self.acknowledged = False
        self.ends = {}

    def limit_set(self, source, da, kind, valid_s):
        """A limit as this side remembers it: [value, kind, the tick's time at which it is stale or None]."""
        self.ends.pop(source, None)
        if da is not None:
            self.ends[source] = [da, kind, None if valid_s is None else self.now_ms + valid_s * 1000]

    def _validity(self, out, ms):
        """A stale schedule is gone; a stale safety limit leaves 6 A at most. They are looked at a few times a second."""
        for source in list(self.ends):
            da, kind, end_ms = self.ends[source]
            if end_ms is not None and self.now_ms - ms >= end_ms + 40:
                if kind == limits.SAFETY:
                    self.ends[source] = [min(da, limits.SAFE_DA), kind, None]
                else:
                    del self.ends[source]
        for source in ("csms", "user", "supply"):
            if source in self.ends and self.ends[source][2] is not None:
                continue
            wanted = self.ends[source][0] if source in self.ends else None
            if out.limits.get(source) != wanted:
                raise Broken("%s has %s, not %s" % (source, out.limits.get(source), wanted))

    def restarted(self):
        """The firmware has started anew: its latches are gone (base.SERVICE), the contactor is open."""
        self.causes.restarted()
        self.ends = {}
        self.tripped_ms = {}
        if self.closed:
            self.opened_ms = self.now_ms
            self.off_needs_ms = MIN_OFF_MS
        self.closed = False
        if self.pwm_on:
            self.pwm_off_ms = self.now_ms
        self.pwm_on = False

    def after_tick(self, ms, slow):
        self.now_ms += ms
        out = self.rig.outlet
        self.rig.side.sync()
        self.causes.look(self.now_ms)
        self._pauses(out, ms)
        self._latches(out)
        self._current(out, ms)
        self._found(out, ms)
        if slow:
            self._validity(out, ms)
        if out.contactor.commanded:
            self._may_be_closed(out)
        else:
            self.strange_ticks = self.bare_ticks = self.open_ticks = 0
        self._switches(out, ms)
        wrong = self.judges_reports and self.causes.wrong(self.now_ms)
        if wrong:
            raise Broken(wrong)

    def _switches(self, out, ms):
        """The second contactor is closed only over the first one, and none over a monitor that has tripped."""
        side = self.rig.side
        second = side.second
        alone = second is not None and second.closed and not side.contactor.closed and not second.welded
        self.alone_ms = self.alone_ms + ms if alone else 0
        if alone and ms <= 20 and self.alone_ms > second.open_ms + SECOND_MS:
            raise Broken("the second contactor is closed over an open first one")
        self.leak_ticks = self.leak_ticks + 1 if side.rcd.tripped and out.contactor.commanded else 0
        if self.leak_ticks > 1:
            raise Broken("closed with a residual current")

    def _pauses(self, out, ms):
        commanded = out.contactor.commanded
        if commanded and not self.closed and self.now_ms - self.opened_ms < self.off_needs_ms:
            raise Broken("closed %d ms after it opened (CP-50)" % (self.now_ms - self.opened_ms))
        if self.closed and not commanded:
            self.opened_ms = self.now_ms
            self.off_needs_ms = COLD_OFF_MS if self._car_opened() else MIN_OFF_MS
            self.openings += 1
        self.closed = commanded
        if out.pwm_on and not self.pwm_on and self.now_ms - self.pwm_off_ms < 3000:
            raise Broken("PWM on again after %d ms (CP-26)" % (self.now_ms - self.pwm_off_ms))
        if self.pwm_on and not out.pwm_on:
            self.pwm_off_ms = self.now_ms
        self.pwm_on = out.pwm_on
        self.no_permit_ms = 0 if out.permit and out.available else self.no_permit_ms + ms

    def _car_opened(self):
        """The car took its load off and opened S2, or left, while it had an offer (CP-21)."""
        car = self.rig.side.ev
        if self.pwm_on and self.causes.was("pilot", self.now_ms):
            return True  # for all that the unit can see
        return self.pwm_on and not car.i_ma and (car.want == ev.ABSENT or not (car.s2 or car.simplified))

    def _latches(self, out):
        for guard in out.guards:
            name = type(guard).__name__
            if guard.tripped:
                self.tripped_ms.setdefault(name, self.now_ms)
            elif name in self.tripped_ms:
                since = self.now_ms - self.tripped_ms.pop(name)
                if self.acknowledged:
                    continue
                if guard.RULE == base.SERVICE:
                    raise Broken(name + " cleared by itself")
                if guard.RULE == base.UNPLUG and self.rig.side.ev.want != ev.ABSENT and out.plugged:
                    raise Broken(name + " cleared with the car plugged")
                if since < guard.CLEAR_MS:
                    raise Broken("%s cleared after %d ms" % (name, since))
        self.acknowledged = False

    def _current(self, out, ms):
        if out.offered_da > out.limits.safety_da:
            raise Broken("offers more than a safety limit")
        self.over_ms = self.over_ms + ms if out.offered_da > out.limits.effective_da else 0
        if self.over_ms > HOLD_MS:
            raise Broken("offers %d, may %d" % (out.offered_da, out.limits.effective_da))
        if out.simplified and out.offered_da > 100:
            raise Broken("a simplified pilot is offered more than 10 A (CP-15)")
        if out.cable is not None and out.offered_da > out.cable.rating_da:
            raise Broken("offers more than the cable bears")

    def _found(self, out, ms):
        """A car that draws more than 1.25 x what it was told, with dips or without, is found in time (CP-47)."""
        side = self.rig.side
        flawed = self.causes.meter_lies() or out.metered is None or not out.contactor.commanded or out.easing or ms > 100
        if flawed or not self.judges_reports:
            self.steep_ms = 0
        elif side.ev.i_ma > (out.signalled_da + 5) * 125:
            self.steep_ms += ms
        else:
            self.steep_ms = max(self.steep_ms - ms // 2, 0)
        if self.steep_ms > STEEP_MS:
            raise Broken("over-current is not found")

    def _may_be_closed(self, out):
        side = self.rig.side
        side.sync()
        if self.no_permit_ms > STOP_MS:
            raise Broken("closed without permission")
        if out.blocked:
            raise Broken("closed with a tripped guard")
        # A simplified pilot shows C from the plug on, whether the car wants energy or not.
        asks = (side.ev.simplified and side.ev.want in (ev.IDLE, ev.ASKING)) or (side.ev.want == ev.ASKING and side.ev.s2)
        if side.strange_ev or side.circuit.short_ohm or side.pe_lost or not asks:
            self.strange_ticks += 1
            # A pilot that is disturbed, shorted or out of range does not say A when the plug leaves: that takes two readings.
            disturbed = side.circuit.short_ohm or self.causes.last_ms.get("pilot") == self.now_ms
            empty = (side.ev.want == ev.ABSENT or side.pe_lost) and not disturbed
            if self.strange_ticks > 1 or empty:
                raise Broken("closed, but no car asks")
        else:
            self.strange_ticks = 0
        self.bare_ticks = self.bare_ticks + 1 if not side.ev.diode and out.pwm_on and out.pilot_age_ms >= 40 else 0
        if self.bare_ticks > 1:
            raise Broken("closed without a diode")
        self.open_ticks = self.open_ticks + 1 if out.lock is not None and not side.lock.locked else 0
        if self.open_ticks > 2:
            raise Broken("closed with the plug not locked")


def play(events, unit):
    """All events on a fresh outlet."""
    settings = dict(unit["settings"])
    settings.update(THREE_PHASES if unit["phases"] == 3 else {"MeterKind": unit["meter"]})
    rig = Rig(**settings)
    watch = Watch(rig)
    watch.reader = CardWatch(rig)
    count = [0]
    heat_ms = [0]
    sag = [MainsSag(rig.outlet)]

    def tick(ms):
        slow = count[0] % SLOW_TICKS == 0 or ms > 20  # what app.py does beside the tick
        count[0] += 1
        if slow:
            rig.outlet.limits.expire()
            if sag[0]._outlet is not rig.outlet:
                sag[0] = MainsSag(rig.outlet)
            sag[0].step()
            watch.reader.step()
        if heat_ms[0] >= 1000:  # before the tick, which carries out what it lowers
            heat_ms[0] = 0
            derating.step(rig.outlet)
        rig.tick(ms)
        heat_ms[0] += ms
        watch.causes.late = ms > 100
        watch.after_tick(ms, slow)

    for n in range(len(events)):
        try:
            _do(rig, watch, events[n], tick)
            for _ in range(events[n].get("ticks", 1)):
                tick(20)
            if "late" in events[n]:
                tick(events[n]["late"])
        except Broken as error:
            return {"broken": str(error), "at": n, "event": events[n]}
    return {"events": len(events), "ticks": count[0], "openings": watch.openings, "hot": watch.causes.hot,
            "reported": sorted(watch.causes.reported)}  # fmt: skip


def _limit(out, watch, source, da, kind, valid_s):
    out.limits.set(source, da, kind, valid_s)
    watch.limit_set(source, da, kind, valid_s)


def _do(rig, watch, event, tick):  # noqa: C901, PLR0915 - one branch an event
    what = event["do"]
    out = rig.outlet
    if what == "plug":
        rig.side.plug(event["want"])
    elif what == "fault":
        rig.world.set_fault(event["name"], None if event["name"] in ("InternalError", "tamper") else 1, event["on"])
    elif what == "limit":
        _limit(out, watch, event["source"], event["da"], event["kind"], event["valid_s"])
    elif what == "network":
        # What the back end's side may do to an outlet when the link comes or goes: send a limit anew, or withdraw it.
        _limit(out, watch, "csms", 160 if event["on"] else None, limits.SCHEDULE, None)
    elif what == "clock":
        clock.set_utc(event["utc"], "test")
    elif what == "permit":
        out.permit = event["on"]
    elif what == "available":
        out.available = event["on"]
    elif what == "cable":
        rig.side.cable_ohm = event["ohm"]
        watch.causes.disturbed["cable"] = watch.now_ms
        rig.side.refresh()
    elif what == "car":
        rig.side.ev.simplified = event["simplified"]
        rig.side.ev.obeys = event["obeys"]
        rig.side.refresh()
    elif what == "mains":
        rig.world.set_mains(event["volts"])
    elif what == "acknowledge":
        watch.acknowledged = True
        watch.causes.forget_openings()
        out.acknowledge()
    elif what in ("restart", "brown_out"):
        if what == "brown_out":  # which lets the coils go
            rig.side.contactor.coil = False
            if rig.side.second is not None:
                rig.side.second.coil = False
        timebase.advance(event["off_ms"])
        watch.now_ms += event["off_ms"]
        rig.restart()
        watch.restarted()
        watch.reader = CardWatch(rig)
    elif what == "erase":
        _erase(rig, tick)
    elif what == "phases":
        out.phases_wanted = min(event["phases"], rig.side.wired_phases)
    elif what == "world":
        _world(watch, event["args"])
    elif what == "mend":
        _mend(rig, watch, tick)


def _erase(rig, tick):
    """An erase of a block of the flash, which begins as outlet/flash_pause.py allows, and holds up the ticks."""
    outlet = rig.outlet
    if outlet.is_closed or outlet.about_to_close:
        return
    tick(hardware_times.FLASH_ERASE_SECTOR_US[launch.config["flash_time"]] // 1000)


def _world(watch, args):
    """A command of the control port; Refused where this outlet lacks the part."""
    if args["cmd"] in ("lay_card", "lift_card"):
        watch.reader.lifted()
    steady = watch.rig.outlet.pilot.duty in (0, DUTY_STEADY)  # five samples a reading: a short burst lasts for several ticks
    if args.get("burst_us", 0) > (0 if steady else SHORT_BURST_US):
        watch.causes.disturbed["pilot"] = watch.now_ms + (args["burst_us"] // 1000 + 4) * 20
    if args["cmd"] == "disturb":
        watch.causes.disturbed[args["input"]] = watch.now_ms + args["ms"]
    elif "absurd" in args:
        watch.causes.disturbed["meter"] = watch.now_ms + args["ms"]
    reply, _ = control.answer(dict(args))
    if not reply["ok"] and "second" not in str(args) and "stale" not in args:  # which not each outlet has
        raise Broken(reply["error"])


def _mend(rig, watch, tick):
    """Everything is mended, the car is another one, the owner has acknowledged: energy flows, whatever was before."""
    world = rig.world
    for name in sorted(rig.side.faults | world.board_faults):
        world.set_fault(name, None if name in faults.OF_BOARD else 1, False)
    rig.side.plug(ev.ABSENT)
    for args in NOMINAL:
        _world(watch, args)
    for _ in range(30):  # over state F, in which no plug is seen; the debounce counts ticks
        tick(20)
    for _ in range(COOL_MS // WAIT_MS):
        tick(WAIT_MS)
    watch.acknowledged = True
    rig.outlet.acknowledge()
    tick(20)
    for source in ("csms", "user", "supply"):
        _limit(rig.outlet, watch, source, None, limits.SCHEDULE, None)
    rig.outlet.permit = rig.outlet.available = True
    rig.side.plug(ev.ASKING)
    ms = CHARGES_MS + (0 if rig.outlet.phases == rig.outlet.phases_wanted else PHASES_BACK_MS)
    for _ in range(ms // WAIT_MS):
        tick(WAIT_MS)
        if rig.outlet.energised and rig.side.ev.i_ma > 5000:
            return
    raise Broken("no energy after everything was mended: " + rig.outlet.why_paused())


def main():
    """Serve until stdin closes."""
    removed = None
    if len(sys.argv) > 1:  # mutation: this guard never sees its danger
        removed = sys.argv[1]
        for guard in guards.ALL:
            if guard.__name__ == removed:
                guard.danger = lambda self, outlet: False
                guard.step = base.Guard.step
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        asked = json.loads(line)
        print("\x1e" + json.dumps(play(asked["events"], asked["unit"])))


if __name__ == "__main__":
    main()
