"""One limit a connector from all that schedules: the back end's profiles, hours, the owner's plan, the sun (UK-21 to 38).

Each source stages what it wants; the least of them is the target. A change of the target while a session runs is a
relevant time: the current stays as it is until the random delay is over. Limits that protect go to the outlet's limits
directly and never come here (UK-36). A local wish only lowers what the back end allows.
"""

from micropython import const

from charger import clock, log
from charger.audit import events
from charger.grid import countries
from charger.grid.charging_hours import ChargingHours
from charger.grid.lane import CSMS, HOURS, NOTHING, PLAN, SOLAR, WAIT, Lane
from charger.grid.random_delay import draw
from charger.outlet import pilot_duty

_DEPARTURES = "departures.json"  # departure.DEPARTURES, which is loaded only where there is one
_TARIFF = "tariff.json"  # tariff.FILE
_WORTHLESS = const(-1000000)  # below every price
_LOOK_S = const(604800)  # without any hours: look again after so long


class Planner:
    """A listener of the connectors. second() is called each second. `on_event(event, info)` is the security log's."""

    def __init__(self, connectors: list, config: Configuration, files: Files, on_event: Callable,
                 reduction_signal: Any | None = None) -> None:
        """reduction_signal(): 1 while the grid operator's signal input asks for less power; None without the input."""
        country = countries.load(config.get_str("Country"))
        self._delays = country.DELAY_S > 0
        self.lanes = [Lane(connector) for connector in connectors]
        self._files = files
        self._open = True  # whether the hours allow charging, in the span of UTC seconds below
        self._open_from = self._open_until = 0
        self._chosen = True  # False: the country's hours hold because the owner has not chosen yet (UK-22)
        self._departures = files.exists(_DEPARTURES)
        self._hours_follow = False  # whether that may change at the end of the span
        self._config = config
        self._on_event = on_event
        self.reduction = None  # grid/operator_reduction.py, where the country has one
        if country.REDUCTION_W is not None:
            from charger.grid.operator_reduction import OperatorReduction  # 1,000 frozen bytes, for Germany

            self.reduction = OperatorReduction(self.lanes, config, country.REDUCTION_W, reduction_signal)
        self._stepping = False  # the clock was set, and what follows from it is looked up
        self.house = None  # grid/house_supply.py, where a maximum of the supply or a solar mode is set
        self.solar = None  # grid/solar.py, where a solar mode is set
        self._costs = None  # grid/session_cost.py, where prices are known
        self.use_house()
        self._use_tariff()
        clock.on_step(self._time_stepped)
        self.second()

    @property
    def delay_most_s(self) -> int:
        """The maximum of the random delay now (UK-31, UK-32)."""
        return self._config.get_int("RandomDelayMax") if self._delays else 0

    def lane(self, connector: Connector) -> Lane:
        """The lane of a connector."""
        return self.lanes[connector.id - 1]

    def use_house(self) -> None:
        """After a change of their keys: follow the installer's limits of the house's supply and the owner's solar mode."""
        get_int = self._config.get_int
        max_da, mode = get_int("HouseMaxCurrent") * 10, self._config.get_str("SolarMode")
        if self.house is None and (max_da or mode != "off"):
            from charger.grid.house_supply import HouseSupply  # 2,800 frozen bytes, for houses with a reading of their supply

            self.house = HouseSupply(self.lanes)
        if self.solar is None and mode != "off":
            from charger.grid.solar import SolarSurplus  # 1,900 frozen bytes, for houses with generation

            self.solar = SolarSurplus(self.lanes, self._config.supply_volts)
        if self.solar is not None:
            self.solar.configure(mode, get_int("SolarStartPower"))
        if self.house is not None:
            self.house.configure(max_da, get_int("HouseSafeCurrent") * 10)
        if mode == "off":
            self.solar = None
            if not max_da:
                self.house = None

    def _use_tariff(self) -> None:
        if not self._files.exists(_TARIFF):
            self._costs = None
        elif self._costs is None:
            from charger.grid.session_cost import SessionCosts  # 900 frozen bytes, for owners who sent prices

            self._costs = SessionCosts(self._files)
        else:
            self._costs.look_up_again()

    def read_house(self, amps_da: tuple, power_w: int) -> None:
        """A reading of the house's current and power: see HouseSupply.take()."""
        if self.house is not None:
            self.house.take(amps_da, power_w)
        if self.solar is not None:
            self.solar.take(power_w)

    def _step_house(self) -> None:
        if self.house is not None:
            self.house.step()
        if self.solar is not None:
            self.solar.step(self.house.known())
            for lane in self.lanes:
                lane.combine()
                self._change(lane, SOLAR)

    # --- what the sources want ---

    def stage(self, connector: Connector, source: str, limit_da: int | None, following: int | None = None,
              exempt: str = "") -> None:
        """A source wants a limit from now on. `exempt`: why this change takes no random delay (UK-33)."""
        lane = self.lane(connector)
        lane.want(source, limit_da)
        lane.follow(source, following)
        if source == CSMS:
            lane.exempt = exempt
        self._change(lane, exempt)

    def _change(self, lane: Lane, exempt: str = "") -> None:
        """Bring a new target into force: at once, or when the random delay is over (UK-35).

        The owner chose to follow the solar surplus: its changes take no delay (UK-38), and end none that runs.
        """
        target = lane.target()
        newest = lane.waiting.newest()
        if lane.session is None:
            lane.applied = target
        elif target == (lane.applied if newest is None else newest):
            pass
        elif exempt == SOLAR and newest is not None:
            lane.waiting.replace(target)
        else:
            if exempt and exempt != SOLAR and self.delay_most_s:
                self._bypassed(lane, exempt)
            self._begin_change(lane, target, 0 if exempt else self.delay_most_s)
        lane.enforce()

    def _begin_change(self, lane: Lane, target: int, most_s: int) -> None:
        newest = lane.waiting.newest()
        if target == lane.applied:
            if self._stepping and newest is not None:
                lane.waiting.replace(target)  # another step may bring it back, with the end of the same delay
            else:
                lane.waiting.clear()  # what waited has been taken back
        elif most_s and newest is not None and (lane.applied == 0 or newest == lane.applied):
            lane.waiting.replace(target)  # nothing flows: the start that waits is the relevant time
        elif most_s == 0:
            lane.waiting.clear()
            lane.applied = target
        else:
            delay_s = draw(most_s)
            lane.waiting.add(clock.uptime_s(), delay_s, target)
            log.info("planner", "connector %d: random delay of %d s" % (lane.connector.id, delay_s))
            self._end_delays(lane)

    def _end_delays(self, lane: Lane) -> None:
        due = lane.waiting.take(clock.uptime_s())
        if due is not None:
            lane.applied = due

    def _bypassed(self, lane: Lane, why: str) -> None:
        self._on_event(events.DELAY_BYPASSED, "connector %d: %s" % (lane.connector.id, why))

    # --- what the connectors say ---

    def session_started(self, session: Session) -> None:
        """A flow of energy begins: a relevant time, after a power cut as well (UK-35, UK-37)."""
        lane = self.lanes[session.connector_id - 1]
        lane.session = session
        lane.plan_until = lane.offered_da = 0
        lane.work = lane.starting = None
        if self._departures and clock.utc_s() is not None:
            lane.says, lane.why = WAIT, "works out the plan"
            lane.starting = lane.delay_served
        if self.solar is not None:
            self.solar.step(self.house.known())
        self._follow_plan(lane, clock.utc_s())
        self._begin_flow(lane, lane.delay_served)

    def _begin_flow(self, lane: Lane, served: bool) -> None:
        """Start from what all sources want now, after the random delay unless it is served or does not apply."""
        target = lane.target()
        lane.waiting.clear()
        lane.applied = target
        if target and self.delay_most_s and not served:
            if lane.exempt:
                self._bypassed(lane, lane.exempt)
            else:
                lane.applied = 0
                self._begin_change(lane, target, self.delay_most_s)
        lane.enforce()

    def session_ended(self, session: Session) -> None:
        """The overrides of a session end with it (UK-25)."""
        lane = self.lanes[session.connector_id - 1]
        lane.session = None
        lane.waiting.clear()
        lane.connector.override = False
        lane.connector.outlet.limits.set("pause", None)
        self._step_lane(lane)

    def status_changed(self, _connector: Connector) -> None:
        """Nothing that is scheduled depends on the status."""

    def second(self) -> None:
        """End delays that are over, and follow the hours and the grid operator."""
        if self.reduction is not None:
            self.reduction.second()
        self._step_house()
        for lane in self.lanes:
            self._step_lane(lane)
            if self._costs is not None:
                self._costs.second(lane)
        if self._stepping:
            self._stepping = any(lane.work is not None for lane in self.lanes)

    def _step_lane(self, lane: Lane) -> None:
        outlet = lane.connector.outlet
        if outlet.energised:
            lane.offered_da = max(lane.offered_da, outlet.offered_da)
        self._end_delays(lane)
        utc = clock.utc_s()
        if utc is not None and not self._open_from <= utc < self._open_until:
            self._look_up_hours(utc)
        lane.want(HOURS, None if utc is None or self._open or lane.connector.override else 0)  # without the time: UK-15
        lane.follow(HOURS, None if utc is None or not self._hours_follow else self._open_until)
        self._follow_plan(lane, utc)
        self._change(lane)

    def _follow_plan(self, lane: Lane, utc: int | None) -> None:
        """Have the owner's plan worked out where it is time; without the time, or overridden, it says nothing."""
        if not self._departures or lane.session is None or utc is None or lane.connector.override:
            lane.work = lane.starting = None
            lane.plan_until = 0
            self._decide(lane, None, 0)
        elif utc >= lane.plan_until and lane.work is None:
            lane.work = self.plan(lane)
        lane.combine()

    def work(self) -> None:
        """Do a slice of a plan that is worked out. Called ten times a second."""
        for lane in self.lanes:
            if lane.work is not None:
                try:
                    next(lane.work)
                except StopIteration as done:
                    self._take_plan(lane, done.value)
                return

    def _take_plan(self, lane: Lane, plan: Any) -> None:
        lane.work = None
        self._decide(lane, plan, clock.utc_s() or 0)
        lane.combine()
        starting, lane.starting = lane.starting, None
        if starting is None:
            self._change(lane)
            self._stepping = False
        else:
            self._begin_flow(lane, starting)

    def _decide(self, lane: Lane, plan: Any, utc: int) -> None:
        """A plan was worked out, None for none."""
        lane.says, lane.why = (NOTHING, "") if plan is None else (plan.says, plan.why)
        if utc:
            lane.plan_until = utc + _LOOK_S if plan is None else plan.until
        lane.follow(PLAN, None if plan is None else plan.until)

    def plan(self, lane: Lane) -> Any:
        """A generator of slices that returns the plan of the running session, None without a departure."""
        hours = self.hours()
        yield
        from charger.grid import departure  # with cheapest.py: 3,000 frozen bytes, for owners who give a departure

        sun = None
        if self.solar is not None:  # in the mode "minimum" the owner wants 6 A whatever they cost
            sun = self._config.get_int("SolarExportPrice") * 100 if self.solar.mode == "surplus" else _WORTHLESS
        return (yield from departure.work_out(
            self._files, hours, clock.utc_s(), lane, self.delay_most_s, self._config.supply_volts, sun))  # fmt: skip

    def replan(self) -> Steps:
        """A generator of slices: a departure, the tariff, the hours or the time is another one."""
        self.outdate()
        yield
        if self._costs is not None:  # it looks up the price
            for lane in self.lanes:
                self._costs.second(lane)
            yield
        self.second()

    def outdate(self) -> None:
        """Have everything that was looked up looked up again by the next second()."""
        self._departures = self._files.exists(_DEPARTURES)
        self._use_tariff()
        self._open_until = 0
        for lane in self.lanes:
            lane.plan_until = 0
            lane.work = None

    def hours(self) -> ChargingHours:
        """The charging hours as they are on flash now."""
        return ChargingHours(self._config, self._files, self._on_event)

    def _look_up_hours(self, utc: int) -> None:
        """Look up whether charging is allowed now, and until when that holds."""
        hours = self.hours()
        self._open, until = hours.at(utc)
        self._chosen = hours.chosen
        self._open_from = utc
        self._hours_follow = until is not None
        self._open_until = utc + _LOOK_S if until is None else until

    def _time_stepped(self, _old: Any, _new: Any, _source: str) -> None:
        """A step of the clock is no relevant time: a change that one takes back and another brings back waits one delay.

        What follows from the new time comes with the next second(): a look at the hours takes 11 ms.
        """
        self._stepping = True
        self.outdate()

    # --- what a person wants ---

    def choose_hours(self, choice: str, windows: str, by: str) -> Iterator:
        """A generator of slices: the owner accepts, removes or changes the charging hours. ValueError, OSError by the flash."""
        hours = self.hours()
        yield
        hours.choose(choice, windows, by)
        self._open_until = 0  # from now on second() follows what is on flash, whatever becomes of this generator
        yield
        yield from self.replan()

    def refusal(self, connector: Connector) -> str:
        """Why energy cannot flow whatever is overridden, '' where it can: limits and guards that protect (UK-16)."""
        outlet = connector.outlet
        if outlet.blocked:
            return connector.why_no_energy()
        if outlet.limits.safety_da < pilot_duty.MINIMUM_DA:
            return "no current is left by a limit that protects"
        return ""

    def override(self, connector: Connector, by: Role) -> None:
        """Charge now: no hours, no plan, no DSR event, no delay, for the running session (UK-25)."""
        lane = self.lane(connector)
        connector.override = True
        connector.outlet.limits.set("pause", None)  # the later wish
        self._on_event(events.CHARGING_OVERRIDE, "connector %d: charge now, by %s" % (connector.id, by))
        lane.want(HOURS, None)
        lane.combine()
        self._change(lane)
        self._skip(lane)

    def skip_delay(self, connector: Connector, by: Role) -> bool:
        """End the random delay of this event; False where none runs (UK-34)."""
        lane = self.lane(connector)
        if not lane.waits():
            return False
        self._bypassed(lane, "skipped by %s" % by)
        self._skip(lane)
        return True

    def _skip(self, lane: Lane) -> None:
        lane.waiting.clear()
        lane.applied = lane.target()
        lane.enforce()

    # --- reports ---

    def session_cost(self, connector: Connector) -> float | None:
        """The cost of the running session in the tariff's unit; None if it is not known (grid/session_cost.py)."""
        return None if self._costs is None else self._costs.of(connector)

    def report(self) -> dict:
        """The unit's rules as plain data."""
        report: dict = {"country": self._config.get_str("Country"), "delay_max_s": self.delay_most_s,
                        "hours_open": self._open, "hours_chosen": self._chosen}
        if self.house is not None:
            report["house"] = self.house.report()
        if self.solar is not None:
            report["solar"] = self.solar.report()
        return report

    def lane_report(self, connector: Connector) -> dict:
        """The limit in force at a connector, its reason, and when it may change: plain data."""
        lane = self.lane(connector)
        outlet = connector.outlet
        delay_s = lane.left_s() if lane.waits() else None
        return {
            "limit_amps": outlet.target_da() / 10,
            "reason": outlet.limit_words(),
            "wanted_amps": lane.scheduled_da() / 10,
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
