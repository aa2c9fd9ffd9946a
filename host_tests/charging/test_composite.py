"""Random charging profiles against an evaluator of its own, second by second in plain Python (OCPP-100 to 108).

The evaluator below shares nothing with the firmware but the specification: it looks at each second by itself, walks every
profile from its start, and knows no boundaries.
"""

import datetime
import json
import os
import random
from decimal import Decimal
from pathlib import Path

import ocpp.v16
import pytest
from jsonschema import Draft4Validator

from mpy.json_script import JsonScript

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
TIMES = 10 if SOAK else 1  # the sets of the two long runs
VOLTS = 230
HARDWARE = 320  # of each outlet, 0.1 A
FACTORY = 480  # what a factory may say instead
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


def strongest(profiles, purpose, connectors, moment, since):
    """(period, unit) of the valid profile with the highest stack level; of two the one of the greater connector."""
    found = None
    for number, profile in profiles:
        if number in connectors and profile["chargingProfilePurpose"] == purpose:
            period = period_at(profile, moment, since)
            rank = (profile["stackLevel"], number)
            if period is not None and (found is None or rank > found[0]):
                found = (rank, period, profile["chargingSchedule"]["chargingRateUnit"])
    return None if found is None else found[1:]


def transaction_limit(profiles, connector, moment, since):
    """(period, unit) of TxProfile, else of the TxDefaultProfiles of the connector and of connector 0 (3.13.1, 3.13.2)."""
    return (
        strongest(profiles, "TxProfile", [connector], moment, since)
        or strongest(profiles, "TxDefaultProfile", [0, connector], moment, since)
    )  # fmt: skip


def phases_of(case, found):
    """The phases that a connector charges on: one in a period for one where the outlet can switch, else all that are wired."""
    one = found is not None and found[0].get("numberPhases") == 1 and case["switches"]
    return 1 if one else case["phases"]


def in_da(found, phases):
    """A period's limit for the outlet in 0.1 A: a limit in W counts for all phases that it charges on."""
    period, unit = found
    limit = Decimal(str(period["limit"]))
    return int((limit if unit == "A" else limit / (VOLTS * phases)) * 10)


def shared(case, limits, total):
    """The limits under a limit of the whole: the first to come have 6 A at least, nobody more than an equal part."""
    needs = [HARDWARE * 100 if limit is None else limit for limit in limits]
    limits = [min(total, need) for need in needs]
    users = [n for n, start in enumerate(case["sessions"]) if start is not None]
    fed = users
    while len(fed) > 1 and 60 * len(fed) > total:
        limits[fed[-1]] = 0
        fed = fed[:-1]
    for done, n in enumerate(sorted(fed, key=lambda n: needs[n])):
        limits[n] = min(limits[n], total // (len(fed) - done))
        total -= limits[n]
    return limits


def flows(case, profiles, moment, since):
    """[(0.1 A, W exactly where the profile alone decides, else None, phases)] of each connector at a second."""
    found = [
        transaction_limit(profiles, n, moment, since if start is None else start)
        for n, start in enumerate(case["sessions"], 1)
    ]
    own = [None if one is None else in_da(one, phases_of(case, one)) for one in found]
    limits = list(own)
    whole = strongest(profiles, "ChargePointMaxProfile", [0], moment, moment)
    if whole is not None:
        limits = shared(case, limits, in_da(whole, case["phases"]))
    result = []
    for n, limit in enumerate(limits):
        bounds = [HARDWARE, case["local"][n], case["shares"][n] if case["sessions"][n] is not None else case["supply"]]
        local = min(bound for bound in bounds if bound is not None)
        if local == HARDWARE and case["factory_limit"]:
            local = FACTORY
        if case["barred"][n]:
            local = 0
        da = local if limit is None else min(local, limit)
        watts = None
        if da == own[n] and found[n][1] == "W":
            watts = Decimal(str(found[n][0]["limit"]))
        phases = phases_of(case, found[n])
        result.append((da, watts, phases) if da >= 60 else (0, None, phases))
    return result, whole


def watts_of(da, watts, phases):
    """The power that one connector may have, W."""
    return Decimal(da) * VOLTS * phases / 10 if watts is None else watts


def composite(case, profiles, connector, moment, unit):
    """(limit, phases) at a second."""
    each, whole = flows(case, profiles, moment, case["now"])
    if connector:
        da, watts, phases = each[connector - 1]
        return Decimal(da) / 10 if unit == "A" else watts_of(da, watts, phases), phases
    bounds = [case["supply"], FACTORY if case["factory_limit"] else None, None if whole is None else in_da(whole, case["phases"])]
    bounds = [bound for bound in bounds if bound is not None]
    if unit == "A":
        wires = [0, 0, 0]
        for (da, _, phases), rotation in zip(each, case["rotations"], strict=True):
            for phase in range(phases):
                wires[(rotation + phase) % 3] += da
        return Decimal(min([max(wires), *bounds])) / 10, case["phases"]
    most = [watts_of(bound, None, case["phases"]) for bound in bounds]
    return min([sum(watts_of(*one) for one in each), *most]), case["phases"]


def one_limit(profile):
    """True for a schedule that says the same at all times, from whenever it counts."""
    schedule = profile["chargingSchedule"]
    return len(schedule["chargingSchedulePeriod"]) == 1 and "duration" not in schedule


def installed(case):
    """Which profiles are accepted, and which of them are there in the end (OCPP-100, 102, 103)."""
    answers, there = [], []
    for connector, profile in case["profiles"]:
        purpose = profile["chargingProfilePurpose"]
        good = (purpose != "ChargePointMaxProfile"
                or (connector == 0 and (profile["chargingProfileKind"] != "Relative" or one_limit(profile))))
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


def barred(rng, start):
    """Why no energy can flow at a connector, seldom."""
    if rng.random() < 0.8:
        return None
    return rng.choice(["fault", "service"] if start is None else ["fault", "tag"])


def random_case(rng):
    """One set of profiles, and what is asked about it."""
    now = seconds(rng.choice(MOMENTS)) + rng.randint(0, 300)
    connectors = rng.randint(1, 3)
    sessions = [rng.choice([None, now - rng.randint(0, 400)]) for _ in range(connectors)]
    span = rng.choice([1, 60, 400, 900])
    supply = rng.choice([None, None, rng.randint(60, 320), rng.randint(320, 700)])
    phases = rng.choice([1, 3])
    return {
        "now": now,
        "phases": phases,
        "switches": phases == 3 and rng.random() < 0.4,
        "rotations": [rng.randint(0, 2) for _ in range(connectors)],
        "factory_limit": rng.random() < 0.3,
        "supply": supply,
        "shares": [None if supply is None else rng.randint(0, min(supply, 320)) for _ in range(connectors)],
        "local": [rng.choice([None, None, rng.randint(0, 320)]) for _ in range(connectors)],
        "sessions": sessions,
        "barred": [barred(rng, start) for start in sessions],
        "profiles": [random_profile(rng, now, n, connectors) for n in range(rng.randint(1, 8))],
        "ask": [[n, span, unit] for n in range(connectors + 1) for unit in "AW"],
        "watch": sorted(now + rng.randint(0, 900) for _ in range(12)),
    }


@pytest.fixture
def device(word):
    """The interpreter with this word size."""
    running = JsonScript("host_tests/charging/on_device.py", word, "2M")
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
            assert (Decimal(period["limit"]), period["numberPhases"]) == wanted, f"second {second} of {ask}: {wanted}"


def check_limits(case, profiles, moment, limits):
    """The outlets' limits at a moment: nobody above its own, together not above the unit's."""
    whole = strongest(profiles, "ChargePointMaxProfile", [0], moment, moment)
    whole_da = None if whole is None else in_da(whole, case["phases"])
    users = 0
    for number, (start, got) in enumerate(zip(case["sessions"], limits, strict=True), 1):
        since = moment if start is None else start
        own = transaction_limit(profiles, number, moment, since)
        own_da = None if own is None else in_da(own, phases_of(case, own))
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


def check_live(case, live):
    """The composite schedule of now is what the pilot says, within 0.1 A, of connectors in use (its lower half is exact)."""
    for start, barred, (scheduled, offered) in zip(case["sessions"], case["barred"], live, strict=True):
        if start is not None and not barred and not case["factory_limit"]:
            assert abs(scheduled - offered) <= 1


@pytest.mark.parametrize(("word", "sets", "seed"), [(64, 400 * TIMES, 1), (32, 300 * TIMES, 3)])
def test_composite_schedule_and_limits_of_random_profiles(device, sets, seed):
    """700 random sets, or 7,000: schedules second by second for each connector and unit, limits at random moments."""
    rng = random.Random(seed)
    validator = Draft4Validator(SCHEMA["properties"]["chargingSchedule"])
    accepted = 0
    for number in range(sets):
        case = random_case(rng)
        result = device.call(case, parse_float=Decimal)
        answers, profiles = installed(case)
        try:
            assert result["installed"] == answers
            accepted += len(profiles)
            for ask, schedule in zip(case["ask"], result["schedules"], strict=True):
                check_schedule(case, profiles, ask, schedule)
                assert not list(validator.iter_errors(schedule))
            for moment, limits in zip(case["watch"], result["limits"], strict=True):
                check_limits(case, profiles, moment, limits)
            for live in result["live"]:
                check_live(case, live)
        except (AssertionError, ValueError) as error:
            raise AssertionError(f"seed {seed}, set {number}: {error}\n{json.dumps(case)}") from error
    assert accepted > sets * 2
