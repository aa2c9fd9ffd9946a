"""The current limit of each connector, now and later, from charging profiles and local limits (OCPP-101, 106 to 108).

The outlets' limits and the composite schedule come from one computation, in 0.1 A per phase of the outlet. A limit in W
is divided by the outlet's phases, whatever numberPhases says: an outlet cannot restrict a car to fewer. One that switches
its phases (ConnectorSwitch3to1PhaseSupported) charges on one where the period's numberPhases is 1, and its limit is for that
one. Below 6 A no current flows, and 0 is reported.

The valid TxProfile with the highest stack level decides; without one, the highest of the TxDefaultProfiles of the
connector and connector 0, at equal levels the connector's own. A ChargePointMaxProfile is shared by the connectors in
use.
"""

from micropython import const

from charger import clock
from charger.ocpp.v16.charging_profile import CHARGE_POINT_MAX, TX, TX_DEFAULT, decimal
from charger.runtime import cooperative

_LEAST_DA = const(60)  # below 6 A a car cannot charge (CP-14)
_MAX_PERIODS = const(60)  # periods of a composite schedule; a longer one is shortened in time
_MAX_MOMENTS = const(400)  # changes evaluated for one composite schedule: a year of daily changes
_UNLIMITED = const(0x7FFF)
_ABOVE_ALL = const(0x100000)  # greater than any stack level


class CurrentPlan:
    """`_ranked` has one list of profiles a connector id, the strongest first; 0: of the whole."""

    def __init__(self, connectors: list, config: Configuration, supply_da: int | None):
        """supply_da: what the supply that the connectors share bears per phase, None where they share none."""
        self._connectors = connectors
        self._supply_da = supply_da
        self._ranked = [[] for _ in range(len(connectors) + 1)]
        self.response_dsr = []  # ids as text of the profiles that are response DSR (UK-12)
        # Facts of the device: they do not change while it runs.
        fact = config.get_int
        self._volts = fact("SupplyVoltage")
        self._fact_da = fact("CompositeScheduleDefaultLimitAmps") * 10  # 0: the hardware's own
        self._fact_dw = fact("CompositeScheduleDefaultLimitWatts") * 10
        self._fact_phases = fact("CompositeScheduleDefaultNumberPhases")

    def use(self, profiles: list) -> None:
        """Set the profiles."""
        ranked = [[p for p in profiles if p.purpose == CHARGE_POINT_MAX]]
        for connector in self._connectors:
            ranked.append([p for p in profiles if p.purpose in (TX, TX_DEFAULT) and p.connector_id in (0, connector.id)])
        for found in ranked:
            found.sort(key=_rank, reverse=True)
        self._ranked = ranked

    # --- limits of the outlets ---

    def at(self, moment: int) -> tuple:
        """([limit of each connector in 0.1 A or None], [its 1 phase or None for all], when one may change or None)."""
        limits = []
        phases = []
        boundary = None
        seen = {}
        for connector in self._connectors:
            limit, following = self._own(connector, self._ranked, moment, moment, seen)
            limits.append(None if limit is None else self._da(limit, self._phases_for(connector, limit)))
            phases.append(1 if _is_for_one(connector, limit) else None)
            boundary = _first(boundary, following)
        whole, following = _strongest(self._ranked[0], moment, moment, None, seen)
        if whole is not None:
            self._share(self._da(whole, self.phases()), limits)
        return limits, phases, _first(boundary, following)

    def _own(self, connector, ranked: list, moment: int, now: int, seen: dict) -> tuple:
        """((limit, unit, numberPhases) or None, next change) of a connector's transaction, without the limit of the whole."""
        session = connector.session
        since = moment if session is None and moment == now else self._since(session, now)
        found = ranked[connector.id]
        if connector.override and self.response_dsr:  # the owner does not take part in a DSR event (UK-25)
            found = [profile for profile in found if str(profile.id) not in self.response_dsr]
        return _strongest(found, moment, since, None if session is None else session.local_id, seen)

    def _since(self, session: Any, now: int) -> int:
        """Return the begin of charging by the present clock; now when no transaction runs."""
        if session is None:
            return now
        uptime_s = session.start_uptime_ms // 1000
        since = clock.utc_at_uptime(uptime_s)
        return uptime_s if since is None else since

    def _da(self, limit: tuple, phases: int) -> int:
        """Convert a limit to 0.1 A per phase, rounded down (OCPP-107)."""
        return limit[0] if limit[1] == "A" else limit[0] // (self._volts * phases)

    def _share(self, total_da: int, limits: list) -> None:
        """Divide the unit's limit among the connectors in use, by need, with at least 6 A each (OCPP-100)."""
        connectors = self._connectors
        users = []
        for index, connector in enumerate(connectors):
            if connector.session is not None:
                users.append(index)
            elif limits[index] is None or limits[index] > total_da:
                limits[index] = total_da
        users.sort(key=lambda index: connectors[index].session.local_id)
        while len(users) > 1 and total_da < _LEAST_DA * len(users):
            limits[users.pop()] = 0  # the latest session waits
        users.sort(key=lambda index: (_need(limits[index]), connectors[index].session.local_id))
        while users:
            index = users.pop(0)
            limits[index] = min(total_da // (len(users) + 1), _need(limits[index]))
            total_da -= limits[index]

    def deciding(self, connector: Connector, moment: int) -> list:
        """Ids as text of the profiles in force at a connector: its own and that of the whole unit."""
        seen = {"ids": []}
        self._own(connector, self._ranked, moment, moment, seen)
        _strongest(self._ranked[0], moment, moment, None, seen)
        return seen["ids"]

    # --- composite schedule ---

    async def composite(self, connector_id: int, now: int, duration_s: int, unit: str) -> dict:
        """ChargingSchedule from now on, without the delays of the grid rules (OCPP-108, 110).

        A long one is shortened in time; other tasks run between two connectors.
        """
        return await cooperative.run(self._composite(connector_id, now, duration_s, unit))

    def _composite(self, connector_id: int, now: int, duration_s: int, unit: str) -> Steps:
        ranked = self._ranked
        local = [self._local_da(connector) for connector in self._connectors]
        periods = []
        moment = now
        for _ in range(_MAX_MOMENTS):
            found = []
            boundary = None
            seen = {}
            for connector in self._connectors:
                limit, following = self._own(connector, ranked, moment, now, seen)
                found.append(limit)
                boundary = _first(boundary, following)
                yield
            whole, following = _strongest(ranked[0], moment, moment, None, seen)
            boundary = _first(boundary, following)
            limit = self._limit_of(connector_id, found, whole, local, unit)
            phases = self._phases_told(connector_id, found)
            if not periods or periods[-1][1:] != (limit, phases):
                if len(periods) == _MAX_PERIODS:
                    break
                periods.append((moment - now, limit, phases))
            if boundary is None or boundary >= now + duration_s:
                moment = now + duration_s
                break
            moment = boundary
            yield
        return {
            "duration": moment - now,
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [
                {"startPeriod": start, "limit": decimal(limit), "numberPhases": phases} for start, limit, phases in periods
            ],
        }

    def _limit_of(self, connector_id: int, found: list, whole: Any, local: list, unit: str) -> int:
        """The limit of a connector, or the sum of all for 0, in tenths of a unit, as it follows from those found."""
        limits = []
        for connector, limit in zip(self._connectors, found):
            limits.append(None if limit is None else self._da(limit, self._phases_for(connector, limit)))
        alone = list(limits)
        if whole is not None:
            self._share(self._da(whole, self.phases()), limits)
        flows = []
        for limit, of_all_others in zip(limits, local):
            current_da = of_all_others if limit is None else min(limit, of_all_others)
            flows.append(current_da if current_da >= _LEAST_DA else 0)
        if connector_id:
            index = connector_id - 1
            decides = flows[index] > 0 and alone[index] == flows[index]
            return self._in_unit(flows[index], self._connectors[index], found[index], decides, unit)
        return self._sum(flows, found, alone, whole, unit)

    def _sum(self, flows: list, found: list, alone: list, whole: Any, unit: str) -> int:
        """Return the sum for the whole unit: the most loaded phase in A, all phases in W."""
        total_w = 0
        loads = [0, 0, 0]
        for connector, current_da, limit, alone_da in zip(self._connectors, flows, found, alone):
            decides = current_da > 0 and alone_da == current_da
            total_w += self._in_unit(current_da, connector, limit, decides, "W")
            for phase in range(1 if _is_for_one(connector, limit) else connector.outlet.most_phases):
                loads[(connector.outlet.rotation + phase) % 3] += current_da
        most_da = _UNLIMITED if self._supply_da is None else self._supply_da
        most_da = min(most_da, self._fact_da or _UNLIMITED)
        if whole is not None:
            most_da = min(most_da, self._da(whole, self.phases()))
        if unit == "A":
            return min(max(loads), most_da)
        if most_da < _UNLIMITED:
            total_w = min(total_w, most_da * self._volts * self.phases())
        return min(total_w, self._fact_dw or total_w)

    def _in_unit(self, current_da: int, connector: Connector, limit: Any, decides: bool, unit: str) -> int:
        """0.1 A of a connector in tenths of a unit; the watts of its profile where that decides, not rounded to 0.1 A."""
        if unit == "A":
            return current_da
        if decides and limit is not None and limit[1] == "W":
            return limit[0]
        if self._fact_dw and not decides and current_da == self._most_da(connector) and not _is_for_one(connector, limit):
            return self._fact_dw
        return current_da * self._volts * self._phases_for(connector, limit)

    def _local_da(self, connector) -> int:
        """Return the current that the outlet would offer now without profiles.

        Its share of a common supply counts while it is in use; otherwise the whole supply counts. 0 where no energy can
        flow: out of service, faulted, or held by the back end.
        """
        outlet = connector.outlet
        if connector.suspended or not connector.operative or (outlet.fault is not None and outlet.fault.FAULTED):
            return 0
        if connector.session is not None:
            allowed = outlet.allowed_da("csms", "hours", "plan", "delay")
        else:
            allowed = outlet.allowed_da("csms", "hours", "plan", "delay", "supply")
            if self._supply_da is not None:
                allowed = min(allowed, self._supply_da)
        return allowed if allowed < outlet.limits.get("hardware") else self._most_da(connector)

    def _most_da(self, connector) -> int:
        """Return the hardware's or the factory's maximum."""
        return self._fact_da or connector.outlet.limits.get("hardware")

    def phases_of(self, connector) -> int:
        """Return the phases of an outlet; the factory's value may raise the number only."""
        return max(connector.outlet.most_phases, self._fact_phases)

    def _phases_for(self, connector, limit: tuple | None) -> int:
        """Return the phases on which the outlet charges under a limit."""
        return 1 if _is_for_one(connector, limit) else self.phases_of(connector)

    def _phases_told(self, connector_id: int, found: list) -> int:
        if connector_id == 0:
            return self.phases()
        return self._phases_for(self._connectors[connector_id - 1], found[connector_id - 1])

    def phases(self) -> int:
        """Return the number of phases of the whole unit."""
        return max([self.phases_of(connector) for connector in self._connectors])


def _rank(profile: Any) -> int:
    """Return the rank of a profile, of which the highest applies (3.13.2; OCPP-101): TxProfile, level, the connector's own."""
    rank = profile.stack_level * 2 + (profile.connector_id > 0)
    return rank + _ABOVE_ALL if profile.purpose == TX else rank


def _is_for_one(connector: Connector, limit: tuple | None) -> bool:
    """True for a limit that restricts an outlet which can to one phase."""
    return limit is not None and limit[2] == 1 and connector.outlet.switches_phases


def _strongest(ranked: list, moment: int, since: int, session_id: int | None, seen: dict) -> tuple:
    """((limit, unit, numberPhases) of the strongest that is valid or None, when that may change or None).

    `since` is the start of charging. `seen` keeps what was found for this moment of profiles that do not count from the
    start of charging. The id of the profile that decides is added to the list under "ids" in it, where there is one.
    """
    boundary = None
    timed = clock.utc_s() is not None
    for p in ranked:
        if p.purpose == TX and p.session_id != session_id:
            continue
        if not timed and (p.start is not None or p.valid_from is not None or p.valid_to is not None):
            continue
        found = seen.get(p)
        if found is None:
            found = p.at(moment, since)
            if p.start is not None:
                seen[p] = found
        boundary = _first(boundary, found[2])
        if found[0] is not None:
            if "ids" in seen:
                seen["ids"].append(str(p.id))
            return (found[0], p.unit, found[1]), boundary
    return None, boundary


def _need(limit_da: int | None) -> int:
    """Return a connector's need; one without a limit needs all."""
    return _UNLIMITED if limit_da is None else limit_da


def _first(one: Any, other: Any):
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)
