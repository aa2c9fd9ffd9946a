"""One limit a connector from all that schedules: the back end's profiles, charging hours, the owner's plan (UK-21 to 38).

Each source stages what it wants; the least of them is the target. A change of the target while a session runs is a
relevant time: the current stays as it is until the random delay is over. Limits that protect go to the outlet's limits
directly and never come here (UK-36). A local wish only lowers what the back end allows.
"""

from micropython import const

from charger import clock, log
from charger.audit import events
from charger.grid.random_delay import WaitingChanges, draw
from charger.metering.charging_session import Session
from charger.outlet import limits, pilot_duty
from charger.runtime import memory

CSMS, HOURS, PLAN, DELAY = "csms", "hours", "plan", "delay"
DEPARTURES = "departures.json"  # connector number as text: [minute of the day in local time, Wh]
_LEAST_DA = const(60)
_LOOK_S = const(604800)  # without any hours: look again after so long


class Lane:
    """What is scheduled at one connector."""

    def __init__(self, connector) -> None:
        self.connector = connector
        self.wanted = {}  # source: 0.1 A
        self.following = {}  # source: when it may change, UTC seconds
        self.waiting = WaitingChanges()
        self.applied_da = connector.outlet.limits.get("hardware")
        self.session: Session | None = None
        self.delay_served = False  # the start that comes now has waited its random delay already (UK-37)
        self.plan_until = 0  # UTC seconds at which the owner's plan is looked up again
        self.why = ""  # what the owner's plan does now
        self.exempt = ""  # why the back end's limit in force takes no random delay (UK-33)

    def session_number(self) -> int:
        """The number of the running session, 0 without one."""
        return self.session.local_id if self.session is not None else 0

    def target_da(self) -> int:
        """What all sources together want, 0 below 6 A, the hardware's maximum without any."""
        target = self.connector.outlet.limits.get("hardware")
        for limit in self.wanted.values():
            target = min(target, limit)
        return target if target >= _LEAST_DA else 0

    def enforce(self) -> None:
        """Set the outlet's limits: a lower limit that waits is not yet in force, a higher one is held by "delay"."""
        for source in (CSMS, HOURS, PLAN):
            wanted = self.wanted.get(source)
            self._set(source, None if wanted is None else max(wanted, self.applied_da))
        self._set(DELAY, self.applied_da if self.applied_da < self.target_da() else None)

    def _set(self, source: str, limit_da: int | None) -> None:
        in_force = self.connector.outlet.limits
        if in_force.get(source) != limit_da:
            in_force.set(source, limit_da)


class Planner:
    """A listener of the connectors. second() is called each second. `on_event(event, info)` is the security log's."""

    def __init__(self, connectors: list, config, files, on_event, reduction_signal=None) -> None:
        """reduction_signal(): 1 while the grid operator's signal input asks for less power; None without the input."""
        from charger.grid import countries  # unloaded again by the first look at the hours

        country = countries.load(config.get_str("Country"))
        self._delays = country.DELAY_S > 0
        self._reduction_w: int | None = country.REDUCTION_W
        self._files = files
        self._open = True  # whether the hours allow charging, in the span of UTC seconds below
        self._open_from = self._open_until = 0
        self._departures = files.exists(DEPARTURES)
        self._hours_follow = False  # whether that may change at the end of the span
        self.lanes = [Lane(connector) for connector in connectors]
        self._config = config
        self._on_event = on_event
        self._reduction_signal = reduction_signal
        self._reduced = False
        self.house = None  # grid/house_supply.py, where a maximum of the supply is set
        self.use_house("")
        for key in ("HouseMaxCurrent", "HouseSafeCurrent"):
            config.on_change(key, self.use_house)
        clock.on_step(self._time_stepped)
        self.second()

    @property
    def delay_most_s(self) -> int:
        """The maximum of the random delay now (UK-31, UK-32)."""
        return self._config.get_int("RandomDelayMax") if self._delays else 0

    def lane(self, connector) -> Lane:
        """The lane of a connector."""
        return self.lanes[connector.id - 1]

    def use_house(self, _value: str) -> None:
        """Follow the installer's limits of the house's supply."""
        max_da = self._config.get_int("HouseMaxCurrent") * 10
        if not max_da and self.house is not None:
            self.house.withdraw()
            self.house = None
        elif max_da and self.house is None:
            from charger.grid.house_supply import HouseSupply  # 2,400 frozen bytes, for houses with a reading of their supply

            self.house = HouseSupply(self.lanes)
        if self.house is not None:
            self.house.configure(max_da, self._config.get_int("HouseSafeCurrent") * 10)
            self.house.step()

    def read_house(self, amps_da: tuple, power_w: int) -> None:
        """A reading of the house's current and power: see HouseSupply.take()."""
        if self.house is not None:
            self.house.take(amps_da, power_w)

    # --- what the sources want ---

    def stage(self, connector, source: str, limit_da: int | None, following: int | None = None, exempt: str = "") -> None:
        """A source wants a limit from now on. `exempt`: why this change takes no random delay (UK-33)."""
        lane = self.lane(connector)
        if limit_da is None:
            lane.wanted.pop(source, None)
        else:
            lane.wanted[source] = max(0, limit_da)
        if following is None:
            lane.following.pop(source, None)
        else:
            lane.following[source] = following
        if source == CSMS:
            lane.exempt = exempt
        self._change(lane, exempt)

    def _change(self, lane: Lane, exempt: str = "") -> None:
        """Bring a new target into force: at once, or when the random delay is over (UK-35)."""
        target = lane.target_da()
        newest = lane.waiting.newest()
        if lane.session is None:
            lane.applied_da = target
        elif target != (lane.applied_da if newest is None else newest):
            if exempt and self.delay_most_s:
                self._bypassed(lane, exempt)
            self._begin_change(lane, target, 0 if exempt else self.delay_most_s)
        lane.enforce()

    def _begin_change(self, lane: Lane, target: int, most_s: int) -> None:
        if target == lane.applied_da:
            lane.waiting.clear()  # what waited has been taken back
        elif lane.applied_da == 0 and lane.waiting.newest() is not None and most_s:
            lane.waiting.replace(target)  # nothing flows: the start that waits is the relevant time
        elif most_s == 0:
            lane.waiting.clear()
            lane.applied_da = target
        else:
            delay_s = draw(most_s)
            lane.waiting.add(clock.uptime_s(), delay_s, target)
            log.info("planner", "connector %d: random delay of %d s" % (lane.connector.id, delay_s))
            self._end_delays(lane)

    def _end_delays(self, lane: Lane) -> None:
        due = lane.waiting.take(clock.uptime_s())
        if due is not None:
            lane.applied_da = due

    def _bypassed(self, lane: Lane, why: str) -> None:
        self._on_event(events.DELAY_BYPASSED, "connector %d: %s" % (lane.connector.id, why))

    # --- what the connectors say ---

    def session_started(self, session) -> None:
        """A flow of energy begins: a relevant time, after a power cut as well (UK-35, UK-37)."""
        lane = self.lanes[session.connector_id - 1]
        lane.session = session
        lane.plan_until = 0
        self._follow_plan(lane, clock.utc_s())
        target = lane.target_da()
        lane.waiting.clear()
        lane.applied_da = target
        if target and self.delay_most_s and not lane.delay_served:
            if lane.exempt:
                self._bypassed(lane, lane.exempt)
            else:
                lane.applied_da = 0
                self._begin_change(lane, target, self.delay_most_s)
        lane.enforce()

    def session_ended(self, session) -> None:
        """The overrides of a session end with it (UK-25)."""
        lane = self.lanes[session.connector_id - 1]
        lane.session = None
        lane.waiting.clear()
        lane.connector.override = False
        lane.connector.outlet.limits.set("pause", None)
        self._step_lane(lane)

    def status_changed(self, _connector) -> None:
        """Nothing that is scheduled depends on the status."""

    def second(self) -> None:
        """End delays that are over, and follow the hours and the grid operator."""
        self._reduce()
        if self.house is not None:
            self.house.step()
        for lane in self.lanes:
            self._step_lane(lane)

    def _step_lane(self, lane: Lane) -> None:
        self._end_delays(lane)
        utc = clock.utc_s()
        if utc is not None and not self._open_from <= utc < self._open_until:
            self._look(utc)
        if utc is None or self._open or lane.connector.override:  # without the time it is allowed (UK-15)
            lane.wanted.pop(HOURS, None)
        else:
            lane.wanted[HOURS] = 0
        if utc is None or not self._hours_follow:
            lane.following.pop(HOURS, None)
        else:
            lane.following[HOURS] = self._open_until
        self._follow_plan(lane, utc)
        self._change(lane)

    def _follow_plan(self, lane: Lane, utc: int | None) -> None:
        """Look up what the owner's departure wants now; without the time, or overridden, it wants nothing."""
        if not self._departures or lane.session is None or utc is None or lane.connector.override:
            lane.wanted.pop(PLAN, None)
            lane.following.pop(PLAN, None)
            lane.why = ""
            lane.plan_until = 0
        elif utc >= lane.plan_until:
            plan = self.plan(lane)
            lane.plan_until = utc + _LOOK_S if plan is None else plan.until
            lane.why = "" if plan is None else plan.why
            if plan is None or plan.allowed:
                lane.wanted.pop(PLAN, None)
            else:
                lane.wanted[PLAN] = 0
            if plan is None:
                lane.following.pop(PLAN, None)
            else:
                lane.following[PLAN] = plan.until
            self.give_back()

    def plan(self, lane: Lane):
        """The plan of the running session, None without one or without a departure: give_back() then."""
        from charger.grid import departure  # a few times an hour, where a departure was given

        utc = clock.utc_s()
        if lane.session is None or utc is None:
            return None
        volts = self._config.supply_volts
        return departure.work_out(self._files, self.hours(), utc, lane.connector, lane.session, self.delay_most_s, volts)

    def replan(self) -> None:
        """A departure, the tariff, the hours or the time is another one."""
        self._departures = self._files.exists(DEPARTURES)
        self._open_until = 0
        for lane in self.lanes:
            lane.plan_until = 0
        self.give_back()
        self.second()

    def hours(self):
        """The charging hours, for one look: give_back() then."""
        from charger.grid.charging_hours import ChargingHours  # a few times a day

        return ChargingHours(self._config, self._files, self._on_event)

    def give_back(self) -> None:
        """What the hours were looked up with goes."""
        memory.unload(memory.PLANNING)

    def _look(self, utc: int) -> None:
        """Look up whether charging is allowed now, and until when that holds."""
        self._open, until = self.hours().at(utc)
        self._open_from = utc
        self._hours_follow = until is not None
        self._open_until = utc + _LOOK_S if until is None else until
        self.give_back()

    def _reduce(self) -> None:
        """While the grid operator asks for it, divide what is left among the sessions, the later ones wait (14a EnWG)."""
        power_w = self._reduction_w
        if power_w is None:
            return
        signal = self._reduction_signal
        reduced = self._config.get_bool("GridReduction") or (signal is not None and bool(signal()))
        if reduced != self._reduced:
            self._reduced = reduced
            log.info("planner", "the grid operator's reduction %s" % ("begins" if reduced else "ends"))
        if not (reduced or any(lane.connector.outlet.limits.get("grid") is not None for lane in self.lanes)):
            return
        users = [lane for lane in self.lanes if lane.session is not None]
        users.sort(key=Lane.session_number)
        per_phase_da = power_w * 10 // (self._config.supply_volts * max([lane.connector.outlet.phases for lane in self.lanes]))
        while len(users) > 1 and per_phase_da < _LEAST_DA * len(users):
            users.pop()
        for lane in self.lanes:
            share_da = per_phase_da // max(1, len(users)) if lane in users or lane.session is None else 0
            lane.connector.outlet.limits.set("grid", share_da if reduced else None, limits.SAFETY)

    def _time_stepped(self, _old, _new, _source) -> None:
        self.replan()

    # --- what a person wants ---

    def choose_hours(self, choice: str, windows: str, by: str) -> None:
        """The owner accepts, removes or changes the charging hours. ValueError, OSError by the flash."""
        self.hours().choose(choice, windows, by)
        self.replan()

    def refusal(self, connector) -> str:
        """Why energy cannot flow whatever is overridden, '' where it can: limits and guards that protect (UK-16)."""
        outlet = connector.outlet
        if outlet.blocked:
            return connector.why_no_energy()
        if outlet.limits.safety_da < pilot_duty.MINIMUM_DA:
            return "no current is left by a limit that protects"
        return ""

    def override(self, connector, by: str) -> None:
        """Charge now: no hours, no plan, no DSR event, no delay, for the running session (UK-25)."""
        lane = self.lane(connector)
        connector.override = True
        self._on_event(events.CHARGING_OVERRIDE, "connector %d: charge now, by %s" % (connector.id, by))
        lane.wanted.pop(HOURS, None)
        lane.wanted.pop(PLAN, None)
        self._change(lane)
        self._skip(lane)

    def skip_delay(self, connector, by: str) -> bool:
        """End the random delay of this event; False where none runs (UK-34)."""
        lane = self.lane(connector)
        if lane.waiting.newest() is None:
            return False
        self._bypassed(lane, "skipped by " + by)
        self._skip(lane)
        return True

    def _skip(self, lane: Lane) -> None:
        lane.waiting.clear()
        lane.applied_da = lane.target_da()
        lane.enforce()

    # --- reports ---

    def report(self) -> dict:
        """The unit's rules as plain data."""
        report: dict = {"country": self._config.get_str("Country"), "delay_max_s": self.delay_most_s, "hours_open": self._open}
        if self.house is not None:
            report["house"] = self.house.report()
        return report

    def lane_report(self, connector) -> dict:
        """What holds at a connector, why, and when that may change: plain data."""
        lane = self.lane(connector)
        outlet = connector.outlet
        delay_s = lane.waiting.left_s(clock.uptime_s()) if lane.waiting.newest() is not None else None
        return {
            "limit_amps": outlet.target_da() / 10,
            "reason": outlet.limit_words(),
            "wanted_amps": lane.target_da() / 10,
            "delay_s": delay_s,
            "override": connector.override,
            "why": lane.why,
            "next_change": self._next_change(lane, delay_s),
        }

    def _next_change(self, lane: Lane, delay_s: int | None) -> str | None:
        now = clock.utc_s()
        if now is None:
            return None
        moments = list(lane.following.values())
        if delay_s is not None:
            moments.append(now + delay_s)
        return clock.iso(min(moments)) if moments else None
