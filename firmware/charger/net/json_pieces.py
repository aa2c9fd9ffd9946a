"""Messages of more than 4 KiB: the longest list or string is parsed piece by piece. Imported with the first of them.

json.loads() of 16 KiB in one call takes an ESP32 50 ms: a string takes it four times as long for twice the length.
"""

import json

from micropython import const

from charger import clock
from charger.net.json_scan import skip_space, string_end, unit_at
from charger.net.strict_json import keys_of

_BREATH = const(4)  # items parsed between two yields to the loop
_PART = const(512)  # bytes of a long string that are decoded at once
_ESCAPES_A_SLICE = const(32)
_QUOTE = const(34)
_COMMA = const(44)
_BACKSLASH = const(92)
_END = const(93)  # of a list


async def join_pairs(buf: bytearray, end: int) -> int:
    r"""Replace each pair of surrogate escapes in place by its character; return the new end of the text.

    json.loads() would decode \ud83d\ude00 to two characters that are not valid UTF-8.
    """
    to = at = turn = 0
    view = memoryview(buf)  # assignment to a slice moves all behind it, so to a view of its own
    while True:
        turn += 1
        if turn % _ESCAPES_A_SLICE == 0:
            await clock.sleep_ms(0)
        found = buf.find(b"\\", at, end)
        stop = end if found < 0 else found
        view[to : to + stop - at][:] = view[at:stop]
        to += stop - at
        if found < 0:
            return to
        unit = unit_at(buf, found, end) if buf[found + 1] == 117 else 0
        if 0xD800 <= unit <= 0xDBFF:
            low = unit_at(buf, found + 6, end)
            char = chr(0x10000 + ((unit & 0x3FF) << 10) + (low & 0x3FF)).encode()
            at = found + 12
        else:
            char = bytes(buf[found : found + 2])
            at = found + 2
        view[to : to + len(char)][:] = char
        to += len(char)


class Items(list):
    """A long list of the payload that is parsed one item at a time, to limit the heap in use.

    It supports repeated iteration, len() and truth, nothing else of a list.
    """

    def __init__(self, buf: bytearray, start: int):
        super().__init__()
        self._buf = buf
        self._start = start
        self.size = 0  # of its items, counted when the message is parsed

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return self.size > 0

    def __iter__(self) -> Iterator:
        """Iterate the items; fields of objects that are null are left out (SCH-7)."""
        for item in self.as_they_came():
            if isinstance(item, dict):
                _drop_nulls(item)
            yield item

    def as_they_came(self) -> Iterator:
        """Iterate the items with all fields, null included. The text was scanned already."""
        buf = self._buf
        at = skip_space(buf, self._start + 1)
        while buf[at] != _END:
            end = _end_of(buf, at)
            yield json.loads(memoryview(buf)[at:end])  # type: ignore[arg] - takes any buffer
            at = skip_space(buf, end)
            if buf[at] == _COMMA:
                at = skip_space(buf, at + 1)


def _end_of(buf: bytearray, at: int) -> int:
    """Return the offset behind the value that begins at `at`, in a list that was scanned already."""
    depth = 0
    while True:
        c = buf[at]
        if c == _QUOTE:
            at = string_end(buf, at, len(buf))
        elif depth == 0 and (c in b",]" or c <= 32):
            return at  # the end of a number or a word
        else:
            at += 1
            if c in b"[{":
                depth += 1
            elif c in b"]}":
                depth -= 1
        if depth == 0 and c in b'"]}':
            return at


def _drop_nulls(value: dict) -> None:
    """Remove null fields from an object and its nested objects."""
    for name in [name for name in value if value[name] is None or isinstance(value[name], dict)]:
        if value[name] is None:
            del value[name]
        else:
            _drop_nulls(value[name])


def _put(value: dict, long: Any) -> None:
    """Put what is long in the place of NUL, which no message has: it is in no list, as that one would be longer."""
    for name in value:
        if value[name] == "\0":
            value[name] = long
        elif isinstance(value[name], dict):
            _put(value[name], long)


def _cut(buf: bytearray, at: int, cut: int) -> int:
    """Return the last offset up to `cut` at which neither an escape nor a character is cut; a part of a string begins at `at`."""
    while buf[cut] & 0xC0 == 0x80:
        cut -= 1
    back = cut - 1
    while back > cut - 6 and buf[back] != _BACKSLASH:
        back -= 1
    first = back
    while first >= at and buf[first] == _BACKSLASH:
        first -= 1
    return back if (back - first) & 1 else cut  # an odd number: the last one begins an escape


async def _long_string(buf: bytearray, start: int, stop: int) -> str:
    """Return the string whose quotes are at start and stop - 1, decoded in place part by part.

    json.loads() takes four times as long for twice the length.
    """
    to = at = start = start + 1
    stop -= 1
    view = memoryview(buf)
    while at < stop:
        cut = stop if stop - at <= _PART else _cut(buf, at, at + _PART)
        part = json.loads(b'"' + view[at:cut] + b'"').encode()
        view[to : to + len(part)][:] = part
        to += len(part)
        at = cut
        await clock.sleep_ms(0)
    return str(view[start:to], "utf-8")


async def parse(buf: bytearray, end: int, start: int, stop: int) -> tuple:
    """Return (value, number of keys) of buf[:end]; the list or string from `start` to `stop` is parsed piece by piece."""
    view = memoryview(buf)
    value = json.loads(bytes(view[:start]) + b'"\\u0000"' + view[stop:end])
    await clock.sleep_ms(0)
    keys = await keys_of(value)
    if buf[start] == _QUOTE:
        long = await _long_string(buf, start, stop)
    else:
        long = Items(buf, start)
        for item in long.as_they_came():
            keys += await keys_of(item)
            long.size += 1
            if long.size % _BREATH == 0:
                await clock.sleep_ms(0)
    for index, part in enumerate(value):
        if isinstance(part, dict):
            _put(part, long)
        elif part == "\0":
            value[index] = long
    return value, keys
