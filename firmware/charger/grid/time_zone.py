"""Local time from a POSIX TZ string: the rule of daylight saving time is data (UK-5).

A zone is "GMT0BST,M3.5.0/1,M10.5.0": standard name and offset, and where there is daylight saving time its name, perhaps
its offset, and the local times at which it begins and ends. Dates are of the form Mm.w.d only.
"""

from micropython import const

from charger import clock

_HOUR_S = const(3600)
_DAY_S = const(86400)


class TimeZone:
    """ValueError for text that is not such a rule."""

    def __init__(self, text: str) -> None:
        self.text = text
        names, *dates = text.split(",")
        rest = _after_name(names)
        west_s, rest = _time(rest)
        self._standard_s = -west_s
        self._summer_s = self._standard_s
        self._begin = self._end = None
        if rest:
            rest = _after_name(rest)
            self._summer_s += _HOUR_S
            if rest:
                west_s, rest = _time(rest)
                self._summer_s = -west_s
            if rest or len(dates) != 2:
                raise ValueError("not a time zone")
            self._begin = _date(dates[0])
            self._end = _date(dates[1])
        elif dates:
            raise ValueError("not a time zone")
        self._from = self._until = 0  # the span in which `_offset_s` holds
        self._offset_s = self._standard_s

    def offset_s(self, utc: int) -> int:
        """Seconds that local time is ahead of UTC."""
        if not self._from <= utc < self._until:
            self._find(utc)
        return self._offset_s

    def next_change(self, utc: int) -> int:
        """UTC seconds at which the offset may change next; half a year ahead where it never does."""
        if not self._from <= utc < self._until:
            self._find(utc)
        return self._until

    def _find(self, utc: int) -> None:
        """Set the span around a moment and its offset."""
        if self._begin is None or self._end is None:
            self._from, self._until = utc, utc + 183 * _DAY_S
            return
        year = clock.civil(utc + self._standard_s)[0]
        last, following, offset_s = None, None, self._standard_s
        for candidate in (year - 1, year, year + 1):
            for rule, before_s, after_s in (
                (self._begin, self._standard_s, self._summer_s), (self._end, self._summer_s, self._standard_s),
            ):  # fmt: skip
                moment = _moment(rule, candidate) - before_s
                if moment <= utc and (last is None or moment > last):
                    last, offset_s = moment, after_s
                elif moment > utc and (following is None or moment < following):
                    following = moment
        self._from = utc if last is None else last
        self._until = utc if following is None else following
        self._offset_s = offset_s


def _after_name(text: str) -> str:
    """The text behind the name of a zone: the name is letters, or anything in angle brackets."""
    if text.startswith("<"):
        end = text.find(">") + 1
    else:
        end = 0
        while end < len(text) and text[end].isalpha():
            end += 1
    if end < 3:
        raise ValueError("not a time zone")
    return text[end:]


def _time(text: str) -> tuple:
    """(seconds, rest of the text) of [+-]h[h[h]][:mm[:ss]]."""
    sign = -1 if text.startswith("-") else 1
    at = 1 if text[:1] in ("+", "-") else 0
    seconds = 0
    for unit in (_HOUR_S, 60, 1):
        start = at
        while at < len(text) and text[at].isdigit():
            at += 1
        if not 1 <= at - start <= 3:
            raise ValueError("not a time zone")
        seconds += int(text[start:at]) * unit
        if text[at : at + 1] != ":" or unit == 1:
            break
        at += 1
    return sign * seconds, text[at:]


def _date(text: str) -> tuple:
    """(month, week, weekday with Sunday 0, seconds of the day) of Mm.w.d[/time]."""
    day, slash, time = text.partition("/")
    parts = day[1:].split(".")
    if day[:1] != "M" or len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise ValueError("not a time zone")
    month, week, weekday = int(parts[0]), int(parts[1]), int(parts[2])
    seconds, rest = _time(time) if slash else (2 * _HOUR_S, "")
    if rest or not (1 <= month <= 12 and 1 <= week <= 5 and weekday <= 6):
        raise ValueError("not a time zone")
    return month, week, weekday, seconds


def _moment(rule: tuple, year: int) -> int:
    """When a date of a rule is in a year, in local seconds."""
    month, week, weekday, seconds = rule
    first = clock.utc_of(year, month, 1)
    day = first + ((weekday - (clock.civil(first)[6] + 1)) % 7 + (week - 1) * 7) * _DAY_S
    end = clock.utc_of(year + month // 12, month % 12 + 1, 1)
    while day >= end:  # week 5 is the last one of the month
        day -= 7 * _DAY_S
    return day + seconds
