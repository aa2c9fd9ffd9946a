"""One outlet: the only owner of its control pilot, its contactor and its guards.

`tick()` runs every 20 ms, called by a hardware timer between any two byte codes of the asyncio loop. It reads the inputs,
steps the guards and sets PWM and contactor; it allocates nothing. All other modules can only withdraw a permission
(`permit`, `available`, emergency_open()) or lower a current (`limits`); each input is one attribute that is written by
one assignment (docs/ARCHITECTURE.md, "What the tick shares with the loop"). Opening waits for the sequence that spares
contacts and car (CP-25); when a guard blocks, it waits for nothing.
"""

from micropython import const

from charger import clock
from charger.outlet import guards, pilot_duty, pilot_states
from charger.outlet.bolt import Bolt
from charger.outlet.cable import Cable
from charger.outlet.generator_test import GeneratorTest
from charger.outlet.guards.base import Guard
from charger.outlet.limits import Limits
from charger.outlet.outlet_readout import OutletReadout
from charger.outlet.power_switch import LATE, LONG_MS, STOP, PowerSwitch
from charger.outlet.rcd_self_test import RcdSelfTest

PWM_OFF_MS = const(3000)  # at least this long in x1 before PWM comes back (CP-26)
DUTY_HOLD_MS = const(5000)  # between two changes of duty, safety reductions excepted (CP-22)
ADAPT_MS = const(7000)  # until a car counts as drawing more than it was told: CP-22's 5 s and a margin
STOP_MS = const(6000)  # how long the car may take to open S2 after PWM off (CP-25)
F_MS = const(300)  # state F is held at least this long on a fault (CP-28)
WAKE_F_MS = const(4000)  # and so long to wake a sleeping car (CP-29)
WAKE_AFTER_MS = const(30000)  # a car that ignores an offer for so long may be asleep
PHASE_SWITCH_MS = const(10000)  # contactor open at least this long around a change of phases (CP-51)
_STEADY_TICKS = const(3)  # equal readings before a new state counts (CP-8)
_UNDEFINED_TICKS = const(2)  # how long a voltage between the windows keeps the last state (CP-5)
_BAD_TICKS = const(2)  # so many readings in a row open, all but state A's; with the contactor's time below 60 ms
_TICK_MS = const(20)
_PROMPT_MS = const(30)  # a tick that is later than this waits for no second one
_LONG_MS = const(1000000)
_STALE_MS = const(2000)  # an older measurement counts as none (MET-1)
_COUNT_MASK = const(0xFFFF)


class Outlet(OutletReadout):
    """IEC 61851-1 supply side of one connector. Attributes are read-only outside, but for those named as inputs."""

    def __init__(self, number: int, parts: Any, options: dict) -> None:
        """`parts` has pilot, contactor, reading and, or None, rcd, thermometer, lock, proximity, tamper, rails, board_fault,
        fault_input, phase_switch, flash (the block device, for its `erasing`). `options`: max_da, late_ms, and, if not the
        default, phases, ventilation, open_pen.
        """
        self.id = number
        self.pilot = parts.pilot
        self.contactor = parts.contactor
        self.reading = parts.reading
        self.rcd = parts.rcd
        self.thermometer = parts.thermometer
        self.lock = parts.lock
        self._bolt = Bolt(parts.lock)
        self.tamper = parts.tamper
        self.rails = parts.rails
        self.board_fault = parts.board_fault
        self.fault_input = parts.fault_input
        self.phases = self.most_phases = options.get("phases", 1)
        self.switches_phases = parts.phase_switch is not None and self.most_phases > 1
        self.rotation = options.get("rotation", 0)  # which phase of the supply its first one is (grid/load_sharing.py)
        self.cable = Cable(parts.proximity, self.phases) if parts.proximity else None
        self.self_test = RcdSelfTest(parts.rcd) if parts.rcd else None
        self.limits = Limits(min(options["max_da"], self.pilot.most_da))
        self.has_ventilation = options.get("ventilation", False)
        self.open_pen = options.get("open_pen", False)
        self.wake_up = False  # an input of the loop: the key WakeUpVehicle
        self.generator_test = GeneratorTest()
        self._late_ms = options["late_ms"]
        self.phase_switch = parts.phase_switch
        self.switch = PowerSwitch(parts.contactor, parts.phase_switch)
        self._flash = parts.flash
        self._begin()
        self.guards = guards.make(self)
        if self.rcd is not None:
            self.rcd.on_trip(self._trip_edge)

    def _begin(self) -> None:
        # Inputs, each written by the loop in one assignment and read by the tick.
        self.permit = False  # only the connector permits
        self.available = True
        self.hold_lock = False
        self.phases_wanted = self.phases
        self.reader_failed = False
        self.tamper_input = guards.TAMPER_LATCH  # policy and latch in one small integer
        self.wants_lock = False
        self._edge = False  # the residual current device has tripped since the last tick
        self._shut = False  # never to close again before a restart
        self._acknowledged = False  # the owner's request; the tick carries it out
        # Written by the tick.
        self.ticks = 0  # modulo 2^16: a changed count says that the tick has run between two reads
        self.fault: Guard | None = None  # the guard that is reported
        self.blocker: Guard | None = None  # the first one that keeps the energy off
        self.blocked = False  # a tripped guard keeps the energy off
        self.easing = False  # a tripped guard that is no danger lets the car stop first
        self.state = self.raw_state = pilot_states.A
        self.plugged = self.ev_ready = self.energised = self.about_to_close = False
        self.simplified = False  # the car asked for energy without ever having seen a PWM (CP-15)
        self.pwm_on = self.driving_f = False
        self.offered_da = 0  # what the pilot says to the car now, 0.1 A
        self.signalled_da = 0  # the highest offer that the car may still be drawing (CP-22, CP-25)
        self._adapt_ms = self._lower_da = 0  # since offers are lower than that, and the highest one of them
        self.pilot_age_ms = 0  # since the pilot was last changed; a restart counts as a change
        self.late_ticks = 0
        # The inputs as this tick has read them, once for all guards.
        self.dt_ms = 0  # for guards, cable and bolt: a hold-up, of which nothing was seen, counts as one tick
        self.metered: tuple | None = None  # reading.protection while it is fresh
        self.contacts_closed = self.locked = self.rcd_tripped = False
        self.trip_edge = False  # the residual current device has tripped since the last tick, contactor closed
        self.diode_lost = False  # the guard Diode says so
        self._same = self._undefined = self._bad = 0
        self._stop_ms = self._asleep_ms = 0
        self._f_hold_ms = F_MS
        self._woken = False
        self._offered = False  # since the plug
        self._seen_empty = False  # state A since the start: what was plugged before may have seen a PWM

    def tick(self, dt_ms: int) -> None:
        """One control step, dt_ms after the last one."""
        contactor = self.contactor
        self.ticks = (self.ticks + 1) & _COUNT_MASK
        if self.pilot_age_ms < _LONG_MS:
            self.pilot_age_ms += dt_ms
        self.switch.step(dt_ms)
        late = dt_ms > self._late_ms
        self.dt_ms = _TICK_MS if late else dt_ms
        if late and contactor.commanded:
            self.late_ticks += 1
            self.switch.open(LATE, "InternalError", self)
        self._read_state()
        self._read_inputs(dt_ms)
        self._step_guards()
        if contactor.commanded and not self._may_stay_closed():
            self.switch.open_for_what_is_seen(self)
        target_da = self.target_da()
        wanted = self._wanted(target_da)
        if self.lock is not None:
            self._bolt.step(self)
        if self.generator_test.step(self, dt_ms):
            pass  # it has the pilot until the next tick
        elif self.blocked:
            self._hold_fault()
        elif wanted:
            self._offer(dt_ms, target_da)
            if not (late or contactor.commanded):
                self._close_when_ready()
        else:
            self._wind_down(dt_ms)
        if self.offered_da < self.signalled_da:
            self._follow_offer(dt_ms)
        else:
            self.signalled_da = self.offered_da
            self._adapt_ms = self._lower_da = 0
        self.about_to_close = wanted and self.pwm_on and self.ev_ready
        self.energised = contactor.commanded and self.contacts_closed
        if self.switch.second is not None:
            self.switch.follow(self.energised and self.phases > 1)

    def _follow_offer(self, dt_ms: int) -> None:
        """The highest offer of the last ADAPT_MS is what the car may draw, however often it changes (CP-22, CP-25)."""
        if self.offered_da > self._lower_da:
            self._lower_da = self.offered_da
        self._adapt_ms += dt_ms
        if self._adapt_ms >= (ADAPT_MS if self.pwm_on else STOP_MS + ADAPT_MS):
            self.signalled_da = self._lower_da
            self._adapt_ms = self._lower_da = 0

    def mark_long_open(self) -> None:
        """Called before the first tick when no session was open: the contactor has been open for long, so nothing waits."""
        self.switch.off_ms = LONG_MS
        self.pilot_age_ms = _LONG_MS

    def latch_trip(self) -> None:
        """Called before the first tick when the residual current device had tripped before the restart and is not cleared."""
        self.fault = guard = self.guards[0]
        guard.tripped = guard.active = self.blocked = self.trip_kept = True

    # --- inputs of the loop, besides the attributes ---

    def withdraw(self) -> None:
        """End the permission: the tick winds the energy down in the order that spares contacts and car (CP-25)."""
        self.permit = False

    def emergency_open(self) -> None:
        """Open at once and stay open until the restart: the tick opens again whatever it finds, and closes no more."""
        self._shut = True  # first, so that a tick in the middle of this cannot close again
        self.switch.open_now()

    def unlock_again(self) -> None:
        """A person asks for the plug: a bolt that has stayed is drawn back anew once it may be."""
        self._bolt.draw_again()

    def set_reader_failed(self, failed: bool) -> None:
        """Report a card reader that sends nothing but broken frames."""
        self.reader_failed = failed

    def set_tamper(self, policy: int, latched: bool) -> None:
        """Set what an open enclosure means (guards.TAMPER_...) and whether an opening is latched on flash."""
        self.tamper_input = policy | (guards.TAMPER_LATCHED if latched else 0)

    def acknowledge(self) -> bool:
        """Ask for the latches to be cleared whose condition is gone (CP-44, CP-45, SEC-17); the next tick does it.

        True when all guards will be clear then.
        """
        clear = guards.can_clear(self)
        self._acknowledged = True
        return clear

    # --- what is there ---

    def _read_inputs(self, dt_ms: int) -> None:
        """Read each input once, so that all guards judge the same instant."""
        measured = self.reading.protection
        if measured is not None and clock.ticks_diff(clock.ticks_ms(), measured[3]) > _STALE_MS:
            measured = None  # a meter task that died counts like a meter that died
        self.metered = measured
        self.contacts_closed = self.switch.read()
        if self.lock is not None:
            self.locked = self._bolt.holds(self.contactor.commanded)
        if self.cable is not None:
            self.cable.step(self.plugged, self.dt_ms)
        if self.self_test is not None:
            self.trip_edge = self._edge
            if self.trip_edge:
                self._edge = False
            self.rcd_tripped = self.trip_edge or self.rcd.tripped()
            self.self_test.schedule(dt_ms, self)

    def _read_state(self) -> None:
        pilot = self.pilot
        pilot.read()
        raw = pilot_states.decode(pilot.high_mv)
        if self.contactor.commanded and (not self._may_charge(raw) or (self.pwm_on and pilot.low_mv > pilot_states.DIODE_LOW_MV)):
            pilot.read_again()  # what opens the contactor has to be there twice; a disturbance of 1 ms is gone by then
            raw = pilot_states.decode(pilot.high_mv)
        if raw != self.raw_state:
            self._same = 1
            self.raw_state = raw
        elif raw == self.state and raw != pilot_states.UNDEFINED:
            if raw == pilot_states.A:
                self._seen_empty = True
            return  # nothing new, as in nearly every tick
        else:
            self._same += 1
        if raw == pilot_states.UNDEFINED:
            self._undefined += 1
            if self._undefined <= _UNDEFINED_TICKS:
                return
        else:
            self._undefined = 0
        if raw != self.state and (self._same >= _STEADY_TICKS or self._undefined > _UNDEFINED_TICKS):
            self._enter(raw)

    def _enter(self, state: int) -> None:
        if state == pilot_states.A:
            self.plugged = self.simplified = self._woken = self._offered = False
            self.switch.forget()
            self._seen_empty = True
        elif state == pilot_states.UNDEFINED:
            self.plugged = self.plugged or self.pilot.high_mv < 10000  # whatever it is, it is connected
        elif pilot_states.B <= state <= pilot_states.D:
            if state == pilot_states.C and self._seen_empty and not self._offered:
                self.simplified = True
            elif state == pilot_states.B:
                self.simplified = False  # it has an S2
            self.plugged = True
        self.state = state
        self.ev_ready = state == pilot_states.C or state == pilot_states.D
        self._asleep_ms = 0

    def _may_charge(self, state: int) -> bool:
        """True for a state in which the car asks for energy and may have it (CP-40)."""
        return state == pilot_states.C or (state == pilot_states.D and self.has_ventilation)

    def _step_guards(self) -> None:
        """Step all guards, and carry out the owner's request to clear the latches."""
        self.blocked = self._shut
        guards.step(self, self._acknowledged)
        if self._acknowledged:
            self._acknowledged = False
            self.switch.forget()
            if self.self_test is not None:
                self.self_test.request_repeat()

    # --- what follows ---

    def _trip_edge(self, _: object) -> None:
        """At the edge of the trip input, between two ticks: open, and let the next tick latch it (CP-41, CP-44).

        One by the self-test, which contacts that have not opened yet let through, is none for the guard.
        """
        if self.contactor.commanded or self.contacts_closed:
            self._edge = True
            if self.contactor.commanded:
                self.switch.open("ResidualCurrent", "GroundFailure", self)

    def _may_stay_closed(self) -> bool:
        """Judged on the newest reading, not on the debounced state: fast to open, slow to close (CP-24)."""
        if self.blocked or (self.lock is not None and not self.locked):
            return False
        raw = self.raw_state
        if self._may_charge(raw) and not self.diode_lost:
            self._bad = 0
            return not self.contactor.taken
        self._bad += 1
        return raw != pilot_states.A and self._bad < _BAD_TICKS and self.dt_ms <= _PROMPT_MS

    def _wanted(self, target_da: int) -> bool:
        """True while energy should flow as far as the charger is concerned."""
        return (
            self.permit
            and not self.easing
            and not self.switch.pausing
            and self.available
            and self.plugged
            and self.phases == self.phases_wanted
            and target_da >= pilot_duty.MINIMUM_DA
        )

    def set_duty(self, duty: int, offered_da: int) -> None:
        """For the tick and what it steps: the pilot's duty and the current that it offers."""
        self.pilot.set_duty(duty)
        self.offered_da = offered_da
        self.pilot_age_ms = 0
        if offered_da and not self.pwm_on:
            self._adapt_ms //= 2  # a pause counts half: the car may still be stopping
        self.pwm_on = offered_da > 0
        self._offered = self._offered or self.pwm_on
        self.driving_f = duty == pilot_duty.DUTY_OFF

    def _hold_fault(self) -> None:
        """State F for at least 300 ms where there was a PWM, then x1 so that the car is seen (CP-28)."""
        if self.contactor.commanded:
            self.switch.open_for_guard(self)
        if self.pwm_on:
            self._f_hold_ms = F_MS
            self.set_duty(pilot_duty.DUTY_OFF, 0)
        elif self.driving_f and self.pilot_age_ms >= self._f_hold_ms:
            self.set_duty(pilot_duty.DUTY_STEADY, 0)

    def _offer(self, dt_ms: int, target: int) -> None:
        """Bring the pilot to the effective limit within the pauses of CP-22 and CP-26."""
        if self.driving_f:
            if self.pilot_age_ms >= self._f_hold_ms:
                self.set_duty(pilot_duty.DUTY_STEADY, 0)
        elif not self.pwm_on:
            if self.pilot_age_ms >= PWM_OFF_MS and pilot_states.B <= self.state <= pilot_states.D:
                self.set_duty(pilot_duty.duty_from_da(target), target)
        elif target != self.offered_da:
            if self.pilot_age_ms >= DUTY_HOLD_MS or self.limits.decision[1] < self.offered_da:
                self.set_duty(pilot_duty.duty_from_da(target), target)
        elif self.wake_up and self.state == pilot_states.B and not self._woken:
            self._asleep_ms += dt_ms
            if self._asleep_ms >= WAKE_AFTER_MS:
                self._woken = True  # one attempt a plug-in (CP-29)
                self._f_hold_ms = WAKE_F_MS
                self.set_duty(pilot_duty.DUTY_OFF, 0)

    def _close_when_ready(self) -> None:
        """All of them, every time: offer out, C seen steadily, diode seen, locked, open long enough, self-test passed."""
        if not self.pwm_on or not self.switch.may_close:
            return
        if self._flash is not None and self._flash.erasing:  # an erase that has begun holds up the next ticks
            return
        if not self._may_charge(self.state) or not self._may_charge(self.raw_state):
            return
        if self.pilot.low_mv > pilot_states.DIODE_LOW_MV or self.contacts_closed or self.rcd_tripped:
            return
        if self.lock is not None and not self.locked:
            return
        if self.self_test is not None:
            if not self.self_test.passed:
                if not self.self_test.running and not self.self_test.failed:
                    self.self_test.start()
                return
            self.self_test.use()
        self._stop_ms = self._bad = 0
        self.switch.close()

    def _wind_down(self, dt_ms: int) -> None:
        """Switch the PWM off, so that the car draws no more current; open when S2 opens or after 6 s (CP-25)."""
        if self.pwm_on or self.driving_f:
            self._stop_ms = 0
            self.set_duty(pilot_duty.DUTY_STEADY, 0)
        if self.contactor.commanded:
            self._stop_ms += dt_ms
            if self._stop_ms >= STOP_MS:
                if self.easing:
                    self.switch.open_for_guard(self)
                else:
                    self.switch.open(STOP, "NoError", self)
        elif self.phases != self.phases_wanted and self.switch.off_ms >= PHASE_SWITCH_MS:
            self.phases = self.phases_wanted
            # and as long again before it may close (CP-51), or for what is left of a longer pause
            self.switch.off_ms = min(self.switch.off_ms, self.switch.wait_ms - PHASE_SWITCH_MS)
