"""One outlet: the only owner of its control pilot and its contactor.

`tick()` runs every 20 ms, reads what is there, steps the guards and sets PWM and contactor. It allocates nothing.
Everybody else may only withdraw a permission (`permit`, `available`) or lower a current (`limits`). Opening waits for
nothing but the sequence that spares contacts and car (CP-25), and not even for that when a guard says so.
"""

from micropython import const

from charger.outlet import guards, pilot_duty, pilot_states
from charger.outlet.cable import Cable
from charger.outlet.limits import Limits
from charger.outlet.rcd_self_test import SelfTest

PWM_OFF_MS = const(3000)  # at least this long in x1 before PWM comes back (CP-26)
DUTY_HOLD_MS = const(5000)  # between two changes of duty, safety reductions excepted (CP-22)
STOP_MS = const(6000)  # how long the car may take to open S2 after PWM off (CP-25)
MIN_OFF_MS = const(5000)  # contactor open at least this long before it closes again (CP-50)
F_MS = const(300)  # state F is held at least this long on a fault (CP-28)
WAKE_F_MS = const(4000)  # and so long to wake a sleeping car (CP-29)
WAKE_AFTER_MS = const(30000)  # a car that ignores an offer for so long may be asleep
PHASE_SWITCH_MS = const(10000)  # contactor open at least this long around a change of phases (CP-51)
SIMPLIFIED_DA = const(100)  # all that a car with a simplified pilot may have (CP-15)
RETEST_MS = const(60000)  # between two self-tests after a failed one
_STEADY_TICKS = const(3)  # equal readings before a new state counts (CP-8)
_UNDEFINED_TICKS = const(2)  # how long a voltage between the windows keeps the last state (CP-5)
_FRESH_MS = const(20)  # so old a duty must be before both its plateaus can have been sampled
_LONG_MS = const(1000000)


class Outlet:
    """IEC 61851-1 supply side of one connector. Attributes are read-only outside, but for those named as inputs."""

    def __init__(self, number: int, parts, options: dict):
        """`parts` has pilot, contactor, reading and, or None, rcd, thermometer, lock, proximity, tamper, rails, board_fault,
        fault_input, phase_switch. `options`: max_da, late_ms, and, if not the default, phases, ventilation, open_pen, wake_up.
        """
        self.id = number
        self.pilot = parts.pilot
        self.contactor = parts.contactor
        self.reading = parts.reading
        self.rcd = parts.rcd
        self.thermometer = parts.thermometer
        self.lock = parts.lock
        self.tamper = parts.tamper
        self.rails = parts.rails
        self.board_fault = parts.board_fault
        self.fault_input = parts.fault_input
        self.phases = options.get("phases", 1)
        self.rotation = options.get("rotation", 0)  # which phase of the supply its first one is (grid/load_sharing.py)
        self.cable = Cable(parts.proximity, self.phases) if parts.proximity else None
        self.self_test = SelfTest(parts.rcd) if parts.rcd else None
        self.limits = Limits(options["max_da"])
        self.guards = [guard() for guard in guards.ALL]
        self.has_ventilation = options.get("ventilation", False)
        self.open_pen = options.get("open_pen", False)
        self.wake_up = options.get("wake_up", False)
        self._late_ms = options["late_ms"]
        self._phase_switch = parts.phase_switch
        self._begin()

    def _begin(self):
        # Inputs: everybody may withdraw, only the connector permits.
        self.permit = False
        self.available = True
        self.hold_lock = False
        self.phases_wanted = self.phases
        # What is there and what was done about it.
        self.fault = None  # the guard that is reported, or None
        self.blocked = False  # a tripped guard keeps the energy off
        self.reader_failed = False  # set by whoever polls the card reader
        self.state = self.raw_state = pilot_states.A
        self.plugged = self.ev_ready = self.energised = False
        self.simplified = False  # the car asked for energy without ever having seen a PWM (CP-15)
        self.pwm_on = self.driving_f = False
        self.offered_da = 0  # what the pilot says to the car now, 0.1 A
        self.signalled_da = 0  # the highest offer that the car may still be drawing (CP-22, CP-25)
        self.pilot_age_ms = 0  # since the pilot was last changed; a restart counts as a change
        self.late_ticks = self.openings = 0
        self._same = self._undefined = 0
        self._off_ms = 0  # since the contactor opened; a restart has opened it (CP-50)
        self._stop_ms = self._asleep_ms = 0
        self._retest_ms = 0
        self._f_hold_ms = F_MS
        self._woken = False
        self._offered = False  # since the plug

    def tick(self, dt_ms: int):
        """One control step, dt_ms after the last one."""
        self.pilot_age_ms = min(self.pilot_age_ms + dt_ms, _LONG_MS)
        self._off_ms = min(self._off_ms + dt_ms, _LONG_MS)
        late = dt_ms > self._late_ms
        if late and self.contactor.commanded:
            self.late_ticks += 1
            self._open()
        self._read_state()
        if self.cable is not None:
            self.cable.step(self.plugged)
        if self.self_test is not None:
            self._step_self_test(dt_ms)
        self._step_guards(dt_ms)
        if self.contactor.commanded and not self._may_stay_closed():
            self._open()
        wanted = self._wanted()
        if self.lock is not None:
            self._step_lock()
        if self.blocked:
            self._hold_fault()
        elif wanted:
            self._offer(dt_ms)
            if not late:
                self._close_when_ready()
        else:
            self._wind_down(dt_ms)
        adapted = self.pilot_age_ms >= (DUTY_HOLD_MS if self.pwm_on else STOP_MS + DUTY_HOLD_MS)
        if adapted or self.offered_da > self.signalled_da:
            self.signalled_da = self.offered_da
        self.energised = self.contactor.commanded and self.contactor.closed()

    def rested(self):
        """Said at start-up when no session was open: the contactor has been open for long, so nothing has to wait."""
        self._off_ms = self.pilot_age_ms = _LONG_MS

    # --- what is there ---

    def _read_state(self):
        self.pilot.read()
        raw = pilot_states.decode(self.pilot.high_mv)
        if raw == self.raw_state:
            self._same += 1
        else:
            self._same = 1
            self.raw_state = raw
        if raw == pilot_states.UNDEFINED:
            self._undefined += 1
            if self._undefined <= _UNDEFINED_TICKS:
                return
        else:
            self._undefined = 0
        if raw != self.state and (self._same >= _STEADY_TICKS or self._undefined > _UNDEFINED_TICKS):
            self._enter(raw)

    def _enter(self, state: int):
        if state == pilot_states.A:
            self.plugged = self.simplified = self._woken = self._offered = False
        elif state == pilot_states.UNDEFINED:
            self.plugged = self.plugged or self.pilot.high_mv < 11000  # whatever it is, it is connected
        elif pilot_states.B <= state <= pilot_states.D:
            if state == pilot_states.C and not self._offered:
                self.simplified = True
            self.plugged = True
        self.state = state
        self.ev_ready = state == pilot_states.C or state == pilot_states.D
        self._asleep_ms = 0

    def _asks(self, state: int) -> bool:
        """True for a state in which the car asks for energy and may have it (CP-40)."""
        return state == pilot_states.C or (state == pilot_states.D and self.has_ventilation)

    def _step_guards(self, dt_ms: int):
        """Step them all, always. The first tripped one of the list is reported; any that blocks keeps the energy off."""
        found = None
        self.blocked = False
        for guard in self.guards:
            if guard.step(self, dt_ms):
                if found is None:
                    found = guard
                if guard.BLOCKS:
                    self.blocked = True
        self.fault = found

    def _step_self_test(self, dt_ms: int):
        """Daily while the contactor is open, and again a minute after a failed one without a car (CP-43)."""
        test = self.self_test
        test.step(dt_ms)
        self._retest_ms = min(self._retest_ms + dt_ms, RETEST_MS)
        if test.running or self.contactor.commanded or self.rcd.tripped():
            return
        if test.failed:
            if not self.plugged and self._retest_ms >= RETEST_MS:
                self._retest_ms = 0
                test.start()
        elif test.due:
            test.start()

    def _step_lock(self):
        """Locked while energy is possible; released only over an open contactor (CP-31)."""
        if self.plugged and (self.permit or self.hold_lock):
            self.lock.set(True)
        elif not self.contactor.commanded and not self.contactor.closed() and not self.hold_lock:
            self.lock.set(False)

    # --- what follows ---

    def target_da(self) -> int:
        """The current that all limits together allow, 0.1 A per phase."""
        target = self.limits.effective_da
        if self.cable is not None:
            target = min(target, self.cable.rating_da)
        return min(target, SIMPLIFIED_DA) if self.simplified else target

    def allowed_da(self, *but: str) -> int:
        """What all limits allow now except those of some sources, 0.1 A per phase: for plans, not for the control tick."""
        allowed = self.limits.without(*but)
        if self.cable is not None and self.plugged:
            allowed = min(allowed, self.cable.rating_da)
        return min(allowed, SIMPLIFIED_DA) if self.simplified else allowed

    def _may_stay_closed(self) -> bool:
        """Judged on the newest reading, not on the debounced state: fast to open, slow to close (CP-24)."""
        if self.blocked:
            return False
        if self.lock is not None and not self.lock.locked():
            return False
        raw = self.raw_state
        if raw == pilot_states.UNDEFINED:
            return self._undefined < _UNDEFINED_TICKS
        return self._asks(raw)

    def _wanted(self) -> bool:
        """True while energy should flow as far as the charger is concerned."""
        return (
            self.permit
            and self.available
            and self.plugged
            and self.phases == self.phases_wanted
            and self.target_da() >= pilot_duty.MINIMUM_DA
        )

    def _open(self):
        self.contactor.open()
        self._off_ms = 0
        self.openings += 1

    def _set_duty(self, duty: int, offered_da: int):
        self.pilot.set_duty(duty)
        self.offered_da = offered_da
        self.pilot_age_ms = 0
        self.pwm_on = offered_da > 0
        self._offered = self._offered or self.pwm_on
        self.driving_f = duty == pilot_duty.DUTY_OFF

    def _hold_fault(self):
        """State F for at least 300 ms where there was a PWM, then x1 so that the car is seen (CP-28)."""
        if self.contactor.commanded:
            self._open()
        if self.pwm_on:
            self._f_hold_ms = F_MS
            self._set_duty(pilot_duty.DUTY_OFF, 0)
        elif self.driving_f and self.pilot_age_ms >= self._f_hold_ms:
            self._set_duty(pilot_duty.DUTY_STEADY, 0)

    def _offer(self, dt_ms: int):
        """Bring the pilot to the effective limit within the pauses of CP-22 and CP-26."""
        target = self.target_da()
        if self.driving_f:
            if self.pilot_age_ms >= self._f_hold_ms:
                self._set_duty(pilot_duty.DUTY_STEADY, 0)
        elif not self.pwm_on:
            if self.pilot_age_ms >= PWM_OFF_MS and pilot_states.B <= self.state <= pilot_states.D:
                self._set_duty(pilot_duty.duty_from_da(target), target)
        elif target != self.offered_da:
            if self.pilot_age_ms >= DUTY_HOLD_MS or self.limits.safety_da < self.offered_da:
                self._set_duty(pilot_duty.duty_from_da(target), target)
        elif self.wake_up and self.state == pilot_states.B and not self._woken:
            self._asleep_ms += dt_ms
            if self._asleep_ms >= WAKE_AFTER_MS:
                self._woken = True  # one attempt a plug-in (CP-29)
                self._f_hold_ms = WAKE_F_MS
                self._set_duty(pilot_duty.DUTY_OFF, 0)

    def _close_when_ready(self):
        """All of them, every time: offer out, C seen steadily, diode seen, locked, open long enough, self-test passed."""
        if self.contactor.commanded or not self.pwm_on or self._off_ms < MIN_OFF_MS:
            return
        if not self._asks(self.state) or not self._asks(self.raw_state) or self.pilot_age_ms < 2 * _FRESH_MS:
            return
        if self.pilot.low_mv > pilot_states.DIODE_LOW_MV or self.contactor.closed():
            return
        if self.lock is not None and not self.lock.locked():
            return
        if self.self_test is not None:
            if not self.self_test.passed:
                if not self.self_test.running and not self.self_test.failed:
                    self.self_test.start()
                return
            self.self_test.use()
        self._stop_ms = 0
        self.contactor.close()

    def _wind_down(self, dt_ms: int):
        """PWM off first, so that the car stops drawing; open when S2 opens or after 6 s (CP-25)."""
        if self.pwm_on or self.driving_f:
            self._stop_ms = 0
            self._set_duty(pilot_duty.DUTY_STEADY, 0)
        if self.contactor.commanded:
            self._stop_ms += dt_ms
            if self._stop_ms >= STOP_MS:
                self._open()
        elif self.phases != self.phases_wanted and self._off_ms >= PHASE_SWITCH_MS:
            self._phase_switch.value(1 if self.phases_wanted == 3 else 0)
            self.phases = self.phases_wanted
            self._off_ms = MIN_OFF_MS - PHASE_SWITCH_MS  # and as long again before it may close (CP-51)

    # --- words and wishes, outside the tick ---

    def acknowledge(self) -> bool:
        """The owner has acted (CP-44, CP-45, SEC-17): clear latches whose condition is gone. True when all are clear."""
        clear = True
        for guard in self.guards:
            clear = guard.acknowledge() and clear
        return clear

    @property
    def board_guard(self):
        """The tripped guard that concerns the whole charger, None without one: connector 0 is Faulted then (OCPP-80)."""
        for guard in self.guards:
            if guard.tripped and guard.OF_BOARD:
                return guard
        return None

    @property
    def about_to_close(self) -> bool:
        """True when nothing but the contactor's own pauses stands between the car's S2 and the energy."""
        return self._wanted() and self.pwm_on and self.ev_ready

    @property
    def info(self) -> str:
        """What the reported guard says, at most 50 characters; '' without one."""
        return "" if self.fault is None else self.fault.INFO

    def pilot_name(self) -> str:
        """The pilot state as IEC 61851-1 writes it: A1, B2, C2 ... E, F, or ? between the windows (CP-6)."""
        if self.state <= pilot_states.D:
            return pilot_states.NAMES[self.state] + ("2" if self.pwm_on else "1")
        return pilot_states.NAMES[self.state]

    def limit_source(self) -> str:
        """The source that decides the current: one of the limits', "cable" or "simplified"."""
        target = self.target_da()
        if target == self.limits.effective_da:
            return self.limits.ruling
        return "cable" if self.cable is not None and target == self.cable.rating_da else "simplified"

    def limit_words(self) -> str:
        """What decides the current, for a person: 'the cable: 20.0 A'."""
        target = self.target_da()
        if target == self.limits.effective_da:
            return self.limits.words()
        return "%s: %d.%d A" % (self.limits.who(self.limit_source()), target // 10, target % 10)

    def why_paused(self) -> str:
        """Why no energy flows although a session runs, in words a person understands; '' when it flows."""
        if self.energised:
            return ""
        if self.blocked:
            return self.fault.INFO
        if not self.available:
            return "The outlet is out of service"
        if not self.permit:
            return "Nobody is authorised"
        if self.phases != self.phases_wanted:
            return "Changing the number of phases"
        if self.target_da() < pilot_duty.MINIMUM_DA:
            return "Paused by " + self.limit_words()
        if self.lock is not None and not self.lock.locked():
            return "Waiting for the lock of the plug"
        if not self.ev_ready:
            return "The vehicle does not ask for energy"
        if self._off_ms < MIN_OFF_MS:
            return "Waiting before the contactor closes again"
        return "Starting"
