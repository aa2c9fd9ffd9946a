"""The owner's departure: an amount of energy by a time of day, at the cheapest times within the charging hours.

The plan is computed from the present data, and again when the session, the owner's request, the prices or the hours change and
each quarter of an hour; the planner keeps only the part that applies now. The missing energy is converted to time with the power
that the car has drawn in this session, or, before it has drawn any, with one phase of the current that the protecting limits
leave; at most with the power that back end and owner allow now. The power of a car is still unknown when the car took all of
the current that a passing limit (sun, house) left.
"""

from micropython import const

from charger import clock
from charger.grid import cheapest, tariff
from charger.grid.lane import HOLD, NOTHING, RUN, WAIT
from charger.outlet import pilot_duty

_AGAIN_S = const(900)
_CABLE_S = const(2)  # until the cable's coding is read; before that its current is unknown
_DAY_S = const(86400)
_DAY_MIN = const(1440)
_SPANS = const(40)  # of the hours until the departure
_SLICE = const(8)  # times a slice, under 20 ms on an ESP32
# Limits that follow the planner's own word, and those that last for minutes.
_PASSING = ("hours", "plan", "solar", "delay", "pause", "house", "supply", "temperature", "mains", "flash", "connection")
CHOSEN = "a chosen time before the departure"
DEPARTURES = "departures.json"  # connector number as text: [minute of the day in local time, Wh, when it was set in UTC seconds]


class Plan:
    """A plan at a moment: `says`, `until` in UTC seconds and `why`; and for a person `slots` and `missing_s`."""

    def __init__(self, says: int, until: int, why: str, slots: Any = (), missing_s: int = 0) -> None:
        self.says = says
        self.until = until
        self.why = why
        self.slots = slots
        self.missing_s = missing_s


def kept(files: Files) -> dict:
    """The departures on flash; none where the file is damaged."""
    wishes = files.read_json(DEPARTURES, {})
    try:
        return {
            name: (int(wish[0]) % _DAY_MIN, int(wish[1]), int(wish[2]) if len(wish) > 2 else 0) for name, wish in wishes.items()
        }
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError):
        return {}


def keep(files: Files, number: int, wish: tuple | None) -> None:
    """Keep (minute of the day, Wh, UTC seconds at which it was set) of a connector, None for none. OSError by the flash."""
    wishes = kept(files)
    wishes.pop(str(number), None)
    if wish is not None:
        wishes[str(number)] = wish
    files.write_json(DEPARTURES, wishes)


def work_out(files: Files, hours: Any, now: int | None, lane: Any, delay_s: int, volts: int, sun: int | None) -> Steps:
    """A generator of slices that returns the plan of a running session; None without one, a departure or the time.

    sun: what a kWh of the solar surplus costs, None without a solar mode: of times with the same price the later ones are taken
    then, so that the sun comes first, with an eighth to spare; while cheaper times are enough, the sun is not taken.
    """
    connector, session = lane.connector, lane.session
    wish = kept(files).get(str(connector.id))
    if session is None or now is None or wish is None:
        return None
    yield
    minute, wh, since = wish
    began = now if session.start_utc is None else min(now, session.start_utc)  # the clock may have been set back
    if began < since <= now:
        began = since  # a wish made during the session is for what comes
    leave = next_departure(hours.zone, minute, began)
    left_wh = wh - (connector.meter.reported_wh() - session.start_wh)
    need_s = left_wh * 3600 // max(1, _power_w(lane, volts))
    if need_s <= 0:
        return Plan(HOLD, max(now, leave) + _DAY_S, "the car has the energy that was wanted")
    if now >= leave:
        return Plan(NOTHING, now + _DAY_S, "the departure is over")
    late = sun is not None
    spare_s = delay_s + (need_s // 8 if late else 0)
    runs = connector.outlet.energised and lane.says == RUN
    if connector.outlet.energised and need_s > delay_s:
        need_s -= delay_s // 2  # flows in the mean while the end of the last time waits for its delay
    blocks = tariff.kept(files)
    yield
    pieces = yield from _gathered(hours, blocks, now, leave, delay_s, -1 if late else 1)
    yield
    chosen, missing_s, dearest = cheapest.choose(pieces, need_s, late, runs)
    wait = HOLD if late and not missing_s and dearest is not None and dearest < sun else WAIT
    if spare_s and chosen and cheapest.room_after(pieces, chosen[-1][1]) < spare_s:
        yield
        chosen, missing_s, _ = cheapest.choose(pieces, need_s + spare_s, late, runs)
    cable = connector.outlet.cable
    again_s = _CABLE_S if cable is not None and not cable.rating_da else _AGAIN_S
    plan = _decide(now, min(leave, now + again_s), [(now + start, now + end) for start, end in chosen], missing_s, wait)
    if plan.says != RUN and lane.starts():  # the end of a time that is shorter than its delay takes no start back
        plan.says, plan.until, plan.why = RUN, min(leave, now + lane.left_s() + 1), CHOSEN
    return plan


def _decide(now: int, until: int, chosen: list, missing_s: int, wait: int) -> Plan:
    """The instruction of the chosen times now, and its end."""
    for start, end in chosen:
        if start <= now < end:
            why = "the departure cannot be met: it charges whenever it may" if missing_s else CHOSEN
            return Plan(RUN, min(until, end), why, chosen, missing_s)
        if start > now:
            until = min(until, start)
    return Plan(wait, until, "waits for the cheapest times before the departure", chosen, missing_s)


def _power_w(lane: Any, volts: int) -> int:
    """The power that the car will take, W."""
    outlet, shown_w, offered_da = lane.connector.outlet, lane.session.max_w, lane.offered_da
    allowed_da = max(outlet.allowed_da(*_PASSING), pilot_duty.MINIMUM_DA)
    expected_da = min(allowed_da, outlet.limits.safety_da)
    expected_w = volts * expected_da // 10  # one phase
    if not shown_w or (offered_da < expected_da and shown_w * 40 > volts * offered_da * 3):  # three quarters of what was offered
        shown_w = max(shown_w, expected_w)
    return min(shown_w, volts * outlet.most_phases * allowed_da // 10)


def affordable(files: Files, hours: Any, now: int | None, minute: int, power_w: int, budget: int) -> Steps:
    """A generator of slices that returns the Wh that the cheapest times before a departure give for a budget.

    budget: hundredths of the tariff's unit, times 1000. Times without a price count for nothing; power_w is that of one phase.
    """
    if now is None:
        return 0
    blocks = tariff.kept(files)
    yield
    pieces = yield from _gathered(hours, blocks, now, next_departure(hours.zone, minute, now), 0, 1)
    wh = 0
    for price, _start, seconds in sorted(pieces):
        slot_wh = power_w * seconds // 3600
        if price == tariff.UNKNOWN or budget < price:
            break
        if price > 0:
            slot_wh = min(slot_wh, budget // price)
        wh += slot_wh
        budget -= slot_wh * price
    return wh


def next_departure(zone: TimeZone, minute: int, after: int) -> int:
    """UTC seconds of the first such minute of the local day after a moment; one that the clocks leave out is an hour earlier."""
    offset_s = zone.offset_s(after)
    local = after + offset_s
    moment = local - local % _DAY_S + minute * 60
    if moment <= local:
        moment += _DAY_S
    leave = moment - zone.offset_s(moment - offset_s)  # the offset of that morning, after a change of the clocks
    return leave if leave > after else moment - offset_s


def _gathered(hours: Any, blocks: list, now: int, leave: int, delay_s: int, sign: int) -> Steps:
    """A generator of slices that returns the list of all _pieces()."""
    pieces = []
    for piece in _pieces(hours, blocks, now, leave, delay_s, sign):
        pieces.append(piece)
        if len(pieces) % _SLICE == 0:
            yield
    return pieces


def _pieces(hours: Any, blocks: list, now: int, leave: int, delay_s: int, sign: int) -> Iterator:
    """Iterate the pieces (price, sign * seconds from now, seconds) of all times within the hours until the departure.

    The random delay moves what begins and ends by up to delay_s, so a moment costs what the time after it costs in the mean.
    """
    moment = now
    for _ in range(_SPANS):
        if moment >= leave:
            break
        open_now, until = hours.at(moment)
        until = leave if until is None else min(leave, until)
        while open_now and moment < until:
            price, change = tariff.price_at(blocks, moment)
            end = until if change is None else min(until, change)
            if change is not None and delay_s and price != tariff.UNKNOWN:
                if moment + delay_s < change:
                    end = min(end, change - delay_s)
                else:
                    end = min(end, moment + (delay_s + 1) // 2)
                    price = _mean_price(blocks, price, (moment + end) // 2, delay_s)
            yield price, sign * (moment - now), end - moment
            moment = end
        moment = until


def _mean_price(blocks: list, price: int, moment: int, delay_s: int) -> int:
    """The mean of the known prices of the time that a random delay after a moment reaches; price is that of the moment."""
    total = 0
    for k in (1, 3, 5, 7):
        then = tariff.price_at(blocks, moment + delay_s * k // 8)[0]
        total += price if then == tariff.UNKNOWN else then
    return total // 4


def report(plan: Plan | None, wish: tuple | None) -> dict:
    """The wish and the plan of a connector as plain data."""
    return {
        "depart": None if wish is None else "%02d:%02d" % (wish[0] // 60, wish[0] % 60),
        "energy_wh": None if wish is None else wish[1],
        "why": "" if plan is None else plan.why,
        "times": [] if plan is None else [{"start": clock.iso(start), "end": clock.iso(end)} for start, end in plan.slots],
        "missing_s": 0 if plan is None else plan.missing_s,
    }
