"""The contactors of one outlet, how long they stay open after an opening, and the count of the openings.

Called by the outlet's tick, and by the interrupt of the trip input; it allocates nothing. An opening is one under load while a
car that keeps S2 closed draws more than HOT_MA by the last reading. Openings that neither the car nor a stop asked for are
interruptions: each one makes the pause before the next closure longer, and after MOST_INTERRUPTIONS the guard
RepeatedOpenings keeps the outlet open. Unplugging, the owner's acknowledgement and half an hour of quiet start anew.
"""

from micropython import const

from charger.outlet import pilot_states

HOT_MA = const(1000)
MIN_OFF_MS = const(5000)  # after an opening under load, an interruption or a restart (CP-50)
COLD_OFF_MS = const(2000)  # where the car opened without load: energy is back within 3 s of C2 (CP-21)
MOST_INTERRUPTIONS = const(6)
LONG_MS = const(2000000)  # beyond every pause
_PAUSES_MS = (MIN_OFF_MS, 30000, 120000, 300000, 900000, 1800000)
_QUIET_MS = const(1800000)
_FEW = const(4)  # openings by the car or a limit in a row before their pause grows, to MIN_OFF_MS and then to 30 s
_MANY = const(8)
_FORGET_MS = const(30000)  # one of these openings is forgotten each
_REOFFER_MS = const(3000)  # so long before the end of a long pause the car has its PWM again
_JUDGED_MS = const(300)  # over the 200 ms of Diode, PilotVoltage and PilotShort, which need the PWM to judge by

CAR = "car"
STOP = "stop"
LATE = "late"
LOCK = "lock"


class PowerSwitch:
    """`openings`, `hot_openings` (under load) and `hot_cause` (a word of charging_session.CAUSES) count since the start."""

    def __init__(self, contactor: Any, second: Any) -> None:
        """`second` is the contactor of the phases 2 and 3, None where `contactor` switches all poles."""
        self.contactor = contactor
        self.second = second
        self.closed = self._last = False  # by the feedback, two equal readings; the newest one
        self.second_closed = False
        self.off_ms = 0  # since the contactor opened; a restart has opened it (CP-50)
        self.wait_ms = MIN_OFF_MS
        self.openings = self.hot_openings = 0
        self.hot_cause = ""
        self.interruptions = 0
        self.code = "OtherError"  # OCPP's word for the last interruption
        self._closed_ms = 0
        self._asked = 0
        self._forget_ms = 0

    def read(self) -> bool:
        """Read the feedback of both, once a tick: `closed`. One disturbed reading changes nothing."""
        now = self.contactor.closed()
        if now == self._last:
            self.closed = now
        self._last = now
        if self.second is not None:
            self.second_closed = self.second.closed()  # its guards wait for longer than a disturbance
        return self.closed

    def step(self, dt_ms: int) -> None:
        """One tick."""
        if self.off_ms < LONG_MS:
            self.off_ms += dt_ms
        if self.interruptions and self.contactor.commanded:
            self._closed_ms += dt_ms
            if self._closed_ms >= _QUIET_MS:
                self.forget()
        if self._asked:
            self._forget_ms += dt_ms
            if self._forget_ms >= _FORGET_MS:
                self._forget_ms = 0
                self._asked -= 1

    def follow(self, energised: bool) -> None:
        """The second contactor is closed only over a closed first one, and opens with it."""
        second = self.second
        if energised != second.commanded:
            if energised:
                second.close()
            else:
                second.open()

    def forget(self) -> None:
        """The interruptions so far count no longer."""
        self.interruptions = 0
        if self.wait_ms > MIN_OFF_MS:
            self.wait_ms = MIN_OFF_MS

    @property
    def may_close(self) -> bool:
        """True when the pause after the last opening is over."""
        return self.off_ms >= self.wait_ms

    @property
    def pausing(self) -> bool:
        """True in a long pause, in which the car has no PWM. It begins when the guards of the pilot have judged what opened."""
        return self.wait_ms > MIN_OFF_MS and _JUDGED_MS <= self.off_ms < self.wait_ms - _REOFFER_MS

    def close(self) -> None:
        """Close the first contactor; the second one follows."""
        self._closed_ms = 0
        self.contactor.close()

    def open_now(self) -> None:
        """Open both."""
        self.contactor.open()
        if self.second is not None:
            self.second.open()

    def open(self, cause: str, code: str, outlet: Outlet) -> None:
        """Open both; the cause is CAR, STOP, LATE, LOCK or the class of a guard, `code` what OCPP calls it."""
        self.open_now()
        self.off_ms = 0
        self.openings += 1
        hot = _is_hot(outlet)
        if hot:
            self.hot_openings += 1
            self.hot_cause = cause
        if cause != CAR and cause != STOP:
            if self.interruptions < MOST_INTERRUPTIONS:
                self.interruptions += 1
            self.code = code
            self.wait_ms = _PAUSES_MS[self.interruptions - 1]
        else:
            self._asked += 1
            soon = cause == CAR and self._asked <= _FEW
            self.wait_ms = COLD_OFF_MS if soon else MIN_OFF_MS if self._asked <= _MANY else 30000

    def open_for_what_is_seen(self, outlet: Outlet) -> None:
        """Open because the newest readings do not allow it to be closed."""
        raw = outlet.raw_state
        if outlet.blocked or (outlet.easing and raw <= pilot_states.B):  # what else opens meanwhile has its own cause
            self.open_for_guard(outlet)
        elif raw == pilot_states.A or raw == pilot_states.B:
            self.open(CAR if outlet.pwm_on else STOP, "NoError", outlet)
        elif outlet.lock is not None and not outlet.locked:
            self.open(LOCK, "ConnectorLockFailure", outlet)
        elif raw == pilot_states.D and not outlet.has_ventilation:
            self.open("Ventilation", "OtherError", outlet)
        elif outlet.diode_lost:
            self.open("Diode", "EVCommunicationError", outlet)
        elif raw == pilot_states.C or raw == pilot_states.D:
            self.open(LATE, "InternalError", outlet)  # the co-processor has opened it, for what no tick has seen
        elif raw == pilot_states.UNDEFINED:
            self.open("PilotVoltage", "EVCommunicationError", outlet)
        else:
            self.open("PilotShort", "OtherError", outlet)

    def open_for_guard(self, outlet: Outlet) -> None:
        """Open because a guard has tripped, or for good."""
        guard = outlet.blocker
        if guard is None:
            self.open_now()
        else:
            self.open(type(guard).__name__, guard.CODE, outlet)


def _is_hot(outlet: Outlet) -> bool:
    """A car that has opened S2, or has gone, has taken its load off before; a lost meter does not say that none flows."""
    if outlet.raw_state == pilot_states.A or outlet.raw_state == pilot_states.B:
        return False
    measured = outlet.metered
    return measured is None or measured[0] > HOT_MA
