"""Thirteen months of use against an independent sum: each session, each month, twelve months (UK-17, UK-18)."""

import asyncio
import random
import time

import flashrig
from check import equal, near, true

from charger import clock
from charger.metering.charging_session import Session
from charger.metering.history import KEPT_DAYS, History
from sim import flash as simflash
from sim import timebase

HEAP = 12 * 1024 * 1024  # the chip's content is in it
DAY = 86400
FIRST_DAY = 20820  # 2027-01-02, in days since 1970
YEARS = ((2027, 28), (2028, 29), (2029, 28))  # and their Februaries
DAYS_IN_MONTH = (31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def setup():
    timebase.manual()
    flashrig.reboot(1)


def teardown():
    simflash.unmount()


def _month_of(utc):
    """"2027-01" by counting days, not as the firmware does it."""
    day = utc // DAY - 20819  # days since 2027-01-01
    for year, february in YEARS:
        for n in range(12):
            length = february if n == 1 else DAYS_IN_MONTH[n]
            if day < length:
                return "%d-%02d" % (year, n + 1)
            day -= length
    raise ValueError


class Use:
    """Generated sessions, three a day, in the history and in a plain list."""

    def __init__(self, history, seed=1):
        self.history = history
        self.list = []
        self.month = {}  # what a month's sessions add up to: [count, import, export, charging]
        self.wh = 0
        random.seed(seed)

    def days(self, first, count, each=3):
        for day in range(first, first + count):
            for n in range(each):
                self.add((FIRST_DAY + day) * DAY + n * 7 * 3600 + random.randrange(7200))

    def add(self, start):
        session = Session(len(self.list) + 1, 1, "TAG%d" % (len(self.list) % 7), self.wh)
        session.start_utc = start
        session.charging_s = random.randrange(60, 14000)
        session.stop_utc = start + session.charging_s + random.randrange(600)
        self.wh += random.randrange(30000)
        session.stop_wh = self.wh
        session.export_wh = random.randrange(500)
        session.max_w = 7000
        session.stop_reason = "Local"
        self.history.add(session)
        self.list.append((session.stop_utc, session.import_wh, session.export_wh, session.charging_s, session.id_tag))
        sums = self.month.setdefault(_month_of(session.stop_utc), [0, 0, 0, 0])
        for n, value in enumerate((1, session.import_wh, session.export_wh, session.charging_s)):
            sums[n] += value
        return session

    def sums(self, wanted):
        """{"sessions", "import_wh", "export_wh", "charging_s"} over the entries for which wanted(end) is true."""
        chosen = [entry for entry in self.list if wanted(entry[0])]
        return {
            "sessions": len(chosen),
            "import_wh": sum(entry[1] for entry in chosen),
            "export_wh": sum(entry[2] for entry in chosen),
            "charging_s": sum(entry[3] for entry in chosen),
        }


def _history(max_bytes=131072):
    return History(flashrig.files(), max_bytes)


def _without(listed, *keys):
    return {key: value for key, value in listed.items() if key not in keys}


def _check_months(use, history, now):
    months = asyncio.run(history.months(now))
    equal(len(months), 13)
    equal(months[-1]["month"], _month_of(now))
    equal([m["month"] for m in months], sorted(m["month"] for m in months))
    for listed in months:
        name = listed["month"]
        sums = use.month.get(name, [0, 0, 0, 0])
        equal([listed[key] for key in ("sessions", "import_wh", "export_wh", "charging_s")], sums, name)
    return months


def _all_pages(history, limit=20):
    found, before = [], None
    while True:
        page, before = history.page(before, limit)
        true(len(page) <= limit)
        found += page
        if before is None:
            return found


def _shown_use(use, found):
    """The pages, newest first, against the list."""
    equal(len(found), len(use.list))
    for listed, entry in zip(found, reversed(use.list)):
        equal((listed["end"], listed["import_wh"], listed["export_wh"], listed["charging_s"], listed["id_tag"]), entry)


def _timed(what, function):
    start = time.ticks_us()
    result = function()
    print("%s: %d ms" % (what, time.ticks_diff(time.ticks_us(), start) // 1000))
    return result


def test_thirteen_months_three_a_day_all_three_views_uk18():
    device = flashrig.fresh(blocks=128)
    use = Use(_history())
    use.days(0, 396)
    now = (FIRST_DAY + 396) * DAY + 3600
    equal(_month_of(now), "2028-02")
    flashrig.restart(device)
    history = use.history = _timed("open", _history)
    equal(len(history), 3 * 396)
    _shown_use(use, _timed("each of 1188 uses", lambda: _all_pages(history)))
    _timed("one page of 20", history.page)
    _timed("13 months", lambda: _check_months(use, history, now))
    total = _timed("12 months", lambda: asyncio.run(history.year(now)))
    since = now - 365 * DAY
    equal(_without(total, "from", "exact"), use.sums(lambda end: since < end <= now))
    equal((total["from"], total["exact"]), (since, True))
    true(total["sessions"] > 1000)


def test_four_hundred_days_are_kept_and_the_oldest_go_in_order():
    device = flashrig.fresh(blocks=128)
    use = Use(_history())
    oldest = 1
    for start in range(0, 600, 60):
        use.days(start, 60)
        now = use.list[-1][0]
        ids = [listed["id"] for listed in _all_pages(use.history, 200)]
        equal(ids, list(range(len(use.list), ids[-1] - 1, -1)), "no gap, newest first")
        true(ids[-1] >= oldest)
        oldest = ids[-1]
        young = use.sums(lambda end, now=now: end > now - KEPT_DAYS * DAY)["sessions"]
        true(young <= len(ids) <= young + 3 * 25 + 3, "%d kept, %d are younger than 400 days" % (len(ids), young))
        _check_months(use, use.history, now)
    true(oldest > 500)
    flashrig.restart(device)
    _check_months(use, _history(), now)


def test_months_stay_right_when_a_busy_charger_fills_its_journal():
    device = flashrig.fresh(blocks=64)
    use = Use(_history(max_bytes=16384))
    for start in range(0, 400, 80):
        use.days(start, 80, 2)
        now = use.list[-1][0]
        _check_months(use, use.history, now)
    true(len(use.history) < 220)
    device = flashrig.restart(device)
    history = _history(max_bytes=16384)
    _check_months(use, history, now)
    total = asyncio.run(history.year(now))
    equal(total["exact"], False)
    first = _month_of(now - 365 * DAY)
    equal(_without(total, "from", "exact"), use.sums(lambda end: _month_of(end) >= first))


def test_local_time_decides_the_month():
    flashrig.fresh(blocks=32)
    history = _history(max_bytes=16384)
    use = Use(history)
    edge = (FIRST_DAY + 30) * DAY  # 2027-02-01T00:00Z
    equal(_month_of(edge), "2027-02")
    for start in range(edge - 8 * 3600, edge, 3600):
        use.add(start)
    for offset in (0, 3600, -5 * 3600, 10 * 3600):
        history.local = lambda utc, offset=offset: utc + offset
        sums = {m["month"]: m["sessions"] for m in asyncio.run(history.months(edge + 20 * DAY))}
        january = use.sums(lambda end, offset=offset: end + offset < edge)["sessions"]
        equal((sums["2027-01"], sums["2027-02"]), (january, 8 - january), str(offset))


def test_leap_day_and_new_year():
    flashrig.fresh(blocks=32)
    history = _history(max_bytes=16384)
    use = Use(history)
    for year, month, day in ((2027, 2, 27), (2027, 2, 28), (2027, 3, 1), (2027, 12, 31), (2028, 1, 1), (2028, 2, 29)):
        use.add(clock.utc_of(year, month, day, 1))
    now = clock.utc_of(2028, 2, 29, 23)
    _check_months(use, history, now)
    total = asyncio.run(history.year(now))
    equal(clock.iso(total["from"])[:19], "2027-02-28T23:00:00")
    equal(total["sessions"], 4)


def test_nothing_yet():
    flashrig.fresh(blocks=32)
    history = _history()
    equal(history.page(), ([], None))
    equal(asyncio.run(history.months()), [])
    equal(asyncio.run(history.year())["sessions"], 0)
    now = clock.utc_of(2027, 5, 1)
    equal([m["sessions"] for m in asyncio.run(history.months(now))], [0] * 13)


def test_without_a_clock_the_last_session_is_now():
    device = flashrig.fresh(blocks=32)
    use = Use(_history())
    use.days(0, 3)
    flashrig.restart(device)
    history = _history()
    equal(clock.utc_s(), None)
    equal(asyncio.run(history.months())[-1]["sessions"], 9)
    equal(asyncio.run(history.year())["sessions"], 9)


def test_views_let_others_run_and_stay_right_while_sessions_are_added():
    flashrig.fresh(blocks=64)
    use = Use(_history(max_bytes=16384))
    use.days(0, 60)
    before = len(use.list)
    done = []

    async def add():
        for day in range(60, 100):
            use.days(day, 1)
            await clock.sleep_ms(0)

    async def read_months():
        now = (FIRST_DAY + 100) * DAY
        months = await use.history.months(now)
        done.append(sum(m["sessions"] for m in months))

    async def both():
        await asyncio.gather(add(), read_months())

    asyncio.run(both())
    equal(len(use.list), before + 120)
    true(before <= done[0] <= before + 120, "%d of %d" % (done[0], before))
    _check_months(use, use.history, use.list[-1][0])


def test_sessions_without_a_date_take_the_one_before_and_are_counted_once():
    device = flashrig.fresh(blocks=32)
    use = Use(_history())
    use.days(0, 2)
    dated = use.list[-1][0]
    session = Session(50, 1, None, 0)
    session.stop_wh = 1000
    session.stop_reason = "PowerLoss"
    use.history.add(session)
    listed = use.history.page()[0][0]
    equal((listed["end"], listed["estimated"]), (dated, True))
    equal(asyncio.run(use.history.months(dated))[-1]["sessions"], 7)
    use.history.anchor(1, dated + 5 * DAY)
    listed = use.history.page()[0][0]
    near(listed["end"], dated + 5 * DAY + session.stop_uptime_ms // 1000, 1)
    equal(listed["estimated"], False)
    flashrig.restart(device)
    equal(_history().page()[0][0]["end"], listed["end"])


def test_only_the_newest_anchors_are_kept():
    device = flashrig.fresh(blocks=32)
    history = _history()
    for boot_id in range(1, 60):
        history.anchor(boot_id, 1000 * boot_id)
    history.anchor(59, 5)
    flashrig.restart(device)
    anchors = _history()._anchors
    equal((len(anchors), min(anchors), anchors[59]), (32, 28, 59000))


def test_erasing_everything_leaves_nothing():
    device = flashrig.fresh(blocks=64)
    use = Use(_history(max_bytes=16384))
    use.days(0, 100)
    use.history.erase()
    device = flashrig.restart(device)
    history = _history(max_bytes=16384)
    equal((len(history), history.page()), (0, ([], None)))
    equal(sum(m["sessions"] for m in asyncio.run(history.months(use.list[-1][0]))), 0)
    use = Use(history)
    use.days(100, 5)
    _check_months(use, history, use.list[-1][0])


def test_a_damaged_record_costs_only_its_own_segment():
    device = flashrig.fresh(blocks=64)
    use = Use(_history())
    use.days(0, 60)
    flashrig.damage("/flash/sessions/%d" % sorted(_segments())[1], 1000)
    flashrig.restart(device)
    found = _all_pages(_history())
    true(180 - 55 <= len(found) < 180, str(len(found)))
    known = {entry[:4] for entry in use.list}
    true(all((s["end"], s["import_wh"], s["export_wh"], s["charging_s"]) in known for s in found))


def _segments():
    import os

    return [int(entry[0]) for entry in os.ilistdir("/flash/sessions") if entry[0].isdigit()]
