"""Random charging profiles against an evaluator of its own, second by second in plain Python (OCPP-100 to 108).

The evaluator below shares nothing with the firmware but the specification: it looks at each second by itself, walks every
profile from its start, and knows no boundaries.
"""

import datetime
import json
import random
import subprocess
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

import ocpp.v16
import pytest
from jsonschema import Draft4Validator

from mpy.interpreter import ROOT, binary, environment

VOLTS = 230
MOST = {"A": Decimal(48), "W": Decimal(33120)}
RECURRENCE = {"Daily": 86400, "Weekly": 604800}
SCHEMA = json.loads(
    (Path(ocpp.v16.__file__).parent / "schemas" / "GetCompositeScheduleResponse.json").read_text(encoding="utf-8-sig"),
    parse_float=Decimal,
)
# Moments at which something is special: hours that summer time skips or repeats (London, Berlin), midnight, leap day,
# the last second that fits 31 bits, and a dull one.
MOMENTS = [
    "2026-03-29T00:57:00", "2026-10-25T00:58:00", "2026-12-31T23:55:00", "2028-02-29T23:56:00", "2038-01-19T03:10:00",
    "2027-06-15T12:00:00",
]  # fmt: skip


def seconds(text):
    """UTC seconds of a time of day without zone."""
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp())


def iso(moment):
    """OCPP's form of UTC seconds."""
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text):
    """The other way round."""
    return int(datetime.datetime.fromisoformat(text).timestamp())


# --- the evaluator ---


def period_at(profile, moment, since):
    """The period in force at a second, or None."""
    if "validFrom" in profile and moment < parse(profile["validFrom"]):
        return None
    if "validTo" in profile and moment >= parse(profile["validTo"]):
        return None
    schedule = profile["chargingSchedule"]
    start = since
    if profile["chargingProfileKind"] != "Relative" and "startSchedule" in schedule:
        start = parse(schedule["startSchedule"])
    if moment < start:
        return None
    if profile["chargingProfileKind"] == "Recurring":
        while start + RECURRENCE[profile["recurrencyKind"]] <= moment:
            start += RECURRENCE[profile["recurrencyKind"]]
    if "duration" in schedule and moment - start >= schedule["duration"]:
        return None
    found = None
    for period in schedule["chargingSchedulePeriod"]:
        if moment - start >= period["startPeriod"]:
            found = period
    return found


def convert(period, source, unit, phases):
    """(limit, phases) of a period in the unit asked for, rounded down to one decimal (OCPP-106, 107)."""
    used = min(period.get("numberPhases", 3), phases)
    limit = Decimal(str(period["limit"]))
    if source != unit:
        limit = limit / (VOLTS * used) if unit == "A" else limit * VOLTS * used
    return limit.quantize(Decimal("0.1"), ROUND_FLOOR), used


def strongest(profiles, purpose, connector, moment, since):
    """(period, unit) of the valid profile with the highest stack level."""
    found = None
    for number, profile in profiles:
        if number == connector and profile["chargingProfilePurpose"] == purpose:
            period = period_at(profile, moment, since)
            if period is not None and (found is None or profile["stackLevel"] > found[0]):
                found = (profile["stackLevel"], period, profile["chargingSchedule"]["chargingRateUnit"])
    return None if found is None else found[1:]


def transaction_limit(profiles, connector, moment, since):
    """(period, unit) of TxProfile, else TxDefaultProfile of the connector, else of connector 0."""
    return (
        strongest(profiles, "TxProfile", connector, moment, since)
        or strongest(profiles, "TxDefaultProfile", connector, moment, since)
        or strongest(profiles, "TxDefaultProfile", 0, moment, since)
    )


def composite(case, profiles, connector, moment, unit):
    """(limit, phases) at a second."""
    phases = case["phases"]
    numbers = [connector] if connector else list(range(1, len(case["sessions"]) + 1))
    total, used = Decimal(0), phases
    for number in numbers:
        start = case["sessions"][number - 1]
        found = transaction_limit(profiles, number, moment, case["now"] if start is None else start)
        if found is None:
            total += MOST[unit]
        else:
            limit, wanted = convert(*found, unit, phases)
            total += min(limit, MOST[unit])
            if connector:
                used = wanted
    total = min(total, MOST[unit])
    found = strongest(profiles, "ChargePointMaxProfile", 0, moment, moment)
    if found is not None:
        limit, wanted = convert(*found, unit, phases)
        if limit <= total:
            total, used = limit, wanted
    return total, used


def installed(case):
    """Which profiles are accepted, and which of them are there in the end (OCPP-100, 102, 103)."""
    answers, there = [], []
    for connector, profile in case["profiles"]:
        purpose = profile["chargingProfilePurpose"]
        good = (purpose != "ChargePointMaxProfile" or (connector == 0 and profile["chargingProfileKind"] != "Relative"))
        if purpose == "TxProfile":
            good = connector > 0 and case["sessions"][connector - 1] is not None
        answers.append(good)
        if good:
            mine = (profile["stackLevel"], purpose, connector)
            there = [
                (n, p) for n, p in there
                if p["chargingProfileId"] != profile["chargingProfileId"]
                and (p["stackLevel"], p["chargingProfilePurpose"], n) != mine
            ]  # fmt: skip
            there.append((connector, profile))
    return answers, there


# --- what is thrown at the charger ---


def random_schedule(rng, now, kind, spread):
    """A schedule whose edges fall close to now."""
    starts = [0, *sorted(rng.sample(range(1, spread), rng.randint(0, 4)))]
    unit = rng.choice("AAW")
    top = 500 if unit == "A" else 120000
    periods = []
    for start in starts:
        limit = rng.choice([0, rng.randint(0, top), rng.randint(0, top // 4)])
        period = {"startPeriod": start, "limit": limit // 10 if limit % 10 == 0 else limit / 10}
        if rng.random() < 0.4:
            period["numberPhases"] = rng.randint(1, 3)
        periods.append(period)
    schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    if rng.random() < 0.6:
        schedule["duration"] = rng.randint(1, spread * 2)
    if kind != "Relative":
        schedule["startSchedule"] = iso(now + rng.randint(-spread, spread // 2))
    return schedule


def random_profile(rng, now, number, connectors):
    """[connectorId, ChargingProfile]."""
    purpose = rng.choice(["ChargePointMaxProfile", "TxDefaultProfile", "TxDefaultProfile", "TxProfile"])
    kind = rng.choice(["Absolute", "Relative", "Recurring"])
    connector = rng.randint(0, connectors)
    spread = rng.choice([60, 300, 900])
    profile = {
        "chargingProfileId": rng.choice([number, number, rng.randint(1, 6)]),
        "stackLevel": rng.randint(0, 3),
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": random_schedule(rng, now, kind, spread),
    }
    if kind == "Recurring":
        profile["recurrencyKind"] = rng.choice(["Daily", "Weekly"])
        start = parse(profile["chargingSchedule"]["startSchedule"])
        # so that an occurrence begins, or the one before it still runs, within what is looked at
        back = rng.randint(0, 9) * RECURRENCE[profile["recurrencyKind"]]
        profile["chargingSchedule"]["startSchedule"] = iso(start - back)
    if rng.random() < 0.3:
        profile["validFrom"] = iso(now + rng.randint(-300, 300))
    if rng.random() < 0.3:
        first = parse(profile["validFrom"]) if "validFrom" in profile else now - 100
        profile["validTo"] = iso(first + rng.randint(1, 700))
    return [connector, profile]


def random_case(rng):
    """One set of profiles, and what is asked about it."""
    now = seconds(rng.choice(MOMENTS)) + rng.randint(0, 300)
    connectors = rng.randint(1, 3)
    sessions = [rng.choice([None, now - rng.randint(0, 400)]) for _ in range(connectors)]
    span = rng.choice([1, 60, 400, 900])
    return {
        "now": now,
        "phases": rng.choice([1, 3]),
        "sessions": sessions,
        "profiles": [random_profile(rng, now, n, connectors) for n in range(rng.randint(1, 8))],
        "ask": [[n, span, unit] for n in range(connectors + 1) for unit in "AW"],
        "watch": sorted(now + rng.randint(0, 900) for _ in range(12)),
    }


class Device:
    """The firmware's smart charging on an interpreter."""

    def __init__(self, word):
        self.process = subprocess.Popen(
            [str(binary(word)), "-X", "heapsize=2M", "host_tests/charging/on_device.py"],
            cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def play(self, case):
        """The answer to one case."""
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        log = []
        for line in self.process.stdout:
            if line.startswith("\x1e"):
                return json.loads(line[1:], parse_float=Decimal)
            log.append(line)
        raise AssertionError("the interpreter ended:\n" + "".join(log[-20:]))

    def close(self):
        """End it."""
        self.process.stdin.close()
        self.process.wait(10)


@pytest.fixture
def device(word):
    """The interpreter with this word size."""
    running = Device(word)
    yield running
    running.close()


def check_schedule(case, profiles, ask, schedule):
    """Each second of a composite schedule is what the evaluator says."""
    connector, duration, unit = ask
    periods = schedule["chargingSchedulePeriod"]
    assert schedule["chargingRateUnit"] == unit
    assert schedule["duration"] == duration or len(periods) == 60
    assert periods[0]["startPeriod"] == 0
    same = [(p["limit"], p["numberPhases"]) for p in periods]
    assert all(one != two for one, two in zip(same, same[1:], strict=False)), "equal neighbours are merged"
    starts = [p["startPeriod"] for p in periods] + [schedule["duration"]]
    for period, first, after in zip(periods, starts[:-1], starts[1:], strict=True):
        assert first < after
        for second in range(first, after):
            wanted = composite(case, profiles, connector, case["now"] + second, unit)
            assert (Decimal(period["limit"]), period["numberPhases"]) == wanted, f"second {second} of {ask}"


def check_limits(case, profiles, moment, limits):
    """The outlets' limits at a moment: nobody above its own, together not above the unit's."""
    whole = strongest(profiles, "ChargePointMaxProfile", 0, moment, moment)
    whole_da = None if whole is None else in_da(whole, case["phases"])
    users = 0
    for number, (start, got) in enumerate(zip(case["sessions"], limits, strict=True), 1):
        since = moment if start is None else start
        own = transaction_limit(profiles, number, moment, since)
        own_da = None if own is None else in_da(own, case["phases"])
        known = [limit for limit in (own_da, whole_da) if limit is not None]
        if not known:
            assert got is None
        elif sum(s is not None for s in case["sessions"]) <= 1 or whole_da is None:
            assert got == min(known), f"connector {number} at {moment}"
        else:
            assert got <= min(known), f"connector {number} at {moment}"
        if start is not None:
            users += got or 0
    if whole_da is not None:
        assert users <= whole_da


def in_da(found, phases):
    """A period's limit for the outlet in 0.1 A: a limit in W counts for all phases that are wired."""
    period, unit = found
    limit = Decimal(str(period["limit"]))
    return int((limit if unit == "A" else limit / (VOLTS * phases)) * 10)


@pytest.mark.parametrize(("word", "sets", "seed"), [(64, 1000, 1), (64, 1000, 2), (32, 300, 3)])
def test_composite_schedule_and_limits_of_random_profiles(device, sets, seed):
    """2,300 random sets: schedules second by second for each connector and unit, limits at random moments."""
    rng = random.Random(seed)
    validator = Draft4Validator(SCHEMA["properties"]["chargingSchedule"])
    accepted = 0
    for number in range(sets):
        case = random_case(rng)
        result = device.play(case)
        answers, profiles = installed(case)
        try:
            assert result["installed"] == answers
            accepted += len(profiles)
            for ask, schedule in zip(case["ask"], result["schedules"], strict=True):
                check_schedule(case, profiles, ask, schedule)
                assert not list(validator.iter_errors(schedule))
            for moment, limits in zip(case["watch"], result["limits"], strict=True):
                check_limits(case, profiles, moment, limits)
        except (AssertionError, ValueError) as error:
            raise AssertionError(f"seed {seed}, set {number}: {error}\n{json.dumps(case)}") from error
    assert accepted > sets * 2
