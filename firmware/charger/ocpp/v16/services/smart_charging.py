"""Charging profiles: installed, replaced, cleared, kept, and turned into one limit a connector (OCPP-100 to 110).

The limit is computed when something changes and when a period ends; the control tick only reads an integer. Within a
purpose the valid profile with the highest stack level decides; a TxDefaultProfile of a connector goes before those of
connector 0. A transaction whose TxProfile has no limit at some moment is under the TxDefaultProfile then.
"""

from micropython import const

from charger import clock, log
from charger.ocpp.v16.charging_profile import ABSOLUTE, CHARGE_POINT_MAX, TX, TX_DEFAULT, Profile, decimal

FILE = "ocpp_profiles.json"

_LEAST_DA = const(60)  # below 6 A a car cannot charge (CP-14)
_MAX_PERIODS = const(60)  # of a composite schedule; a longer one is shortened in time


class SmartCharging:
    """Owned by the charge point `cp`. TxProfiles end with their transaction, so only the others are on flash."""

    def __init__(self, cp):
        self._cp = cp
        self._config = cp.config
        self._profiles = []
        self._for_start = {}  # connector id -> profile of a remote start that waits for its transaction
        self._next = None  # when a limit may change, in the seconds of _now()
        self._load()

    def _load(self):
        for connector_id, fields in self._cp.files.read_json(FILE, []):
            try:
                self._profiles.append(Profile(connector_id, fields))
            except (KeyError, ValueError, TypeError) as error:
                log.error("profiles", "a stored profile is unusable: " + log.reason(error))

    def _save(self):
        kept = [(p.connector_id, p.to_json()) for p in self._profiles if p.purpose != TX]
        self._cp.files.write_json(FILE, kept)

    # --- installing ---

    def install(self, connector_id: int, fields: dict) -> bool:
        """SetChargingProfile; False when it is rejected (OCPP-100, 102). OSError when the flash refuses."""
        profile = self._profile(connector_id, fields)
        if profile is None:
            return False
        if profile.purpose == TX and not self._fits_transaction(profile):
            log.warn("profiles", "no such transaction")
            return False
        return self._put(profile)

    def _profile(self, connector_id: int, fields: dict):
        try:
            profile = Profile(connector_id, fields)
        except ValueError as error:
            log.warn("profiles", str(error))
            return None
        words = self._config.get_list("ChargingScheduleAllowedChargingRateUnit")
        fits = (
            0 <= profile.stack_level <= self._config.get_int("ChargeProfileMaxStackLevel")
            and len(profile.periods) <= self._config.get_int("ChargingScheduleMaxPeriods")
            and ("Current" if profile.unit == "A" else "Power") in words
            and (profile.purpose != CHARGE_POINT_MAX or connector_id == 0)
            and (profile.purpose != TX or connector_id > 0)
        )
        if not fits:
            log.warn("profiles", "profile %d is beyond what this unit takes" % profile.id)
            return None
        if profile.start is None and profile.kind == ABSOLUTE and profile.purpose == CHARGE_POINT_MAX:
            profile.start = clock.utc_s()  # absolute without a start, and no transaction to count from
        return profile

    def _fits_transaction(self, profile) -> bool:
        connector = self._cp.connector(profile.connector_id)
        session = None if connector is None or connector.stopping else connector.session
        if session is None:
            return False
        return profile.transaction_id is None or profile.transaction_id == session.transaction_id

    def _put(self, profile) -> bool:
        """Take a profile in, in place of those it replaces (OCPP-102)."""
        kept = [old for old in self._profiles if not _replaces(profile, old)]
        if len(kept) >= self._config.get_int("MaxChargingProfilesInstalled"):
            log.warn("profiles", "no room for another profile")
            return False
        before, self._profiles = self._profiles, kept
        replaced = len(kept) < len(before)
        kept.append(profile)
        try:
            if profile.purpose != TX or replaced:
                self._save()
        except OSError:
            self._profiles = before
            raise
        self.recompute()
        return True

    def clear(self, profile_id=None, connector_id=None, purpose=None, stack_level=None) -> bool:
        """ClearChargingProfile; False when nothing matched (OCPP-109)."""
        kept = []
        for p in self._profiles:
            if profile_id is not None:
                hit = p.id == profile_id
            else:
                hit = (
                    connector_id in (None, p.connector_id)
                    and purpose in (None, p.purpose)
                    and stack_level in (None, p.stack_level)
                )
            if not hit:
                kept.append(p)
        if len(kept) == len(self._profiles):
            return False
        self._profiles = kept
        self._save()
        self.recompute()
        return True

    # --- transactions ---

    def acceptable_for_start(self, connector_id: int, fields: dict) -> bool:
        """True for a profile that may come with RemoteStartTransaction (OCPP-66)."""
        if fields["chargingProfilePurpose"] != TX or fields.get("transactionId") is not None:
            return False
        return self._profile(connector_id, fields) is not None

    def keep_for_start(self, connector_id: int, fields: dict | None):
        """Hold the profile of a remote start for the next transaction of a connector, or drop it with None."""
        self._for_start.pop(connector_id, None)
        if fields is not None:
            self._for_start[connector_id] = fields

    def session_started(self, session):
        """A transaction begins: its profile is in force before energy flows."""
        fields = self._for_start.pop(session.connector_id, None)
        if fields is not None:
            profile = self._profile(session.connector_id, fields)
            if profile is not None:
                self._put(profile)
        self.recompute()

    def session_ended(self, session):
        """Its TxProfiles go with it (OCPP-100)."""
        self._profiles = [
            p for p in self._profiles if p.purpose != TX or p.connector_id != session.connector_id
        ]
        self.recompute()

    # --- the limit now ---

    def second(self):
        """Recompute when a period has ended."""
        if self._next is not None and self._now() >= self._next:
            self.recompute()

    def _now(self) -> int:
        """UTC seconds; while the time is unknown uptime stands in and only relative schedules count."""
        now = clock.utc_s()
        return clock.uptime_s() if now is None else now

    def recompute(self):
        """Set each connector's limit from the profiles in force now."""
        now = self._now()
        self._next = None
        phases = self._phases()
        wanted = []
        for connector in self._cp.connectors:
            wanted.append(self._limit_da(self._find(connector.id, now), phases))
        total_da = self._limit_da(self._of_purpose(CHARGE_POINT_MAX, 0, now, now), phases)
        if total_da is not None:
            self._share(total_da, wanted)
        for connector, limit_da in zip(self._cp.connectors, wanted):
            if connector.outlet.limits.get("csms") != limit_da:
                connector.outlet.limits.set("csms", limit_da)

    def _limit_da(self, found, phases: int) -> int | None:
        """0.1 A a phase for the outlet, rounded down (OCPP-107).

        A limit in W counts for all the outlet's phases, even where the profile names fewer: the outlet cannot keep a
        three-phase car to one of them.
        """
        limit, _, unit, following = found
        if following is not None and (self._next is None or following < self._next):
            self._next = following
        if limit is None or unit == "A":
            return limit
        return limit // (self._config.get_int("SupplyVoltage") * phases)

    def _share(self, total_da: int, wanted: list):
        """Divide the limit of the whole unit among the connectors in use, by need, nobody below 6 A (OCPP-100)."""
        users = []
        for index, connector in enumerate(self._cp.connectors):
            if connector.session is not None:
                users.append(index)
            elif wanted[index] is None or wanted[index] > total_da:
                wanted[index] = total_da
        users.sort(key=lambda index: self._cp.connectors[index].session.local_id)
        while len(users) > 1 and total_da < _LEAST_DA * len(users):
            wanted[users.pop()] = 0  # the last to come waits
        users.sort(key=lambda index: _need(wanted[index]))
        while users:
            index = users.pop(0)
            part = total_da // (len(users) + 1)
            wanted[index] = min(part, _need(wanted[index]))
            total_da -= wanted[index]

    # --- what is in force ---

    def _find(self, connector_id: int, moment: int, since: int | None = None) -> tuple:
        """(limit, phases, unit, next) by TxProfile, else TxDefaultProfile, at a moment (OCPP-101)."""
        if since is None:
            since = self._since(connector_id, moment)
        found = self._of_purpose(TX, connector_id, moment, since)
        if found[0] is not None:
            return found
        boundary = found[3]
        for source in (connector_id, 0):
            found = self._of_purpose(TX_DEFAULT, source, moment, since)
            boundary = _first(boundary, found[3])
            if found[0] is not None:
                break
        return found[0], found[1], found[2], boundary

    def _of_purpose(self, purpose: str, connector_id: int, moment: int, since: int) -> tuple:
        """(limit, phases, unit, next) of the valid profile with the highest stack level; next covers those above it."""
        best = None
        level = -1
        boundary = None
        timed = clock.utc_s() is not None
        for p in self._profiles:
            if p.purpose != purpose or p.connector_id != connector_id:
                continue
            if not timed and (p.start is not None or p.valid_from is not None or p.valid_to is not None):
                continue
            limit, phases, following = p.at(moment, since)
            boundary = _first(boundary, following)
            if limit is not None and p.stack_level > level:
                level = p.stack_level
                best = (limit, phases, p.unit)
        if best is None:
            return None, None, "A", boundary
        return best[0], best[1], best[2], boundary

    def _since(self, connector_id: int, moment: int) -> int:
        """When charging began, in the seconds of _now(); the moment itself where no transaction runs."""
        connector = self._cp.connector(connector_id)
        session = None if connector is None else connector.session
        if session is None:
            return moment
        uptime_s = session.start_uptime_ms // 1000
        if clock.utc_s() is None:
            return uptime_s
        return session.start_utc or clock.utc_at_uptime(uptime_s) or moment

    # --- GetCompositeSchedule ---

    def composite(self, connector_id: int, duration_s: int, unit: str) -> dict:
        """ChargingSchedule from now on, without the delays of the grid rules (OCPP-108, 110)."""
        now = self._now()
        numbers = (connector_id,) if connector_id else [c.id for c in self._cp.connectors]
        since = {number: self._since(number, now) for number in numbers}
        periods = []
        moment = now
        while moment < now + duration_s:
            limit, phases, following = self._composite_at(connector_id, numbers, since, moment, unit)
            if not periods or periods[-1][1:] != (limit, phases):
                if len(periods) == _MAX_PERIODS:
                    duration_s = moment - now
                    break
                periods.append((moment - now, limit, phases))
            if following is None:
                break
            moment = following
        return {
            "duration": duration_s,
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [
                {"startPeriod": start, "limit": decimal(limit), "numberPhases": phases}
                for start, limit, phases in periods
            ],
        }

    def _composite_at(self, connector_id: int, numbers, since: dict, moment: int, unit: str) -> tuple:
        """(limit in 0.1 of the unit, phases, next change) at a moment."""
        most = self._most(unit)
        total, phases, boundary = 0, self._phases(), None
        for number in numbers:
            limit, used, source, following = self._find(number, moment, since[number])
            boundary = _first(boundary, following)
            if limit is None:
                total += most
            else:
                total += min(most, self._in_unit(limit, used, source, unit))
                if connector_id:
                    phases = self._used_phases(used)
        total = min(most, total)
        limit, used, source, following = self._of_purpose(CHARGE_POINT_MAX, 0, moment, moment)
        boundary = _first(boundary, following)
        if limit is not None:
            limit = self._in_unit(limit, used, source, unit)
            if limit <= total:
                total, phases = limit, self._used_phases(used)
        return total, phases, boundary

    def _phases(self) -> int:
        """Phases of this unit."""
        return self._config.get_int("CompositeScheduleDefaultNumberPhases") or self._cp.phases

    def _used_phases(self, wanted) -> int:
        """numberPhases absent means 3; more than the unit has are those it has (OCPP-106)."""
        return min(3 if wanted is None else wanted, self._phases())

    def _in_unit(self, limit: int, phases, source: str, unit: str) -> int:
        """A limit in tenths of another unit, rounded down (OCPP-106, 107)."""
        if source == unit:
            return limit
        factor = self._config.get_int("SupplyVoltage") * max(1, self._used_phases(phases))
        return limit // factor if unit == "A" else limit * factor

    def _most(self, unit: str) -> int:
        """What the hardware can do, in tenths of the unit."""
        amps_da = self._config.get_int("CompositeScheduleDefaultLimitAmps") * 10 or self._cp.hardware_da()
        if unit == "A":
            return amps_da
        watts = self._config.get_int("CompositeScheduleDefaultLimitWatts")
        return watts * 10 or amps_da * self._config.get_int("SupplyVoltage") * self._phases()


def _replaces(new, old) -> bool:
    """Same id, or same stack level and purpose on the same connector (OCPP-102)."""
    if new.id == old.id:
        return True
    return (
        new.stack_level == old.stack_level and new.purpose == old.purpose and new.connector_id == old.connector_id
    )


def _need(limit_da: int | None) -> int:
    """A connector without a limit of its own can use any part."""
    return 0x7FFF if limit_da is None else limit_da


def _first(one, other):
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)
