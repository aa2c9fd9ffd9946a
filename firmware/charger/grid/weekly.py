"""Windows of the week in local time: "1-5 22:00-24:00;6-7 00:00-24:00", the days from Monday 1 to Sunday 7.

A window whose end is not after its start goes on into the next day. "" has no window.
"""

from micropython import const

_DAY = const(1440)
_WEEK = const(10080)
_MOST = const(28)


class WeeklyWindows:
    """ValueError for text that is not a list of windows. `text` is what it was made from."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._spans = []  # (first minute of the week, length in minutes)
        for part in text.encode().split(b";") if text else ():  # bytes: each str would be searched among all names
            days, space, hours = part.strip().partition(b" ")
            start, dash, end = hours.strip().partition(b"-")
            first, _, last = days.partition(b"-")
            last = last or first
            if not space or not dash or not (first in b"1234567" and last in b"1234567" and len(first) == len(last) == 1):
                raise ValueError("not a list of windows")
            begin, stop = minutes(start), minutes(end)
            if begin == _DAY or int(last) < int(first):
                raise ValueError("not a list of windows")
            for day in range(int(first) - 1, int(last)):
                self._spans.append((day * _DAY + begin, stop - begin if stop > begin else stop - begin + _DAY))
        if len(self._spans) > _MOST:
            raise ValueError("too many windows")

    def contains(self, minute: int) -> bool:
        """Whether a minute of the week is in a window."""
        for start, length in self._spans:
            if (minute - start) % _WEEK < length:
                return True
        return False

    def next_edge(self, minute: int) -> int:
        """Minutes from the start of a minute of the week to the next start or end of a window; a week at the most."""
        nearest = _WEEK
        for start, length in self._spans:
            for edge in (start, start + length):
                ahead = (edge - minute) % _WEEK
                if 0 < ahead < nearest:
                    nearest = ahead
        return nearest


def minutes(text: bytes) -> int:
    """Minutes of the day of b"hh:mm", up to 24:00. ValueError for other text."""
    hour, colon, minute = text.partition(b":")
    if not colon or len(hour) != 2 or len(minute) != 2 or not (hour.isdigit() and minute.isdigit()):
        raise ValueError("not a time of day")
    value = int(hour) * 60 + int(minute)
    if int(minute) > 59 or value > _DAY:
        raise ValueError("not a time of day")
    return value


def minute_of_week(local_s: int) -> int:
    """The minute of the week, from Monday 00:00, of local seconds since 1970."""
    return (local_s // 60 + 3 * _DAY) % _WEEK
