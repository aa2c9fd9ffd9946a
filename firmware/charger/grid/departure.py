"""The owner's departure: so much energy by a time of day, at the cheapest times within the charging hours.

The plan is worked out from what is known now, and again when the session, the owner's wish, the prices or the hours change and
each quarter of an hour; the planner keeps only what holds now. The energy still wanted is turned into time by the power that
the car has shown in this session, before that by one phase of what the limits that protect leave.
"""

from micropython import const

from charger import clock
from charger.grid import cheapest, tariff
from charger.grid.planner import DEPARTURES

_AGAIN_S = const(900)
_DAY_S = const(86400)
_SPANS = const(40)  # of the hours until the departure


class Plan:
    """What holds at a moment: `allowed`, `until` in UTC seconds, `why`; and for a person `slots` and `missing_s`."""

    def __init__(self, allowed: bool, until: int, why: str, slots=(), missing_s: int = 0) -> None:
        self.allowed = allowed
        self.until = until
        self.why = why
        self.slots = slots
        self.missing_s = missing_s


def kept(files) -> dict:
    """The departures on flash; none where the file is damaged."""
    wishes = files.read_json(DEPARTURES, {})
    try:
        return {name: (int(minute), int(wh)) for name, (minute, wh) in wishes.items()}
    except (AttributeError, TypeError, ValueError):
        return {}


def keep(files, number: int, wish: tuple | None) -> None:
    """Keep (minute of the day, Wh) of a connector, None for none. OSError by the flash."""
    wishes = kept(files)
    wishes.pop(str(number), None)
    if wish is not None:
        wishes[str(number)] = wish
    files.write_json(DEPARTURES, wishes)


def work_out(files, hours, now: int, connector, session, delay_s: int, volts: int) -> Plan | None:
    """The plan of a running session; None without a departure."""
    wish = kept(files).get(str(connector.id))
    if wish is None:
        return None
    minute, wh = wish
    began = now if session.start_utc is None else session.start_utc
    leave = next_departure(hours.zone, minute, began)
    left_wh = wh - (connector.meter.reported_wh() - session.start_wh)
    if left_wh <= 0:
        return Plan(False, max(now, leave) + _DAY_S, "the car has the energy that was wanted")
    if now >= leave:
        return Plan(True, now + _DAY_S, "the departure is over")
    power_w = session.max_w or volts * connector.outlet.limits.safety_da // 10
    need_s = left_wh * 3600 // max(1, power_w) + delay_s
    chosen, missing_s = cheapest.choose(_slots(hours, tariff.kept(files), now, leave), need_s)
    until = min(leave, now + _AGAIN_S)
    for start, end in chosen:
        if start <= now < end:
            why = "the departure cannot be met: it charges whenever it may" if missing_s else "a chosen time before the departure"
            return Plan(True, min(until, end), why, chosen, missing_s)
        if start > now:
            until = min(until, start)
    return Plan(False, until, "waits for the cheapest times before the departure", chosen, missing_s)


def next_departure(zone, minute: int, after: int) -> int:
    """UTC seconds of the first such minute of the local day after a moment."""
    offset_s = zone.offset_s(after)
    local = after + offset_s
    moment = local - local % _DAY_S + minute * 60
    if moment <= local:
        moment += _DAY_S
    return moment - zone.offset_s(moment - offset_s)  # the offset of that morning, after a change of the clocks


def _slots(hours, blocks: list, now: int, leave: int) -> list:
    """(price, start, end) of all times within the hours until the departure."""
    slots = []
    moment = now
    for _ in range(_SPANS):
        if moment >= leave:
            break
        open_now, until = hours.at(moment)
        until = leave if until is None else min(leave, until)
        while open_now and moment < until:
            price, change = tariff.price_at(blocks, moment)
            end = until if change is None else min(until, change)
            slots.append((price, moment, end))
            moment = end
        moment = until
    return slots


def report(plan: Plan | None, wish: tuple | None) -> dict:
    """The wish and the plan of a connector as plain data."""
    return {
        "depart": None if wish is None else "%02d:%02d" % (wish[0] // 60, wish[0] % 60),
        "energy_wh": None if wish is None else wish[1],
        "why": "" if plan is None else plan.why,
        "times": [] if plan is None else [{"start": clock.iso(start), "end": clock.iso(end)} for start, end in plan.slots],
        "missing_s": 0 if plan is None else plan.missing_s,
    }
