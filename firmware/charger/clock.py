"""The one source of time: monotonic ticks, sleeping, uptime, and UTC once it is known.

UTC is unknown until it is set (RTC kept over a reset, NTP, the back end, an installer). Functions that must work without
it use ticks or uptime. Uptime and UTC belong to the asyncio loop: the control tick, which may run between any two byte
codes, uses only ticks_ms().
"""

import asyncio
import time

from micropython import const

from charger import version

try:
    from collections.abc import Callable
except ImportError:  # on the board: annotations are not evaluated there
    pass

_DAY_S = const(86400)
_LIFE_S = const(631152000)  # 20 years: no unit runs one build for longer

boot_id = 0  # number of this start-up, set once at start from flash

_last_tick = time.ticks_ms()
_up_s = 0
_up_ms = 0
_zero_s = None  # UTC seconds at uptime 0, None while unknown
_zero_ms = 0
_rtc = None
tls_has_time = False  # True on a host whose TLS reads another clock than this one, and a right one
_step_listeners = []

ticks_ms: Callable[[], int] = time.ticks_ms  # type: ignore[assignment] - the stubs keep ms and us apart
ticks_us: Callable[[], int] = time.ticks_us  # type: ignore[assignment]
ticks_diff: Callable[[int, int], int] = time.ticks_diff  # type: ignore[assignment]
ticks_add: Callable[[int, int], int] = time.ticks_add  # type: ignore[assignment]
sleep_ms = asyncio.sleep_ms


def elapsed_ms(since: int) -> int:
    """Return the milliseconds since a value of ticks_ms(); correct below 2^29 ms (6.2 days) on 32-bit boards."""
    return ticks_diff(ticks_ms(), since)


async def sleep_s(seconds: int) -> None:
    """Sleep for any number of seconds; in pieces, since ticks wrap."""
    while seconds > 3600:
        await asyncio.sleep_ms(3600000)
        seconds -= 3600
    await asyncio.sleep_ms(seconds * 1000)


def advance() -> None:
    """Update the uptime. Called by each reader and by housekeeping, since ticks wrap; never by the control tick."""
    global _last_tick, _up_s, _up_ms
    now = time.ticks_ms()
    _up_ms += time.ticks_diff(now, _last_tick)
    _last_tick = now
    while _up_ms >= 1000:
        _up_ms -= 1000
        _up_s += 1


def uptime_s() -> int:
    """Whole seconds since start-up."""
    advance()
    return _up_s


def uptime_ms() -> int:
    """Return milliseconds since start-up (a big integer after 12 days on 32-bit boards: not for the control tick)."""
    advance()
    return _up_s * 1000 + _up_ms


def utc_s() -> int | None:
    """Seconds since 1970-01-01 UTC, or None while the time is unknown."""
    now = utc_ms()
    return None if now is None else now[0]


def utc_ms() -> tuple | None:
    """(seconds since 1970, milliseconds), or None while the time is unknown."""
    if _zero_s is None:
        return None
    advance()
    ms = _zero_ms + _up_ms
    return _zero_s + _up_s + ms // 1000, ms % 1000


def attach_rtc(rtc: Any) -> None:
    """Use a machine.RTC: read its time if it was kept over the reset, and keep it set, since TLS reads that clock."""
    global _rtc
    _rtc = rtc
    year, month, day, _, hour, minute, second, _ = rtc.datetime()
    kept = _days(year, month, day) * _DAY_S + hour * 3600 + minute * 60 + second
    set_utc(kept, "rtc")


def plausible(seconds: int) -> bool:
    """True for a time between the build of this firmware and the end of its life (SEC-27)."""
    return version.BUILD_UTC_S <= seconds <= version.BUILD_UTC_S + _LIFE_S


def on_step(listener: Callable) -> None:
    """Register listener(old_s or None, new_s, source), called whenever set_utc() moves the time by over 10 s."""
    _step_listeners.append(listener)


def set_utc(seconds: int, source: str, millis: int = 0) -> bool:
    """Set UTC. Returns False, and changes nothing, for a time that is not plausible()."""
    global _zero_s, _zero_ms
    if not plausible(seconds):
        return False
    old = utc_s()
    advance()
    ms = millis - _up_ms
    _zero_s = seconds - _up_s + ms // 1000
    _zero_ms = ms % 1000
    if _rtc is not None and source != "rtc":
        days, rest = divmod(seconds, _DAY_S)
        year, month, day = _civil(days)
        _rtc.datetime((year, month, day, (days + 3) % 7, rest // 3600, rest // 60 % 60, rest % 60, 0))
    if old is None or abs(seconds - old) > 10:
        for listener in _step_listeners:
            listener(old, seconds, source)
    return True


def forget_utc() -> None:
    """Make UTC unknown again: its source has proved wrong."""
    global _zero_s
    _zero_s = None
    if _rtc is not None:
        _rtc.datetime((2000, 1, 1, 5, 0, 0, 0, 0))  # a restart must not restore it from the RTC


def utc_ms_at(up_ms: int) -> int | None:
    """Return utc_at_uptime() in milliseconds since 1970, for an uptime in milliseconds."""
    return None if _zero_s is None else _zero_s * 1000 + _zero_ms + up_ms


def utc_at_uptime(up_s: int) -> int | None:
    """Return the UTC seconds of an uptime of this start-up; None while the time is unknown (OCPP-44)."""
    return None if _zero_s is None else _zero_s + up_s


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the proleptic Gregorian calendar."""
    if month <= 2:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469


def _civil(days: int) -> tuple:
    """(year, month, day) of a day number since 1970-01-01."""
    days += 719468
    era, doe = divmod(days, 146097)
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (1 if month <= 2 else 0), month, doy - (153 * mp + 2) // 5 + 1


def civil(seconds: int) -> tuple:
    """(year, month, day, hour, minute, second, weekday with Monday 0) of UTC seconds since 1970."""
    days, rest = divmod(seconds, _DAY_S)
    year, month, day = _civil(days)
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60, (days + 3) % 7


def utc_of(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Seconds since 1970 of a UTC date and time."""
    return _days(year, month, day) * _DAY_S + hour * 3600 + minute * 60 + second


def iso(seconds: int, millis: int = 0) -> str:
    """Format UTC seconds for OCPP: 2026-01-31T23:59:59.000Z (SCH-6)."""
    year, month, day, hour, minute, second, _ = civil(seconds)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (year, month, day, hour, minute, second, millis)


def iso_ms(utc: int) -> str:
    """iso() of milliseconds since 1970."""
    return iso(utc // 1000, utc % 1000)


def now_iso() -> str:
    """Format the present UTC; while unknown, the build time plus uptime, which no real event can have."""
    now = utc_ms()
    if now is None:
        return iso(version.BUILD_UTC_S + uptime_s())
    return iso(now[0], now[1])


def _number(text: bytes, start: int, end: int, low: int, high: int) -> int:
    """Parse the decimal field text[start:end]; int() alone would accept signs, spaces and underscores."""
    value = 0
    for at in range(start, end):
        digit = text[at] - 48
        if not 0 <= digit <= 9:
            raise ValueError("not a time")
        value = value * 10 + digit
    if not low <= value <= high:
        raise ValueError("not a time")
    return value


def seconds_of(text: str | None) -> int | None:
    """UTC seconds of an RFC 3339 time, None for None; ValueError for other text."""
    return None if text is None else parse_iso(text)[0]


def parse_iso(text: str) -> tuple:
    """Parse an RFC 3339 time to (seconds since 1970, milliseconds); ValueError for other text.

    Accepts a fraction of 1 to 9 digits, Z or an offset, lower case t and z, a space for the T, and a leap second as :59. A
    missing zone means UTC (SCH-6).
    """
    if not isinstance(text, str) or not 19 <= len(text) <= 35:
        raise ValueError("not a time")
    data = text.encode()  # a slice of bytes is not interned, which would search all names
    if data[4] != 45 or data[7] != 45 or data[10] not in b"Tt " or data[13] != 58 or data[16] != 58:
        raise ValueError("not a time")
    year = _number(data, 0, 4, 1970, 9999)
    month = _number(data, 5, 7, 1, 12)
    day = _number(data, 8, 10, 1, 31)
    hour = _number(data, 11, 13, 0, 23)
    minute = _number(data, 14, 16, 0, 59)
    second = min(_number(data, 17, 19, 0, 60), 59)
    days = _days(year, month, day)
    if _civil(days) != (year, month, day):
        raise ValueError("no such day")
    end = _fraction_end(data)
    millis = _number(data[20:end] + b"00", 0, 3, 0, 999) if end > 19 else 0
    seconds = days * _DAY_S + hour * 3600 + minute * 60 + second - _offset_s(data[end:])
    return max(0, min(seconds, 253402300799)), millis  # an offset leads to no other year than iso() can write


def _fraction_end(data: bytes) -> int:
    """Return the offset behind the fraction of seconds in a time, which begins at 19 where there is one."""
    end = 19
    if data[19:20] == b".":
        end += 1
        while end < len(data) and 48 <= data[end] <= 57:
            end += 1
        if not 21 <= end <= 29:
            raise ValueError("not a time")
    return end


def _offset_s(zone: bytes) -> int:
    """Parse 'Z', '', '+hh:mm' or '-hhmm' to seconds east of UTC."""
    if zone in (b"", b"Z", b"z"):
        return 0
    digits = zone[1:].replace(b":", b"")
    if zone[0] not in b"+-" or len(digits) not in (2, 4):
        raise ValueError("not a time zone")
    seconds = _number(digits, 0, 2, 0, 23) * 3600
    if len(digits) == 4:
        seconds += _number(digits, 2, 4, 0, 59) * 60
    return seconds if zone[0] == 43 else -seconds
