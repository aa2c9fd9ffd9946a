"""Charging profiles: installed, replaced, cleared, stored, and converted to one limit per connector (OCPP-100 to 110).

The limit is computed when profiles or sessions change and when a period ends; the planner decides when it reaches the outlet.
current_plan.py computes the limit at a given time.
"""

import json

from charger import clock, log
from charger.errors import InvalidValueError
from charger.ocpp.v16.charging_profile import ABSOLUTE, CHARGE_POINT_MAX, TX, ChargingProfile
from charger.ocpp.v16.current_plan import CurrentPlan
from charger.runtime import cooperative
from charger.validate import check

FILE = "ocpp_profiles.json"

# Keys with the ids of profiles whose changes take no random delay, and why (UK-12, UK-33)
_MARKS = {"ResponseDsrProfiles": "response DSR", "RandomisedProfiles": "already randomised"}


class SmartCharging:
    """The limits go to `planner`, without one to the outlets; `supply_da` is that of CurrentPlan.

    TxProfiles end with their transaction, so only the others are on flash.
    """

    def __init__(self, config: Configuration, connectors: list, files: Files, planner: Planner | None,
                 supply_da: int | None):  # fmt: skip
        self._config = config
        self._connectors = connectors
        self._files = files
        self._planner = planner
        self._profiles = []
        self._under_way = []  # profiles of remote starts that were accepted and do not wait at their connector yet
        self._saving = False  # the file is being written
        self._unsaved = False  # a start has replaced a profile meanwhile
        self._next = None  # when a limit may change, in the seconds of _now()
        self._zero_s = None  # UTC at uptime 0 by which the limits were computed
        self._in_force = [[] for _ in connectors]  # ids as text of the profiles in force, while some have a mark
        self.plan = CurrentPlan(connectors, config, supply_da)
        for key in _MARKS:
            self._config.on_change(key, self._marks_changed)

    def loading(self) -> Steps:
        """Take over the stored profiles at the start: a generator of slices. Unusable ones are left out."""
        for line in (self._files.read(FILE) or b"").split(b"\n"):
            yield
            try:
                rows = json.loads(line.rstrip(b",")) if len(line) > 2 else []  # a bracket
                if not isinstance(rows, list):
                    raise ValueError("no list")
                if rows and not isinstance(rows[0], list):  # earlier firmware wrote a list of all in one line
                    rows = (rows,)
            except (ValueError, RuntimeError) as error:  # RuntimeError: too deep
                log.error("profiles", "a line of stored profiles is unusable: " + log.reason(error))
                continue
            for row in rows:
                yield
                yield from self._load(row)
        self.plan.use(self._profiles)

    def _load(self, row: Any) -> Steps:
        """Take over one stored profile. An unusable one takes none of the others along, whose limits have to hold."""
        from charger.ocpp.v16.actions import charging_profile_spec  # 200 bytes of heap, for units with profiles

        try:
            connector_id, fields = row
            check(("int", 0, len(self._connectors)), connector_id)
            check(charging_profile_spec.SPEC, fields)
            yield
            self._profiles.append(ChargingProfile(connector_id, fields))
        except (InvalidValueError, ValueError, TypeError) as error:
            log.error("profiles", "a stored profile is unusable: " + log.reason(error))

    def _save(self, profiles: list) -> Steps:
        """Write profiles to flash, one a slice. ChargePoint.handle() lets one slow action run at a time."""
        self._saving = True
        try:
            yield from self._files.write_pieces(FILE, _pieces(profiles))
        finally:
            self._saving = False

    # --- installing ---

    def install(self, connector_id: int, fields: dict) -> Steps:
        """Install a profile; False when it is rejected (OCPP-100, 102). OSError when the flash fails. A generator of slices."""
        profile = self._profile(connector_id, fields)
        if profile is None:
            return False
        yield
        if profile.purpose == TX and not self._fits_transaction(profile):
            log.warn("profiles", "no such transaction")
            return False
        return (yield from self._put(profile))

    def _profile(self, connector_id: int, fields: dict):
        if len(fields["chargingSchedule"]["chargingSchedulePeriod"]) > self._config.get_int("ChargingScheduleMaxPeriods"):
            log.warn("profiles", "more periods than this unit takes")
            return None
        try:
            profile = ChargingProfile(connector_id, fields)
        except ValueError as error:
            log.warn("profiles", str(error))
            return None
        describe = self._config.get_list("ChargingScheduleAllowedChargingRateUnit")
        fits = (
            0 <= profile.stack_level <= self._config.get_int("ChargeProfileMaxStackLevel")
            and ("Current" if profile.unit == "A" else "Power") in describe
            and (profile.purpose != CHARGE_POINT_MAX or connector_id == 0)
            and (profile.purpose != TX or connector_id > 0)
        )
        if not fits:
            log.warn("profiles", "profile %d is beyond what this unit takes" % profile.id)
            return None
        if profile.start is None and profile.kind == ABSOLUTE and profile.purpose == CHARGE_POINT_MAX:
            profile.start = clock.utc_s()  # absolute without a start, and no transaction to count from
        return profile

    def _fits_transaction(self, profile: Any) -> bool:
        connector = None if profile.connector_id == 0 else self._connectors[profile.connector_id - 1]
        session = None if connector is None or connector.stopping else connector.session
        if session is None:
            return False
        profile.session_id = session.local_id
        return profile.transaction_id is None or profile.transaction_id == session.transaction_id

    def _put(self, profile: Any) -> Steps:
        """Add a profile and remove those it replaces (OCPP-102): on flash first, unless it is there already."""
        if not self._room_for(profile, self._promised()):
            log.warn("profiles", "no room for another profile")
            return False
        kept = [old for old in self._profiles if not _replaces(profile, old)]
        stored = [old.__dict__ for old in self._profiles if old.purpose != TX and old not in kept]
        if stored != ([] if profile.purpose == TX else [profile.__dict__]):
            kept.append(profile)
            yield from self._save(kept)
            if profile.purpose == TX and not self._fits_transaction(profile):  # it has ended meanwhile
                yield from self._save(self._profiles)
                return False
        self._profiles = [old for old in self._profiles if not _replaces(profile, old)]
        self._profiles.append(profile)
        for waiting in self._promised() if profile.purpose != TX else ():
            if waiting.id == profile.id:
                waiting.withdrawn = True
        self.recompute()
        return True

    def _room_for(self, profile: Any, promised: list) -> bool:
        """True when there is room for a profile beside the installed ones and those of accepted remote starts.

        Profiles that are over give way where there is none.
        """
        if self._fits_beside(self._profiles, profile, promised):
            return True
        now = clock.utc_s()
        kept = [old for old in self._profiles if now is None or not old.over(now)]
        if not self._fits_beside(kept, profile, promised):
            return False
        self._profiles = kept
        return True

    def _fits_beside(self, there: list, profile: Any, promised: list) -> bool:
        most = self._config.get_int("MaxChargingProfilesInstalled")
        for new in [profile] + promised:  # noqa: RUF005 - MicroPython has no * here
            there = [old for old in there if not _replaces(new, old)]
            there.append(new)
            if len(there) > most:
                return False
        return True

    def _promised(self) -> list:
        """Return the profiles of accepted remote starts that have not begun."""
        waiting = [c.pending.profile for c in self._connectors if c.pending is not None and c.pending.profile is not None]
        waiting += [profile for profile in self._under_way if profile not in waiting]
        return [profile for profile in waiting if not profile.withdrawn]

    def clear(self, profile_id: int | None = None, connector_id: int | None = None, purpose: str | None = None,
              stack_level: int | None = None) -> Steps:
        """Remove matching profiles, those of accepted remote starts too; False when none matched (OCPP-109). A generator of
        slices; OSError when the flash fails."""

        def matches(p: ChargingProfile) -> bool:
            if profile_id is not None:
                return p.id == profile_id
            return (
                connector_id in (None, p.connector_id)
                and purpose in (None, p.purpose)
                and stack_level in (None, p.stack_level)
            )

        kept = [p for p in self._profiles if not matches(p)]
        removed = len(kept) < len(self._profiles)
        if removed:
            if any(p.purpose != TX and matches(p) for p in self._profiles):
                yield from self._save(kept)
            self._profiles = [p for p in self._profiles if not matches(p)]
            self.recompute()
        for p in self._promised():
            if matches(p):
                p.withdrawn = removed = True
        return removed

    # --- transactions ---

    def profile_for_start(self, connector_id: int, fields: dict):
        """Return the profile of a RemoteStartTransaction, None when it is invalid or there is no room (OCPP-66)."""
        if fields["chargingProfilePurpose"] != TX or fields.get("transactionId") is not None:
            return None
        profile = self._profile(connector_id, fields)
        if profile is None:
            return None
        profile.with_start = True
        return profile if self._room_for(profile, self._promised()) else None

    def under_way(self, profile: Any, begins: bool) -> None:
        """An accepted remote start is about to reach its connector, or has, and waits there (or has come to nothing)."""
        if begins:
            self._under_way.append(profile)
        elif profile in self._under_way:
            self._under_way.remove(profile)

    def session_started(self, session: Session) -> None:
        """A transaction begins: apply the profile of its start before energy flows."""
        start = self._connectors[session.connector_id - 1].start
        profile = None if start is None else start.profile
        if profile is not None:
            profile.session_id = session.local_id
            self.under_way(profile, False)
            if not profile.withdrawn:
                self._begin_with(profile)
        self.recompute()

    def _begin_with(self, profile: Any) -> None:
        self._unsaved = self._unsaved or any(old.purpose != TX and _replaces(profile, old) for old in self._profiles)
        self._profiles = [old for old in self._profiles if not _replaces(profile, old)]
        self._profiles.append(profile)
        self._save_replaced()

    def _save_replaced(self) -> None:
        """Write what a start has replaced, now or when a handler has ended its writing."""
        if not self._unsaved or self._saving:
            return
        self._unsaved = False
        try:
            cooperative.run_now(self._save(self._profiles))
        except OSError as error:  # the replaced profile is restored at the next start-up, the transaction is not
            log.error("profiles", log.reason(error))

    def session_ended(self, session: Session) -> None:
        """Remove the TxProfiles of an ended transaction (OCPP-100)."""
        self._profiles = [p for p in self._profiles if p.purpose != TX or p.session_id != session.local_id]
        self.recompute()

    # --- present limit ---

    def second(self) -> None:
        """Recompute when a period has ended or the clock was set."""
        self._save_replaced()
        if self._zero_s != clock.utc_at_uptime(0) or (self._next is not None and self._now() >= self._next):
            self._apply()

    def _now(self) -> int:
        """Return UTC seconds; while the time is unknown the uptime, and only relative schedules count."""
        now = clock.utc_s()
        return clock.uptime_s() if now is None else now

    def recompute(self) -> None:
        """Set each connector's limit after a change of profiles, sessions or time."""
        self.plan.use(self._profiles)
        self.plan.response_dsr = self._config.get_list("ResponseDsrProfiles")
        self._apply()

    def _marks_changed(self, _value: Any) -> None:
        self.recompute()

    def _apply(self) -> None:
        """Set each connector's limit from the profiles in force now."""
        self._zero_s = clock.utc_at_uptime(0)
        now = self._now()
        limits, phases, self._next = self.plan.at(now)
        planner = self._planner
        for connector, limit, number in zip(self._connectors, limits, phases):
            if planner is not None:
                planner.lane(connector).csms_phases = number
                following = self._next if clock.utc_s() is not None else None
                planner.stage(connector, "csms", limit, following, self._exempt(connector, now))
                continue
            if connector.outlet.switches_phases:
                connector.outlet.phases_wanted = number or connector.outlet.most_phases
            if connector.outlet.limits.get("csms") != limit:
                connector.outlet.limits.set("csms", limit)

    def _exempt(self, connector: Connector, now: int) -> str:
        """Why a change of the limit takes no random delay: the mark of the profile that causes it (UK-33).

        A profile that takes the place of a marked one has to have a mark of its own.
        """
        marked = [(key, self._config.get_list(key)) for key in _MARKS]
        if not any(ids for _, ids in marked):
            return ""
        before = self._in_force[connector.id - 1]
        self._in_force[connector.id - 1] = after = self.plan.deciding(connector, now)
        came = [name for name in after if name not in before]
        went = [name for name in before if name not in after]
        for key, ids in marked:
            for name in came or went or after:
                if name in ids:
                    return "%s, profile %s" % (_MARKS[key], name)
        return ""


def _pieces(profiles: list) -> Iterator:
    """Yield the JSON of what is on flash, one profile a piece, and a line of its own."""
    before = "[\n"
    for p in profiles:
        if p.purpose != TX:
            yield before + json.dumps((p.connector_id, p.to_json()))
            before = ",\n"
    yield "[]" if before == "[\n" else "\n]"


def _replaces(new: Any, old: Any) -> bool:
    """True for the same id, or the same stack level and purpose on the same connector (OCPP-102).

    The profile of a start does not take away that of a transaction on another connector, which would be left without one.
    """
    if new.id == old.id:
        return not (new.with_start and old.purpose == TX and new.connector_id != old.connector_id)
    return (
        new.stack_level == old.stack_level and new.purpose == old.purpose and new.connector_id == old.connector_id
    )
