"""`time` of the simulated board, in front of the built-in module (which stays reachable as `utime`).

As on the ESP32 the epoch is 2000 and time() is an integer. Everything but ticks_us(), ticks_cpu() and clock() follows
the simulator's time scale; those two do with --pace.
"""

import utime

# What timebase imports comes first: 32-bit MicroPython has little stack for nested imports.
from sim import hardware_times, pace, soft_irq, timebase  # noqa: F401

EPOCH_S = 946684800  # 2000-01-01 in seconds since 1970

ticks_ms = timebase.ticks_ms
ticks_us = timebase.ticks_us
ticks_cpu = timebase.ticks_us
ticks_add = utime.ticks_add
ticks_diff = utime.ticks_diff
clock = utime.clock
sleep_ms = timebase.sleep_ms
sleep_us = timebase.sleep_us


def _rtc():
    """Imported when needed: 32-bit MicroPython has little stack for nested imports, and everything imports time."""
    from sim import rtc

    return rtc


def sleep(seconds):
    """Hold everything up for seconds, which may be a fraction."""
    timebase.sleep_ms(int(seconds * 1000))


def time():
    """Seconds since 2000-01-01 of the board's clock."""
    return _rtc().now()[0]


def time_ns():
    """Nanoseconds since 2000-01-01 of the board's clock."""
    seconds, millis = _rtc().now()
    return (seconds * 1000 + millis) * 1000000


def gmtime(seconds=None):
    """(year, month, day, hour, minute, second, weekday, day of year) of seconds since 2000."""
    if seconds is None:
        seconds = time()
    return utime.gmtime(int(seconds) + EPOCH_S)[:8]


localtime = gmtime


def _is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def mktime(parts):
    """Seconds since 2000 of a tuple as gmtime() gives it."""
    days = 0
    year, month = parts[0], parts[1]
    for n in range(2000, year):
        days += 366 if _is_leap(n) else 365
    for n in range(month - 1):
        days += (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30)[n]
    if month > 2 and _is_leap(year):
        days += 1
    return (days + parts[2] - 1) * 86400 + parts[3] * 3600 + parts[4] * 60 + parts[5]
