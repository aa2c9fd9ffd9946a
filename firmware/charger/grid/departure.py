"""The owner's departure: so much energy by a time of day, at the cheapest times within the charging hours.

The plan is worked out from what is known now, and again when the session, the owner's wish, the prices or the hours change and
each quarter of an hour; the planner keeps only what holds now. The energy still wanted is turned into time by the power that
the car has shown in this session, before that by one phase of what the limits that protect leave; by no more than what back end
and owner allow now.
"""

from micropython import const

from charger import clock
from charger.grid import cheapest, tariff
from charger.grid.lane import DONE, NOTHING, RUN, WAIT
from charger.outlet import pilot_duty

_AGAIN_S = const(900)
_DAY_S = const(86400)
_DAY_MIN = const(1440)
_SPANS = const(40)  # of the hours until the departure
_SLICE = const(8)  # times a slice, under 20 ms on an ESP32
# Limits that follow the planner's own word, and those that last for minutes.
_PASSING = ("hours", "plan", "solar", "delay", "pause", "house", "supply", "temperature", "mains", "flash", "connection")
DEPARTURES = "departures.json"  # connector number as text: [minute of the day in local time, Wh]


class Plan:
    """What it says at a moment, `until` in UTC seconds and `why`; and for a person `slots` and `missing_s`."""

    def __init__(self, says: int, until: int, why: str, slots=(), missing_s: int = 0) -> None:
        self.says = says
        self.until = until
        self.why = why
        self.slots = slots
        self.missing_s = missing_s


def kept(files) -> dict:
    """The departures on flash; none where the file is damaged."""
    wishes = files.read_json(DEPARTURES, {})
    try:
        return {name: (int(minute) % _DAY_MIN, int(wh)) for name, (minute, wh) in wishes.items()}
    except (AttributeError, TypeError, ValueError, OverflowError):
        return {}


def keep(files, number: int, wish: tuple | None) -> None:
    """Keep (minute of the day, Wh) of a connector, None for none. OSError by the flash."""
    wishes = kept(files)
    wishes.pop(str(number), None)
    if wish is not None:
        wishes[str(number)] = wish
    files.write_json(DEPARTURES, wishes)


def work_out(files, hours, now: int | None, connector, session, delay_s: int, volts: int, late: bool):
    """A generator of slices that returns the plan of a running session; None without one, a departure or the time.

    late: of times with the same price the later ones are taken, so that the sun comes first, with an eighth more of them.
    """
    wish = kept(files).get(str(connector.id))
    if session is None or now is None or wish is None:
        return None
    yield
    minute, wh = wish
    began = now if session.start_utc is None else min(now, session.start_utc)  # the clock may have been set back
    leave = next_departure(hours.zone, minute, began)
    left_wh = wh - (connector.meter.reported_wh() - session.start_wh)
    if left_wh <= 0:
        return Plan(DONE, max(now, leave) + _DAY_S, "the car has the energy that was wanted")
    if now >= leave:
        return Plan(NOTHING, now + _DAY_S, "the departure is over")
    power_w = _power_w(connector.outlet, session, volts)
    need_s = left_wh * 3600 // max(1, power_w)
    need_s += delay_s + (need_s // 8 if late else 0)
    blocks = tariff.kept(files)
    yield
    slots = []
    for slot in _slots(hours, blocks, now, leave):
        slots.append(slot)
        if len(slots) % _SLICE == 0:
            yield
    yield
    chosen, missing_s = cheapest.choose(slots, need_s, late)
    until = min(leave, now + _AGAIN_S)
    for start, end in chosen:
        if start <= now < end:
            why = "the departure cannot be met: it charges whenever it may" if missing_s else "a chosen time before the departure"
            return Plan(RUN, min(until, end), why, chosen, missing_s)
        if start > now:
            until = min(until, start)
    return Plan(WAIT, until, "waits for the cheapest times before the departure", chosen, missing_s)


def _power_w(outlet, session, volts: int) -> int:
    """What the car will take, W."""
    allowed_da = max(outlet.allowed_da(*_PASSING), pilot_duty.MINIMUM_DA)
    if session.max_w:
        return min(session.max_w, volts * outlet.phases * allowed_da // 10)
    return volts * min(allowed_da, outlet.limits.safety_da) // 10


def affordable(files, hours, now: int | None, minute: int, power_w: int, budget: int):
    """A generator of slices that returns the Wh that the cheapest times before a departure give for a budget.

    budget: hundredths of the tariff's unit, times 1000. Times without a price count for nothing; power_w is that of one phase.
    """
    if now is None:
        return 0
    blocks = tariff.kept(files)
    yield
    slots = []
    for slot in _slots(hours, blocks, now, next_departure(hours.zone, minute, now)):
        slots.append(slot)
        if len(slots) % _SLICE == 0:
            yield
    wh = 0
    for price, start, end in sorted(slots):
        slot_wh = power_w * (end - start) // 3600
        if price == tariff.UNKNOWN or budget < price:
            break
        if price > 0:
            slot_wh = min(slot_wh, budget // price)
        wh += slot_wh
        budget -= slot_wh * price
    return wh


def next_departure(zone, minute: int, after: int) -> int:
    """UTC seconds of the first such minute of the local day after a moment."""
    offset_s = zone.offset_s(after)
    local = after + offset_s
    moment = local - local % _DAY_S + minute * 60
    if moment <= local:
        moment += _DAY_S
    return moment - zone.offset_s(moment - offset_s)  # the offset of that morning, after a change of the clocks


def _slots(hours, blocks: list, now: int, leave: int):
    """Iterate (price, start, end) of all times within the hours until the departure."""
    moment = now
    for _ in range(_SPANS):
        if moment >= leave:
            break
        open_now, until = hours.at(moment)
        until = leave if until is None else min(leave, until)
        while open_now and moment < until:
            price, change = tariff.price_at(blocks, moment)
            end = until if change is None else min(until, change)
            yield price, moment, end
            moment = end
        moment = until


def report(plan: Plan | None, wish: tuple | None) -> dict:
    """The wish and the plan of a connector as plain data."""
    return {
        "depart": None if wish is None else "%02d:%02d" % (wish[0] // 60, wish[0] % 60),
        "energy_wh": None if wish is None else wish[1],
        "why": "" if plan is None else plan.why,
        "times": [] if plan is None else [{"start": clock.iso(start), "end": clock.iso(end)} for start, end in plan.slots],
        "missing_s": 0 if plan is None else plan.missing_s,
    }
