"""POSIX time zones and weekly windows (UK-5, UK-24)."""

from check import equal, raises, true

from charger import clock
from charger.grid.time_zone import TimeZone
from charger.grid.weekly import WeeklyWindows, minute_of_week

WORDS = (64, 32)

GB = "GMT0BST,M3.5.0/1,M10.5.0"


def test_the_offset_changes_at_the_second_in_both_directions_uk5():
    zone = TimeZone(GB)
    for date, before, after in (((2026, 3, 29, 1), 0, 3600), ((2026, 10, 25, 1), 3600, 0)):
        change = clock.utc_of(*date)
        equal(zone.offset_s(change - 1), before)
        equal(zone.next_change(change - 1), change)
        equal(zone.offset_s(change), after)
        equal(zone.offset_s(change - 1), before, "back in time")


def test_south_of_the_equator_and_without_daylight_saving_time():
    zone = TimeZone("AEST-10AEDT,M10.1.0,M4.1.0/3")
    equal([zone.offset_s(clock.utc_of(2026, month, 15)) // 3600 for month in (1, 3, 5, 7, 11, 12)], [11, 11, 10, 10, 11, 11])
    equal(TimeZone("<+0545>-5:45").offset_s(0), 5 * 3600 + 45 * 60)
    equal(TimeZone("UTC0").offset_s(clock.utc_of(2026, 7, 1)), 0)


def test_text_that_is_no_rule_is_refused():
    for text in ("", "GMT", "G0", "GMT0BST", "GMT0BST,M3.5.0", "GMT0BST,M13.5.0,M10.5.0", "GMT0BST,J60,J300",
                 "GMT0BST,M3.6.0,M10.5.0", "GMT0,M3.5.0,M10.5.0", "GMT0BST,M3.5.0/x,M10.5.0", "<GMT0"):  # fmt: skip
        raises(ValueError, TimeZone, text)


def test_windows_of_the_week():
    windows = WeeklyWindows("1-5 22:00-06:00;7 12:00-12:30")
    day = 1440
    for minute, inside in ((0, False), (22 * 60, True), (day + 359, True), (day + 360, False), (5 * day + 359, True),
                           (5 * day + 360, False), (6 * day + 725, True), (6 * day + 750, False)):  # fmt: skip
        equal(windows.contains(minute), inside, minute)
    equal(windows.next_edge(0), 22 * 60)
    equal(windows.next_edge(22 * 60), 480)
    equal(windows.next_edge(6 * day + 750), day - 750 + 22 * 60)
    true(WeeklyWindows("7 22:00-08:00").contains(60), "over the end of the week")
    equal(minute_of_week(clock.utc_of(2026, 9, 21, 14, 13)), 14 * 60 + 13, "a Monday")
    for text in ("1-5", "8 00:00-01:00", "5-1 00:00-01:00", "1 24:00-01:00", "1 00:00-25:00", "1 0:00-01:00", "12 00:00-01:00",
                 "1 00:60-01:00", " ", "1-5 22:00-06:00;"):  # fmt: skip
        raises(ValueError, WeeklyWindows, text)
