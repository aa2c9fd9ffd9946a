"""The part of an outlet that the asyncio loop reads: descriptions, and a snapshot of attributes that belong together.

The control tick may run between any two byte codes of the loop. Each method here reads an attribute of the tick once;
OutletView reads several and reads them again when the tick has run meanwhile.
"""

from micropython import const

from charger.outlet import pilot_duty, pilot_states
from charger.outlet.guards.base import Guard
from charger.outlet.limits import Limits
from charger.outlet.power_switch import PowerSwitch

try:
    from typing import Any
except ImportError:  # on the board: annotations are not evaluated there
    pass

SIMPLIFIED_DA = const(100)  # all that a car with a simplified pilot may have (CP-15)


class OutletReadout:
    """Base of Outlet with everything that only reads."""

    limits: Limits
    guards: list
    fault: Guard | None
    state: int
    raw_state: int
    phases: int
    phases_wanted: int
    most_phases: int
    switches_phases: bool
    permit: bool
    available: bool
    blocked: bool
    pwm_on: bool
    ev_ready: bool
    energised: bool
    simplified: bool
    plugged: bool
    switch: PowerSwitch
    _seen_empty: bool
    rcd: Any
    trip_kept = False  # a residual current trip is latched on flash; of the loop alone
    cable: Any
    lock: Any
    contactor: Any

    def target_da(self) -> int:
        """The current that all limits together allow, 0.1 A per phase."""
        target = self.limits.decision[0]
        if self.cable is not None:
            rating_da = self.cable.rating_da
            if rating_da < target:
                target = rating_da
        return SIMPLIFIED_DA if self.simplified and target > SIMPLIFIED_DA else target

    def rated_da(self) -> int:
        """The rating of contactor, wiring and cable, 0.1 A per phase: above it there is danger."""
        rated = self.limits.decision[3]
        if self.cable is not None:
            rating_da = self.cable.rating_da
            if rating_da < rated:
                rated = rating_da
        return rated

    def allowed_da(self, *but: str) -> int:
        """The current that all limits but those of some sources allow, 0.1 A per phase: for plans, not for the control tick."""
        allowed = self.limits.without(*but)
        if self.cable is not None and self.plugged:
            allowed = min(allowed, self.cable.rating_da)
        return min(allowed, SIMPLIFIED_DA) if self.simplified else allowed

    @property
    def plugged_since_start(self) -> bool:
        """True while the car is plugged that was plugged when the firmware started."""
        return self.plugged and not self._seen_empty

    def trip_changed(self) -> bool:
        """True when flash has to be told of a residual current trip, or of its end (audit/trip_latch.py).

        A trip in state A with nothing plugged is not stored: the start, which sees state A, would clear it.
        """
        if self.rcd is None or self.guards[0].tripped == self.trip_kept:
            return False
        return self.trip_kept or self.plugged or self.raw_state != pilot_states.A

    @property
    def openings(self) -> int:
        """The number of openings of the contactor since the start."""
        return self.switch.openings

    @property
    def is_closed(self) -> bool:
        """True while the contactor is told to be closed, and for the time that its contacts need to open after that."""
        return self.contactor.commanded or 0 <= self.switch.off_ms <= self.contactor.open_ms

    @property
    def board_guard(self) -> Guard | None:
        """The tripped guard that concerns the whole charger, None without one: connector 0 is Faulted then (OCPP-80)."""
        for guard in self.guards:
            if guard.tripped and guard.OF_BOARD:
                return guard
        return None

    @property
    def stuck_closed(self) -> bool:
        """True while the auxiliary contact says closed although the coil is released."""
        return self.contactor.closed() and not self.contactor.commanded

    @property
    def info(self) -> str:
        """The reported guard's text, at most 50 characters; '' without one."""
        fault = self.fault
        return "" if fault is None else fault.INFO

    def pilot_name(self) -> str:
        """The pilot state as IEC 61851-1 writes it: A1, B2, C2 ... E, F, or ? between the windows (CP-6)."""
        state = self.state
        if state <= pilot_states.D:
            return pilot_states.NAMES[state] + ("2" if self.pwm_on else "1")
        return pilot_states.NAMES[state]

    def limit_source(self) -> str:
        """The source that decides the current: one of the limits', "cable" or "simplified"."""
        return self._limit()[1]

    def _limit(self) -> tuple:
        """(the current that is allowed, 0.1 A, the source that decides it)."""
        target, _, source, _ = self.limits.decision
        if self.cable is not None:
            rating_da = self.cable.rating_da
            if rating_da < target:
                target, source = rating_da, "cable"
        if self.simplified and target > SIMPLIFIED_DA:
            return SIMPLIFIED_DA, "simplified"
        return target, source

    def limit_words(self) -> str:
        """The limit that decides the current, for a person: 'the cable: 20.0 A'."""
        target, source = self._limit()
        return "%s: %d.%d A" % (self.limits.describe_source(source), target // 10, target % 10)

    def why_paused(self) -> str:
        """Why no energy flows although a session runs, in words a person understands; '' when it flows."""
        if self.energised:
            return ""
        fault = self.fault
        if self.blocked and fault is not None:
            return fault.INFO
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
        if self.switch.pausing:
            return "Waiting longer, after repeated interruptions"
        if not self.ev_ready:
            return "The vehicle does not ask for energy"
        if not self.switch.may_close:
            return "Waiting before the contactor closes again"
        return "Starting"


class OutletView:
    """Attributes of an outlet from between the same two ticks, for the connector's status and session."""

    def __init__(self) -> None:
        self.fault: Guard | None = None
        self.blocked = self.plugged = self.pwm_on = self.ev_ready = self.energised = False
        self.commanded = self.about_to_close = False
        self.late_ticks = self.hot_openings = 0
        self.hot_cause = ""

    def take(self, outlet: Outlet) -> None:
        """Copy them, again until no tick has run in between (a tick comes each 20 ms, the copying takes well under 1 ms)."""
        while True:
            ticks = outlet.ticks
            self.fault = outlet.fault
            self.blocked = outlet.blocked
            self.plugged = outlet.plugged
            self.pwm_on = outlet.pwm_on
            self.ev_ready = outlet.ev_ready
            self.energised = outlet.energised
            self.commanded = outlet.contactor.commanded
            self.about_to_close = outlet.about_to_close
            self.late_ticks = outlet.late_ticks
            self.hot_openings = outlet.switch.hot_openings
            self.hot_cause = outlet.switch.hot_cause
            if outlet.ticks == ticks:
                return
