"""The schedule of one connector: the limit that each source wants, and the change that waits for its random delay."""

from micropython import const

from charger import clock
from charger.grid.random_delay import WaitingChanges
from charger.metering.charging_session import Session

try:
    from collections.abc import Iterator
except ImportError:  # on the board: annotations are not evaluated there
    pass

CSMS, HOURS, PLAN, SOLAR, DELAY = "csms", "hours", "plan", "solar", "delay"
NOTHING, RUN, WAIT, HOLD = 0, 1, 2, 3  # what the owner's plan says; HOLD: no energy, not even of the sun
_LEAST_DA = const(60)
_AMPS = const(0xFFF)  # the part of a target that is 0.1 A
_ONE_PHASE = const(0x1000)  # the part that says: on one phase of an outlet that switches them (CP-51)


class Lane:
    """The schedule of one connector."""

    def __init__(self, connector) -> None:
        self.connector = connector
        self.wanted = {}  # source: 0.1 A
        self.following = {}  # source: when it may change, UTC seconds
        self.waiting = WaitingChanges()
        self.applied = connector.outlet.limits.get("hardware")  # the target that is in force
        self.session: Session | None = None
        self.starting: bool | None = None  # the plan of a session that begins is worked out; True: its delay is served
        self.delay_served = False  # the start that comes now has waited its random delay already (UK-37)
        self.offered_da = 0  # the most that the car was offered in this session, as far as this start of the firmware knows
        self.plan_until = 0  # UTC seconds at which the owner's plan is looked up again
        self.says = NOTHING  # what the owner's plan says now
        self.why = ""  # and in words
        self.work: Iterator | None = None  # the generator that works out the plan, while it does
        self.solar_da: int | None = None  # what the solar surplus leaves for this lane, None without a mode
        self.solar_phases: int | None = None  # on so many phases, None for all
        self.csms_phases: int | None = None  # the number of phases that the back end's limit is for, None for all
        self.exempt = ""  # why the back end's limit in force takes no random delay (UK-33)

    def session_number(self) -> int:
        """The number of the running session, 0 without one."""
        return self.session.local_id if self.session is not None else 0

    def scheduled_da(self) -> int:
        """The current that all sources together want, 0 below 6 A, the hardware's maximum without any."""
        target = self.connector.outlet.limits.get("hardware")
        for limit in self.wanted.values():
            target = min(target, limit)
        return target if target >= _LEAST_DA else 0

    def target(self) -> int:
        """scheduled_da(), with _ONE_PHASE where back end or sun want the current on one phase."""
        target = self.scheduled_da()
        if target and self.connector.outlet.switches_phases and (self.csms_phases == 1 or self._sun_wants_one()):
            target |= _ONE_PHASE
        return target

    def _sun_wants_one(self) -> bool:
        return self.solar_phases == 1 and not self.connector.override and self.says != RUN

    @property
    def applied_da(self) -> int:
        """The current that is in force, 0.1 A."""
        return self.applied & _AMPS

    def waits(self) -> bool:
        """True while a change waits for its random delay."""
        return self.waiting.newest() not in (None, self.applied)

    def left_s(self) -> int:
        """Seconds to the next change that comes into force."""
        return self.waiting.left_s(clock.uptime_s())

    def starts(self) -> bool:
        """True while the start that the plan asked for waits for its random delay, and nothing new was asked of the plan."""
        return self.says == RUN and self.plan_until > 0 and self.applied == 0 and self.waits()

    def enforce(self) -> None:
        """Set the outlet's limits: a lower limit that waits is not yet in force, a higher one is held by "delay".

        The number of phases changes with the current, behind the same random delay; before a start it is set already.
        """
        outlet = self.connector.outlet
        if outlet.switches_phases:
            outlet.phases_wanted = 1 if (self.applied or self.target()) & _ONE_PHASE else outlet.most_phases
        for source in (CSMS, HOURS, PLAN, SOLAR):
            wanted = self.wanted.get(source)
            self._set(source, None if wanted is None else max(wanted, self.applied_da))
        self._set(DELAY, self.applied_da if self.applied_da < self.scheduled_da() else None)

    def combine(self) -> None:
        """Stage what plan and solar surplus want together: the surplus fills the times in which the plan waits."""
        says, solar_da, override = self.says, self.solar_da, self.connector.override
        self.want(PLAN, 0 if not override and (says == HOLD or (says == WAIT and solar_da is None)) else None)
        self.want(SOLAR, None if override or says == RUN else solar_da)

    def want(self, source: str, limit_da: int | None) -> None:
        """Store the current that a source requests, 0.1 A; None for no request."""
        if limit_da is None:
            self.wanted.pop(source, None)
        else:
            self.wanted[source] = max(0, limit_da)

    def follow(self, source: str, moment: int | None) -> None:
        """Note when that may change, UTC seconds; None for never."""
        if moment is None:
            self.following.pop(source, None)
        else:
            self.following[source] = moment

    def _set(self, source: str, limit_da: int | None) -> None:
        in_force = self.connector.outlet.limits
        if in_force.get(source) != limit_da:
            in_force.set(source, limit_da)
