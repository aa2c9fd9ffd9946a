"""One charging profile, and its limit at a given time (OCPP-103, 104). Pure arithmetic on seconds.

Times are UTC seconds. Limits are integers in 0.1 A or 0.1 W, as the profile's unit says (SCH-4).
"""

from charger import clock

CHARGE_POINT_MAX = "ChargePointMaxProfile"
TX_DEFAULT = "TxDefaultProfile"
TX = "TxProfile"

ABSOLUTE = "Absolute"
RECURRING = "Recurring"
RELATIVE = "Relative"

_PERIOD_S = {"Daily": 86400, "Weekly": 604800}


class ChargingProfile:
    """`start` is None when the schedule is relative to the start of charging."""

    def __init__(self, connector_id: int, fields: dict):
        """`fields` is an OCPP ChargingProfile that passed the schema check. ValueError when it is inconsistent."""
        schedule = fields["chargingSchedule"]
        self.connector_id = connector_id
        self.id = fields["chargingProfileId"]
        self.stack_level = fields["stackLevel"]
        self.purpose = fields["chargingProfilePurpose"]
        self.kind = fields["chargingProfileKind"]
        self.transaction_id = fields.get("transactionId")
        self.session_id = None  # of a TxProfile: the local id of the session that it belongs to
        self.with_start = False  # it came with a RemoteStartTransaction
        self.withdrawn = False  # replaced or cleared before the start that it came with
        self.recurrence_s = _recurrence(fields)
        self.valid_from = clock.seconds_of(fields.get("validFrom"))
        self.valid_to = clock.seconds_of(fields.get("validTo"))
        self.start = None if self.kind == RELATIVE else clock.seconds_of(schedule.get("startSchedule"))
        self.duration_s = schedule.get("duration")
        self.unit = schedule["chargingRateUnit"]
        self.periods = [
            (p["startPeriod"], tenths(p["limit"]), p.get("numberPhases")) for p in schedule["chargingSchedulePeriod"]
        ]
        self._check()

    def _check(self) -> None:
        if self.valid_from is not None and self.valid_to is not None and self.valid_from >= self.valid_to:
            raise ValueError("valid for no time")
        if self.duration_s is not None and self.duration_s <= 0:
            raise ValueError("duration")
        if not self.periods or self.periods[0][0] != 0:
            raise ValueError("the first period has to start at 0")
        for before, after in zip(self.periods, self.periods[1:]):
            if after[0] <= before[0]:
                raise ValueError("periods do not rise")
        if self.recurrence_s and self.start is None:
            raise ValueError("recurring without a start")
        if self.kind == RELATIVE and self.purpose == CHARGE_POINT_MAX and (self.duration_s or len(self.periods) > 1):
            raise ValueError("relative to no transaction")  # one limit for all time needs no start

    def at(self, moment: int, charging_since: int) -> tuple:
        """Return (limit, phases, next): the limit at a time or None, and when that may change or None.

        charging_since is the begin of the transaction, or the time itself without one.
        """
        if self.valid_from is not None and moment < self.valid_from:
            return None, None, self.valid_from
        if self.valid_to is not None and moment >= self.valid_to:
            return None, None, None
        start = charging_since if self.start is None else self.start
        if moment < start:
            return None, None, self._until(start)
        again = None
        if self.recurrence_s:
            start += (moment - start) // self.recurrence_s * self.recurrence_s
            again = start + self.recurrence_s
        elapsed = moment - start
        if self.duration_s is not None and elapsed >= self.duration_s:
            return None, None, self._until(again)
        index = len(self.periods) - 1
        while self.periods[index][0] > elapsed:
            index -= 1
        following = again
        if self.duration_s is not None:
            following = _earlier(following, start + self.duration_s)
        if index + 1 < len(self.periods):
            following = _earlier(following, start + self.periods[index + 1][0])
        return self.periods[index][1], self.periods[index][2], self._until(following)

    def over(self, now: int) -> bool:
        """True when it can have no effect any more: its validity, or a schedule that does not come again, has ended."""
        end = self.valid_to
        if self.start is not None and self.duration_s is not None and not self.recurrence_s:
            end = self._until(self.start + self.duration_s)
        return end is not None and now >= end

    def _until(self, moment: Any):
        """Return a boundary, or the end of validity if that is earlier."""
        return _earlier(moment, self.valid_to)

    def to_json(self) -> dict:
        """Return the constructor's argument, for storage on flash."""
        schedule = {
            "chargingRateUnit": self.unit,
            "chargingSchedulePeriod": [_period(*period) for period in self.periods],
        }
        if self.duration_s is not None:
            schedule["duration"] = self.duration_s
        if self.start is not None:
            schedule["startSchedule"] = clock.iso(self.start)
        fields = {
            "chargingProfileId": self.id,
            "stackLevel": self.stack_level,
            "chargingProfilePurpose": self.purpose,
            "chargingProfileKind": self.kind,
            "chargingSchedule": schedule,
        }
        if self.recurrence_s:
            fields["recurrencyKind"] = "Daily" if self.recurrence_s == _PERIOD_S["Daily"] else "Weekly"
        if self.valid_from is not None:
            fields["validFrom"] = clock.iso(self.valid_from)
        if self.valid_to is not None:
            fields["validTo"] = clock.iso(self.valid_to)
        return fields


def tenths(number: Any) -> int:
    """Convert an OCPP limit to tenths; float errors are rounded away, further decimals are cut off (SCH-4)."""
    if isinstance(number, int):
        return number * 10
    return int(number * 10 + 0.001)


class Tenths:
    """A number with one decimal, as JSON prints it: a float would come out as 8.300000000000001 (SCH-4)."""

    def __init__(self, value: int):
        self.value = value

    def __repr__(self) -> str:
        return "%d.%d" % (self.value // 10, self.value % 10)


def decimal(value: int):
    """Convert tenths, not negative, to a number that JSON prints with at most one decimal."""
    return value // 10 if value % 10 == 0 else Tenths(value)


def _period(start: int, limit: int, phases: Any) -> dict:
    period = {"startPeriod": start, "limit": decimal(limit)}
    if phases is not None:
        period["numberPhases"] = phases
    return period


def _recurrence(fields: dict) -> int | None:
    if fields["chargingProfileKind"] != RECURRING:
        return None
    kind = fields.get("recurrencyKind")
    if kind is None:
        raise ValueError("recurring without a kind")
    return _PERIOD_S[kind]


def _earlier(one: Any, other: Any):
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)
