"""The owner's plan against a brute-force one, minute by minute, on random households: hours, time zone, prices, departure."""

import datetime
import json
import os
import random
import subprocess
from zoneinfo import ZoneInfo

from mpy.interpreter import ROOT, binary, environment

HOUSEHOLDS = 5000 if os.environ.get("PILOTLIGHT_SOAK") == "1" else 300
ZONES = {"GB": "Europe/London", "DE": "Europe/Berlin", "none": "UTC"}
DEFAULT = {"GB": "1-5 00:00-08:00;1-5 22:00-24:00;6-7 00:00-24:00", "DE": "", "none": ""}
UNKNOWN = 0x3FFFFFFF
RUN, WAIT, HOLD = 1, 2, 3


def household(seed):
    """A moment of 2026 (half of them near a change of the clocks), hours, prices with gaps, and what is wanted. Whole minutes."""
    draw = random.Random(seed)
    now = 1767225600 + draw.randrange(525600) * 60
    if draw.random() < 0.5:
        now = draw.choice((1774746000, 1792890000)) + draw.randrange(-1440, 600) * 60
    windows = draw.choice((None, None, "", "1-7 22:00-06:00", "1-5 23:30-05:30;6-7 10:00-15:00", "1-7 12:00-14:00"))
    blocks, start = [], now - now % 3600 - draw.randrange(3) * 3600
    for _ in range(draw.randrange(3)):
        slot_s = draw.choice((900, 1800, 3600))
        count = draw.randrange(1, 60)
        blocks.append([start, slot_s, [draw.randrange(-300, 4000) for _ in range(count)]])
        start += slot_s * count + draw.choice((0, 0, 7200))
    power_w = draw.choice((3600, 7200, 11040))
    return {"country": draw.choice(("GB", "DE", "none")), "windows": windows, "now": now, "minute": draw.randrange(1440),
            "wh": draw.randrange(1, 1200) * power_w // 60, "power_w": power_w, "delay_s": draw.choice((0, 600)),
            "sun": draw.choice((None, None, None, 0, 800, 5000, 5000)), "flowing": draw.random() < 0.2,
            "blocks": blocks}  # fmt: skip


def spans(text):
    """(first minute of the week, length) of each window, written anew."""
    found = []
    for part in text.split(";") if text else ():
        days, hours = part.split()
        first, _, last = days.partition("-")
        begin, end = [int(word[:2]) * 60 + int(word[3:]) for word in hours.split("-")]
        for day in range(int(first) - 1, int(last or first)):
            found.append((day * 1440 + begin, (end - begin - 1) % 1440 + 1))
    return found


def minutes(case):
    """(start, price) of each minute until the departure in which the hours allow charging, and the departure."""
    zone = ZoneInfo(ZONES[case["country"]])
    windows = spans(DEFAULT[case["country"]] if case["windows"] is None else case["windows"])
    local = datetime.datetime.fromtimestamp(case["now"], zone).replace(tzinfo=None)
    leave = local.replace(hour=case["minute"] // 60, minute=case["minute"] % 60, second=0)
    if leave <= local:
        leave += datetime.timedelta(days=1)
    readings = [int(leave.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1)]  # two at a change of the clocks
    leave = min(reading for reading in readings if reading > case["now"])
    found = []
    for start in range(case["now"], leave, 60):
        here = datetime.datetime.fromtimestamp(start, zone)
        minute = here.weekday() * 1440 + here.hour * 60 + here.minute
        if not windows or any((minute - begin) % 10080 < length for begin, length in windows):
            found.append((start, price_at(case["blocks"], start)))
    return found, leave


def price_at(blocks, moment):
    for start, slot_s, prices in blocks:
        if start <= moment < start + slot_s * len(prices):
            return prices[(moment - start) // slot_s]
    return UNKNOWN


def in_the_mean(case, allowed, leave):
    """{minute: price} of the minutes, each with what the random delay makes of it in the mean; unknown ones stay so."""
    delay_s, found = case["delay_s"], {}
    for start, price in allowed:
        after = [price_at(case["blocks"], start + 30 + second) for second in range(0, delay_s, 60)] or [price]
        known = [price if other == UNKNOWN else other for other in after]
        found[start] = UNKNOWN if price == UNKNOWN else sum(known) / len(known)
    return found


def check(case, plan):
    """Within the hours, enough, and no choice of minutes is cheaper."""
    allowed, leave = minutes(case)
    assert plan["leave"] == leave
    need_s = case["wh"] * 3600 // case["power_w"]
    spare_s = case["delay_s"] + (need_s // 8 if case["sun"] is not None else 0)
    if case["flowing"] and need_s > case["delay_s"]:
        need_s -= case["delay_s"] // 2
    room_s = 60 * len(allowed)
    chosen_s = sum(end - start for start, end in plan["slots"])
    after_s = sum(60 for start, _ in allowed if start >= plan["slots"][-1][1]) if plan["slots"] else 0
    assert chosen_s in (min(need_s, room_s), min(need_s + spare_s, room_s))
    assert chosen_s >= min(need_s + spare_s, room_s) or after_s > spare_s - 60
    assert plan["missing_s"] in (max(0, need_s - room_s), max(0, need_s + spare_s - room_s))
    price = in_the_mean(case, allowed, leave)
    cost = 0
    for start, end in plan["slots"]:
        for second in range(start - start % 60, end, 60):
            cost += price[second] * (min(end, second + 60) - max(start, second))
    left, least = chosen_s, 0
    for each in sorted(price.values()):
        least += each * min(left, 60)
        left -= min(left, 60)
    known = [each for each in price.values() if each != UNKNOWN]
    steps = (len(known) and max(known) - min(known)) * case["delay_s"] / 8 * 2 * (len(plan["slots"]) + 1)  # of half a delay
    assert least <= cost + 1e-3 * abs(least) and cost <= least + steps
    runs = any(start <= case["now"] < end for start, end in plan["slots"])
    held = case["sun"] is not None and need_s <= room_s and worth_more(case, sorted(price.values()), need_s)
    assert plan["says"] in ((RUN,) if runs else (HOLD,) if held else (WAIT,) if held is False else (WAIT, HOLD))
    assert case["now"] < plan["until"] <= leave


def worth_more(case, prices, need_s):
    """Whether all times that are needed are cheaper than the sun; None where that depends on the steps of the delay."""
    dearest = prices[max(0, (need_s - 1) // 60)] if prices else UNKNOWN
    if case["delay_s"] and prices and prices[0] < case["sun"] <= max(each for each in [*prices, 0] if each != UNKNOWN):
        return None
    return dearest < case["sun"]


def test_no_plan_is_cheaper_within_the_hours_and_enough_for_random_households():
    cases = [household(seed) for seed in range(HOUSEHOLDS)]
    done = subprocess.run(
        [str(binary(32)), "-X", "heapsize=16M", "host_tests/charging/plan_on_device.py"], cwd=ROOT, env=environment(),
        input="".join(json.dumps(case) + "\n" for case in cases), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    plans = [json.loads(line[1:]) for line in done.stdout.split("\n") if line.startswith("\x1e")]
    assert len(plans) == len(cases)
    for seed, (case, plan) in enumerate(zip(cases, plans, strict=True)):
        try:
            check(case, plan)
        except AssertionError as error:
            raise AssertionError(f"household {seed}: {case}\n{plan}\n{error}") from error
    assert sum(plan["missing_s"] > 0 for plan in plans) > HOUSEHOLDS // 50
    assert sum(plan["says"] == HOLD for plan in plans) > HOUSEHOLDS // 100
    assert sum(plan["says"] == WAIT for plan in plans) > HOUSEHOLDS // 5
