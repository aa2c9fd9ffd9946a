"""The clock: uptime over the wrap of ticks, UTC and the real-time clock, steps, the calendar, times as OCPP writes them."""

import sys
import time

from check import equal, raises, true

from charger import clock, version
from sim import timebase

WORDS = (64, 32)

NOW = version.BUILD_UTC_S + 20000000
LIFE_S = 20 * 365 * 86400 + 5 * 86400
DAY_MS = 86400000


class Rtc:
    """A machine.RTC that remembers what it was set to."""

    def __init__(self, *at):
        self.at = at

    def datetime(self, value=None):
        if value is not None:
            self.at = value
        return self.at


def setup():
    timebase.manual()
    clock._rtc = None
    clock._step_listeners.clear()
    clock.forget_utc()


teardown = setup


def test_elapsed_time_is_that_of_the_ticks():
    begin = clock.ticks_ms()
    timebase.advance(1234)
    equal(clock.elapsed_ms(begin), 1234)


def test_uptime_counts_whole_seconds_and_the_rest():
    timebase.advance(1000 - clock.uptime_ms() % 1000)
    begin_s, begin_ms = clock.uptime_s(), clock.uptime_ms()
    equal(begin_ms, begin_s * 1000)
    timebase.advance(999)
    equal((clock.uptime_s(), clock.uptime_ms()), (begin_s, begin_ms + 999))
    timebase.advance(1)
    equal((clock.uptime_s(), clock.uptime_ms()), (begin_s + 1, begin_ms + 1000))
    timebase.advance(86400001)
    equal((clock.uptime_ms(), clock.uptime_s()), (begin_ms + 86401001, begin_s + 86401))


async def test_a_sleep_of_hours_and_days_lasts_as_long_as_it_says():
    for seconds in (0, 1, 3600, 3601, 2 * 86400):
        begin = clock.uptime_s()
        await clock.sleep_s(seconds)
        equal(clock.uptime_s() - begin, seconds)


def test_utc_is_unknown_until_it_is_set_and_again_when_it_is_forgotten():
    unknown = (clock.utc_s(), clock.utc_ms(), clock.utc_ms_at(5), clock.utc_at_uptime(5))
    equal(unknown, (None, None, None, None))
    true(clock.set_utc(NOW, "test"))
    equal(clock.utc_s(), NOW)
    clock.forget_utc()
    equal((clock.utc_s(), clock.utc_ms(), clock.utc_ms_at(5), clock.utc_at_uptime(5)), unknown)


def test_utc_runs_on_with_its_milliseconds():
    timebase.advance(337)  # of an uptime that is no whole second
    clock.set_utc(NOW, "test", 800)
    equal(clock.utc_ms(), (NOW, 800))
    timebase.advance(199)
    equal(clock.utc_ms(), (NOW, 999))
    timebase.advance(1)
    equal((clock.utc_ms(), clock.utc_s()), ((NOW + 1, 0), NOW + 1))
    timebase.advance(3600500)
    equal(clock.utc_ms(), (NOW + 3601, 500))


def test_a_moment_of_this_start_up_has_its_utc():
    timebase.advance(1000 - clock.uptime_ms() % 1000)
    at_s, at_ms = clock.uptime_s(), clock.uptime_ms()
    timebase.advance(5250)
    clock.set_utc(NOW, "test", 250)
    equal(clock.utc_at_uptime(at_s), NOW - 5)
    equal(clock.utc_ms_at(at_ms), (NOW - 5) * 1000)
    equal(clock.utc_ms_at(at_ms + 250), (NOW - 5) * 1000 + 250)


def test_only_a_time_between_the_build_and_the_end_of_the_units_life_is_taken():
    first, last = version.BUILD_UTC_S, version.BUILD_UTC_S + LIFE_S
    for seconds, taken in ((first - 1, False), (first, True), (last, True), (last + 1, False), (0, False), (-1, False)):
        clock.forget_utc()
        equal((clock.plausible(seconds), clock.set_utc(seconds, "test")), (taken, taken), seconds)
        equal(clock.utc_s(), seconds if taken else None)
    clock.set_utc(NOW, "test")
    clock.set_utc(last + 1, "test")
    equal(clock.utc_s(), NOW)


def test_a_step_of_more_than_ten_seconds_is_told_to_every_listener():
    heard = []
    clock.on_step(lambda *step: heard.append(("first", step)))
    clock.on_step(lambda *step: heard.append(("second", step)))
    for seconds, source, told in ((NOW, "sntp", None), (NOW + 10, "ocpp", False), (NOW, "ocpp", False),
                                  (NOW + 11, "ocpp", NOW), (NOW, "owner", NOW + 11), (0, "owner", False)):
        heard.clear()
        clock.set_utc(seconds, source)
        wanted = [] if told is False else [(name, (told, seconds, source)) for name in ("first", "second")]
        equal(heard, wanted, seconds - NOW)


def test_the_real_time_clock_is_read_at_the_start_and_left_as_it_is():
    heard = []
    clock.on_step(lambda *step: heard.append(step))
    kept = (2027, 3, 14, 6, 15, 9, 26, 0)
    rtc = Rtc(*kept)
    clock.attach_rtc(rtc)
    equal(clock.utc_s(), clock.utc_of(2027, 3, 14, 15, 9, 26))
    equal((heard, rtc.at), ([(None, clock.utc_s(), "rtc")], kept))


def test_the_real_time_clock_is_set_with_every_time_that_is_taken():
    rtc = Rtc(2000, 1, 1, 5, 0, 0, 0, 0)
    clock.attach_rtc(rtc)
    equal((clock.utc_s(), rtc.at[0]), (None, 2000))
    clock.set_utc(clock.utc_of(2028, 2, 29, 23, 59, 58), "ocpp")
    equal(rtc.at, (2028, 2, 29, 1, 23, 59, 58, 0))  # a Tuesday, with Monday 0
    clock.set_utc(clock.utc_of(2099, 2, 28), "ocpp")
    equal(rtc.at, (2028, 2, 29, 1, 23, 59, 58, 0), "what is not plausible sets nothing")
    clock.forget_utc()
    true(not clock.plausible(clock.utc_of(*rtc.at[:3])), "a restart reads it as unknown")


# date, and its day number from 1970-01-01
DAYS = (((1970, 1, 1), 0), ((1969, 12, 31), -1), ((2000, 2, 28), 11015), ((2000, 2, 29), 11016), ((2000, 3, 1), 11017),
        ((2026, 12, 31), 20818), ((2027, 1, 1), 20819), ((2028, 2, 29), 21243), ((2099, 12, 31), 47481),
        ((2100, 2, 28), 47540), ((2100, 3, 1), 47541), ((9999, 12, 31), 2932896))  # fmt: skip


def test_the_calendar_has_leap_years_and_centuries():
    for date, day in DAYS:
        equal(clock.utc_of(*date), day * 86400, date)
        equal(clock.civil(day * 86400 + 86399), date + (23, 59, 59, (day + 3) % 7), date)  # noqa: RUF005 - MicroPython
    equal(clock.utc_of(1970, 1, 2, 3, 4, 5), 86400 + 3 * 3600 + 4 * 60 + 5)


def test_each_day_of_four_years_follows_the_one_before():
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    day = clock.utc_of(2027, 1, 1) // 86400
    for year in range(2027, 2031):
        for month in range(1, 13):
            for number in range(1, lengths[month - 1] + (month == 2 and year == 2028) + 1):
                equal((clock.civil(day * 86400)[:3], clock.utc_of(year, month, number)), ((year, month, number), day * 86400))
                day += 1


def test_times_are_written_as_ocpp_reads_them():
    equal(clock.iso(clock.utc_of(2026, 1, 31, 23, 59, 59)), "2026-01-31T23:59:59.000Z")
    equal(clock.iso(0, 7), "1970-01-01T00:00:00.007Z")
    equal(clock.iso_ms(clock.utc_of(2026, 9, 1, 4, 3, 2) * 1000 + 45), "2026-09-01T04:03:02.045Z")


def test_the_present_while_it_is_unknown_is_the_build_and_the_uptime():
    timebase.advance(90500)
    equal(clock.now_iso(), clock.iso(version.BUILD_UTC_S + clock.uptime_s()))
    clock.set_utc(NOW, "test", 120)
    equal(clock.now_iso(), clock.iso(NOW, 120))


def test_the_form_of_a_time_with_and_without_a_fraction():
    seconds = clock.utc_of(2026, 9, 21, 14, 13, 20)
    for fraction, millis in (("", 0), (".1", 100), (".123", 123), (".123456789", 123)):
        equal(clock.parse_iso("2026-09-21T14:13:20%sZ" % fraction), (seconds, millis), fraction)
    for bad in (".", ".1234567890", ".1x", ",5"):
        raises(ValueError, clock.parse_iso, "2026-09-21T14:13:20%sZ" % bad)


def test_a_time_with_its_zone_is_utc():
    seconds = clock.utc_of(2026, 9, 21, 14, 13, 20)
    for zone, east in (("", 0), ("Z", 0), ("z", 0), ("+00:00", 0), ("+02:00", 7200), ("-05:30", -19800), ("+0545", 20700),
                       ("-08", -28800), ("+23:59", 86340)):  # fmt: skip
        equal(clock.parse_iso("2026-09-21T14:13:20" + zone), (seconds - east, 0), zone)
        equal(clock.seconds_of("2026-09-21 14:13:20.5" + zone), seconds - east, zone)
    for zone in ("+", "+1", "+123", "+12345", "+24:00", "+00:60", "*02:00", "+0x:00", "+02:0x", "ZZ", "UTC", " 0200", "+-1:00"):
        raises(ValueError, clock.parse_iso, "2026-09-21T14:13:20" + zone)


def test_letters_and_a_leap_second_are_taken_as_rfc_3339_allows_them():
    wanted = (clock.utc_of(2016, 12, 31, 23, 59, 59), 0)
    for text in ("2016-12-31T23:59:60Z", "2016-12-31t23:59:59z", "2016-12-31 23:59:59Z"):
        equal(clock.parse_iso(text), wanted, text)
    equal((clock.seconds_of(None), clock.seconds_of("1970-01-02T00:00:00Z")), (None, 86400))


def test_what_is_no_time_is_refused():
    good = "2028-02-29T14:13:20Z"
    true(clock.parse_iso(good))
    for bad in ("", "2028", good[:18], good + "0" * 16, None, 1843445600, good.encode(), "2028-02-29_14:13:20Z",
                "2028:02-29T14:13:20Z", "2028-02:29T14:13:20Z", "2028-02-29T14-13:20Z", "2028-02-29T14:13-20Z",
                "1969-12-31T23:59:59Z", "2028-00-29T14:13:20Z", "2028-13-29T14:13:20Z", "2028-02-00T14:13:20Z",
                "2028-02-32T14:13:20Z", "2028-02-30T14:13:20Z", "2027-02-29T14:13:20Z", "2028-04-31T14:13:20Z",
                "2028-02-29T24:13:20Z", "2028-02-29T14:60:20Z", "2028-02-29T14:13:61Z", "+028-02-29T14:13:20Z",
                "2028-+2-29T14:13:20Z", "2028- 2-29T14:13:20Z", "2028-02-2_T14:13:20Z", "2028-02-29T1x:13:20Z",
                "2028-02-29T14:1 :20Z", "2028-02-1;T14:13:20Z", "2028-02-2/T14:13:20Z", "2028-02-29T14:13:-1Z",
                "\uff12028-02-29T14:13:20Z"):  # fmt: skip
        raises(ValueError, clock.parse_iso, bad)


def test_an_offset_leads_to_no_year_that_cannot_be_written():
    equal(clock.parse_iso("1970-01-01T00:00:00+05:00"), (0, 0))
    equal(clock.parse_iso("9999-12-31T23:59:59-05:00"), (253402300799, 0))


def test_uptime_and_utc_go_on_where_ticks_wrap():
    # last of all: asyncio starts no task at once any more when simulated time is days ahead of real time
    clock.set_utc(NOW, "test")
    begin = clock.uptime_ms()
    wraps, before = 0, time.ticks_ms()
    for _ in range(30):
        timebase.advance(DAY_MS)
        clock.advance()
        wraps += time.ticks_ms() < before
        before = time.ticks_ms()
    true(wraps or sys.maxsize > 1 << 31, "ticks of 30 bits wrap within 30 days")
    equal((clock.uptime_ms() - begin, clock.utc_s()), (30 * DAY_MS, NOW + 30 * 86400))
