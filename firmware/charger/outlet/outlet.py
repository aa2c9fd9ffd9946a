"""One outlet: the only owner of its control pilot and its contactor.

`tick()` runs every 20 ms, reads the pilot, steps the guards and sets PWM and contactor. It allocates nothing. Everybody
else may only withdraw a permission (`permit`, `available`) or lower a current (`limits`). Opening never waits for
anything but the sequence that spares the contacts (CP-25), and not even for that when a guard says so.
"""

from micropython import const

from charger.outlet import current, guards, states

PWM_OFF_MS = const(3000)  # at least this long in x1 before PWM comes back (CP-26)
DUTY_HOLD_MS = const(5000)  # between two changes of duty, safety reductions excepted (CP-22)
STOP_MS = const(6000)  # how long the car may take to open S2 after PWM off (CP-25)
MIN_OFF_MS = const(5000)  # contactor open at least this long before it closes again (CP-50)
F_MS = const(300)  # state F is held at least this long on a fault (CP-28)
_STEADY_TICKS = const(3)  # equal readings before a new state counts (CP-8)
_UNDEFINED_TICKS = const(2)  # how long a voltage between the windows keeps the last state (CP-5)
_FAR_MS = const(1000000)


class Outlet:
    """IEC 61851-1 supply side of one connector. Attributes are read-only outside, except `permit` and `available`."""

    def __init__(self, number: int, parts, hardware_da: int, late_ms: int):
        """`parts` has pilot, contactor, reading and, or None, rcd, thermometer, lock, fault_input."""
        from charger.outlet.limits import Limits

        self.id = number
        self.pilot = parts.pilot
        self.contactor = parts.contactor
        self.reading = parts.reading
        self.rcd = parts.rcd
        self.thermometer = parts.thermometer
        self.fault_input = parts.fault_input
        self.limits = Limits(hardware_da)
        self.guards = [guard() for guard in guards.ALL]
        self.fault = None  # the guard that is reported, or None
        self.permit = False  # set by the connector: somebody authorised is charging
        self.available = True
        self.state = states.A
        self.raw_state = states.A
        self.plugged = False
        self.ev_ready = False
        self.energised = False
        self.offered_da = 0  # what the pilot says to the car now, 0.1 A
        self.signalled_da = 0  # the highest offer of the last 5 s: what the car may still draw
        self.pwm_on = False
        self.driving_f = False
        self.pilot_age_ms = 0  # since the pilot was last changed
        self.late_ticks = 0
        self.openings = 0
        self._late_ms = late_ms
        self._same = 0
        self._undefined = 0
        self._off_ms = _FAR_MS  # since the contactor opened
        self._stop_ms = 0
        self._f_ms = _FAR_MS

    def tick(self, dt_ms: int):
        """One control step, dt_ms after the last one."""
        self.pilot_age_ms = min(self.pilot_age_ms + dt_ms, _FAR_MS)
        self._off_ms = min(self._off_ms + dt_ms, _FAR_MS)
        self._f_ms = min(self._f_ms + dt_ms, _FAR_MS)
        late = dt_ms > self._late_ms
        if late and self.contactor.commanded:
            self.late_ticks += 1
            self._open()
        self._read_state()
        fault = self._step_guards(dt_ms)
        if self.contactor.commanded and not self._may_stay_closed():
            self._open()
        if fault is not None:
            self._hold_fault()
        elif self._wanted():
            self._offer()
            if not late:
                self._close_when_ready()
        else:
            self._wind_down(dt_ms)
        if self.pilot_age_ms >= DUTY_HOLD_MS or self.offered_da > self.signalled_da:
            self.signalled_da = self.offered_da
        self.energised = self.contactor.commanded and self.contactor.closed()

    # --- what is there ---

    def _read_state(self):
        self.pilot.read()
        raw = states.decode(self.pilot.high_mv)
        if raw == self.raw_state:
            self._same += 1
        else:
            self._same = 1
            self.raw_state = raw
        if raw == states.UNDEFINED:
            self._undefined += 1
            if self._undefined <= _UNDEFINED_TICKS:
                return
        else:
            self._undefined = 0
        if raw != self.state and (self._same >= _STEADY_TICKS or self._undefined > _UNDEFINED_TICKS):
            self._enter(raw)

    def _enter(self, state: int):
        self.state = state
        if state == states.A:
            self.plugged = False
        elif states.B <= state <= states.D:
            self.plugged = True
        self.ev_ready = state == states.C or state == states.D

    def _step_guards(self, dt_ms: int):
        """Step them all, always; the first tripped one of the list is the one reported."""
        found = None
        for guard in self.guards:
            if guard.step(self, dt_ms) and found is None:
                found = guard
        self.fault = found
        return found

    # --- what follows ---

    def _may_stay_closed(self) -> bool:
        """Judged on the newest reading, not on the debounced state: fast to open, slow to close (CP-24, CP-9)."""
        if self.fault is not None:
            return False
        raw = self.raw_state
        if raw == states.UNDEFINED:
            return self._undefined < _UNDEFINED_TICKS
        if raw != states.C:
            return False
        return not self.pwm_on or self.pilot_age_ms < 20 or self.pilot.low_mv <= states.DIODE_LOW_MV

    def _wanted(self) -> bool:
        return (
            self.permit and self.available and self.plugged and self.limits.effective_da >= current.MINIMUM_DA
        )

    def _open(self):
        self.contactor.open()
        self._off_ms = 0
        self.openings += 1

    def _hold_fault(self):
        """Open at once, state F for at least 300 ms with a car there, then x1 so that the car is seen (CP-28)."""
        if self.contactor.commanded:
            self._open()
        if self.pwm_on:
            self._set_duty(current.DUTY_OFF, 0)
            self.pwm_on = False
            self.driving_f = True
            self._f_ms = 0
        elif self.driving_f and self._f_ms >= F_MS:
            self.driving_f = False
            self._set_duty(current.DUTY_STEADY, 0)

    def _offer(self):
        """Bring the pilot to the effective limit within the pauses of CP-22 and CP-26."""
        limit_da = self.limits.effective_da
        if self.driving_f:
            if self._f_ms < F_MS:
                return
            self.driving_f = False
            self._set_duty(current.DUTY_STEADY, 0)
        elif not self.pwm_on:
            if self.pilot_age_ms >= PWM_OFF_MS and states.B <= self.state <= states.D:
                self.pwm_on = True
                self._set_duty(current.duty_from_da(limit_da), limit_da)
        elif limit_da != self.offered_da and (
            self.pilot_age_ms >= DUTY_HOLD_MS or self.limits.safety_da < self.offered_da
        ):
            self._set_duty(current.duty_from_da(limit_da), limit_da)

    def _close_when_ready(self):
        """All of them, every time: PWM on, C seen steadily, diode seen, open long enough, nothing tripped."""
        if self.contactor.commanded or not self.pwm_on or self._off_ms < MIN_OFF_MS:
            return
        if self.state != states.C or self.raw_state != states.C or self.pilot_age_ms < 40:
            return
        if self.pilot.low_mv > states.DIODE_LOW_MV or self.contactor.closed():
            return
        self._stop_ms = 0
        self.contactor.close()

    def _wind_down(self, dt_ms: int):
        """PWM off first, so that the car stops drawing; open when S2 opens or after 6 s (CP-25)."""
        if self.pwm_on or self.driving_f:
            self.pwm_on = False
            self.driving_f = False
            self._stop_ms = 0
            self._set_duty(current.DUTY_STEADY, 0)
        if self.contactor.commanded:
            self._stop_ms += dt_ms
            if self._stop_ms >= STOP_MS:
                self._open()

    def _set_duty(self, duty: int, offered_da: int):
        self.pilot.set_duty(duty)
        self.offered_da = offered_da
        self.pilot_age_ms = 0

    # --- words, outside the tick ---

    @property
    def about_to_close(self) -> bool:
        """True when nothing but the next ticks stands between the car's S2 and the closed contactor."""
        return self._wanted() and self.pwm_on and self.ev_ready and self._off_ms >= MIN_OFF_MS

    def pilot_name(self) -> str:
        """The pilot state as IEC 61851-1 writes it: A1, B2, C2 ... E, F, or ? between the windows (CP-6)."""
        if self.state <= states.D:
            return states.NAMES[self.state] + ("2" if self.pwm_on else "1")
        return states.NAMES[self.state]

    @property
    def error(self) -> str | None:
        """OCPP ChargePointErrorCode of the reported guard, None without a fault."""
        fault = self.fault
        return None if fault is None else fault.CODE

    @property
    def info(self) -> str:
        """What the reported guard says, at most 50 characters."""
        fault = self.fault
        return "" if fault is None else fault.INFO

    def why_paused(self) -> str:
        """Why no energy flows although a session runs, in words a person understands; '' when it flows."""
        if self.energised:
            return ""
        if self.fault is not None:
            return self.fault.INFO
        if not self.available:
            return "The outlet is out of service"
        if not self.permit:
            return "Nobody is authorised"
        if self.limits.effective_da < current.MINIMUM_DA:
            return "Paused by " + self.limits.words()
        if not self.ev_ready:
            return "The vehicle does not ask for energy"
        if self._off_ms < MIN_OFF_MS:
            return "Waiting before the contactor closes again"
        return "Starting"
