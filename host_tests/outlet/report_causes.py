"""The causes of reported faults and of openings under load, and when each was last present in the simulated world.

Runs inside MicroPython beside on_device.py. A cause counts for COUNTS_MS, the longest time from a cause to its report.
"""

import board

from sim import ev

COUNTS_MS = 15000
HOT_A_PLUG = 6  # the pauses grow from one to the next; after the sixth nothing closes (docs/SAFETY.md)
# the pilot goes first, and the car may stop
_SOFT = ("OverCurrent", "MeterLost", "UnderVoltage", "Temperature", "CloseFailure", "PhaseCloseFailure", "stop")
_LOCK_MS = 1500


class ReportCauses:
    """Call look() after each tick; wrong() then returns what was reported, or opened under load, without a cause."""

    def __init__(self, rig):
        self.rig = rig
        self.last_ms = {}
        self.late = False
        self.disturbed = {}  # input: until when
        self._looked_ms = 0
        self._tripped = set()
        self._hot = self._plug_hot = 0
        self.hot = {}  # cause: openings under load
        self.reported = set()
        self._senses_voltage = rig.outlet.contactor.senses_voltage

    def restarted(self):
        """The unit has restarted: a new outlet counts from zero."""
        self._tripped = set()
        self._hot = self._plug_hot = 0

    def forget_openings(self):
        """The plug has left, or the owner has acknowledged: the openings of the plug count from zero."""
        self._plug_hot = 0

    def was(self, name, now_ms):
        """True when the cause was present at most COUNTS_MS ago."""
        return now_ms - self.last_ms.get(name, -1000000) <= COUNTS_MS

    def look(self, now_ms):
        """Note the causes that are present now."""
        last = self.last_ms
        for name, present in self._causes(now_ms):
            if present:
                last[name] = now_ms
        self.late = False
        self._looked_ms = now_ms

    def _noisy(self, name):
        """Whether it was disturbed, or changed, at any time since the last look: a hold-up lies between two looks."""
        return self._looked_ms <= self.disturbed.get(name, -1000) + 100

    def meter_lies(self):
        """The meter shows something else than the car draws, or nothing."""
        side = self.rig.side
        chip = side.meter
        wrong = side.flaws.offset_ma or chip.frozen or getattr(chip, "stale", False) or self._noisy("meter")
        return wrong or "PowerMeterFailure" in side.faults or side.mains.lost_phase or not side.contactor.closed

    def _causes(self, now_ms):
        side = self.rig.side
        car, faults = side.ev, side.faults
        noisy = self._noisy
        circuit = side.circuit
        plus_mv, minus_mv = circuit.plus_mv - circuit._shrunk_mv, circuit._shrunk_mv + circuit.minus_mv
        pilot = noisy("pilot") or not 11400 <= plus_mv <= 12600 or not 11400 <= -minus_mv <= 12600
        current_wrong = noisy("meter")
        follows_ms = car.adapt_ms + car.max_ma // car.fall_ma_per_ms
        stubborn = (
            car.overdraw or not car.obeys or max(car.steps or (0,)) > 100 or follows_ms > 5500 or car.stop_ms > 5500
            or car.standby_ma > 1000 or current_wrong
        )  # fmt: skip
        yield "stubborn", stubborn
        yield "pilot", pilot
        yield from self._of_switches(side, now_ms)
        yield from self._of_inputs(side, now_ms)
        short = bool(side.circuit.short_ohm) or side.pe_lost or pilot
        yield "PilotShort", short
        yield "PilotGenerator", short
        yield "PilotVoltage", side.strange_ev or short
        yield "Diode", not car.diode or pilot
        yield "Ventilation", car.want == ev.VENTILATION or pilot
        more = stubborn or bool(car.overshoot_pct or car.inrush_ma)
        yield "OverCurrent", more
        yield "Temperature", side.target_mc > 65000 or side.ntc_broken is not None or noisy("ntc")
        low, high = self._volts(side)
        dead = "PowerMeterFailure" in faults or side.meter.frozen or current_wrong or low < 60000
        yield "MeterLost", dead
        yield "UnderVoltage", low < 181000 or dead
        yield "OverVoltage", high > 264000 or dead

    @staticmethod
    def _volts(side):
        mv = [side.phase_mv(n) for n in range(side.wired_phases)]
        return min(mv), max(mv)

    def _of_switches(self, side, now_ms):
        noisy = self._noisy
        monitor = side.rcd
        yield "ResidualCurrent", monitor.tripped or noisy("trip")
        slow = monitor.test_ms > 150 or monitor.release_ms > 150
        yield "ResidualSelfTest", monitor.dead or monitor.stuck or monitor.tripped or slow or noisy("trip")
        unpowered = monitor.tripped or (side.drop_out_mv and side.supply_mv < side.drop_out_mv)
        dark = self._senses_voltage and self._volts(side)[0] < 100000  # no pole looks closed
        leaks = self._senses_voltage and side.leaks_mv >= 50000
        for contactor, weld, close, name in (
            (side.contactor, "Weld", "CloseFailure", "feedback"),
            (side.second, "PhaseWeld", "PhaseCloseFailure", "second_feedback"),
        ):  # fmt: skip
            if contactor is not None:
                lies = contactor.auxiliary is not None or noisy(name)
                lies = lies or contactor.welded_pole
                yield weld, contactor.welded or lies or contactor.open_ms > 60 or leaks
                yield close, contactor.stuck or lies or unpowered or contactor.close_ms > 60 or dark

    def _of_inputs(self, side, now_ms):
        noisy = self._noisy
        lock = side.lock
        yield "lock", lock.jammed or lock.jams > 0 or lock.move_ms > _LOCK_MS or noisy("lock") or (
            self.rig.outlet.contactor.commanded and not lock.locked)
        yield "LockFailure", lock.jammed or lock.jams > 0 or lock.move_ms > 500 or noisy("lock")
        yield "UnlockFailure", lock.jammed or lock.sticks > 0 or lock.move_ms > 500 or noisy("lock")
        odd = side.cable_ohm not in (1500, 680, 220, 100) or noisy("proximity")
        held = side.ev.want != ev.ABSENT or side.strange_ev or side.circuit.short_ohm
        held = held or side.pe_lost or self.last_ms.get("pilot") == now_ms or self.late  # for all that the unit can see
        yield "Proximity", odd or (held and not side._coded) or noisy("cable")
        shared = self.rig.world.digital
        for name, pin, heard in (
            ("Tamper", board.SHARED["tamper"], "tamper"), ("Rails", board.SHARED["rails"], "rails"),
            ("BoardFault", board.SHARED["fault"], "fault"),
        ):  # fmt: skip
            yield name, shared[pin].value == 1 or noisy(heard)
        yield "FaultInput", side.fault_pin == 1 or noisy("outlet_fault")
        yield "late", self.late
        yield "ReaderLost", True
        yield "stop", True

    def wrong(self, now_ms):
        """Return what a guard reported, or opened, without a cause, else None."""
        outlet = self.rig.outlet
        if not outlet.plugged:
            self.forget_openings()
        tripped = set()
        for guard in outlet.guards:
            name = type(guard).__name__
            if guard.tripped:
                tripped.add(name)
                if name not in self._tripped and name != "RepeatedOpenings" and not self.was(name, now_ms):
                    return name + " reported without its cause"
        self._tripped = tripped
        self.reported |= tripped
        switch = outlet.switch
        if switch.hot_openings == self._hot:
            return None
        self._hot = switch.hot_openings
        self.hot[switch.hot_cause] = self.hot.get(switch.hot_cause, 0) + 1
        return self._needless(switch.hot_cause, now_ms)

    def _needless(self, cause, now_ms):
        if not self.was(cause, now_ms):
            return "opened under load by %s without its cause" % cause
        if cause in _SOFT and not self.was("stubborn", now_ms):
            return "opened under load by %s although the car stops" % cause
        if cause != "stop":
            self._plug_hot += 1
            if self._plug_hot > HOT_A_PLUG:
                return "opened under load %d times" % self._plug_hot
        return None
