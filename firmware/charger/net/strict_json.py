"""Strict parsing of JSON from the network: a check of the text, then MicroPython's parser, which is too lenient alone.

json.loads() accepts `[1 2`, `{"a" 1:}` and `[1}`, recurses without a bound, keeps the last
of two equal keys, and makes strings of lone surrogates and NUL (SCH-16). The check (net/json_scan.py) is a scan without
recursion that yields to the loop; strings, which are most of a message, are skipped by a C function.
"""

import json

from micropython import const

from charger import clock
from charger.errors import UnacceptableJsonError
from charger.net.json_scan import JsonScan, skip_space, string_end, unit_at
from charger.runtime import memory

_LARGE = const(2048)  # bytes; smaller messages never fill the heap
_OWN = const(4096)  # bytes; the buffer of a larger message is not used for the next one (net/websocket.py)
_BREATH = const(8)  # items parsed between two yields to the loop
_ESCAPES_A_SLICE = const(32)
_ITEMS_A_SLICE = const(256)
_QUOTE = const(34)


async def _join_pairs(buf: bytearray, end: int) -> int:
    r"""Replace each pair of surrogate escapes in place by its character; return the new end of the text.

    json.loads() would decode \ud83d\ude00 to two characters that are not valid UTF-8.
    """
    to = at = turn = 0
    while True:
        turn += 1
        if turn % _ESCAPES_A_SLICE == 0:
            await clock.sleep_ms(0)
        found = buf.find(b"\\", at, end)
        stop = end if found < 0 else found
        buf[to : to + stop - at] = buf[at:stop]
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
        buf[to : to + len(char)] = char
        to += len(char)


async def _keys_of(value: Any) -> int:
    """Count the keys in all objects of a parsed value, where equal keys are merged. UnacceptableJsonError: infinite numbers."""
    count = turn = 0
    waiting = [(value,)]
    while waiting:
        for item in waiting.pop():
            kind = type(item)
            if kind is dict:
                count += len(item)
                waiting.append(item.values())
            elif kind is list:
                waiting.append(item)
            elif kind is float and item - item != 0:
                raise UnacceptableJsonError("number too big")
            turn += 1
            if turn % _ITEMS_A_SLICE == 0:
                await clock.sleep_ms(0)
    return count


class Items(list):
    """A long list of objects that is parsed one object at a time, to limit the heap in use.

    It supports repeated iteration and len(), nothing else of a list.
    """

    def __init__(self, buf: bytearray, start: int, count: int):
        super().__init__()
        self._buf = buf
        self._start = start
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator:
        """Iterate the objects without fields that are null (SCH-7)."""
        for item in self.as_they_came():
            _drop_nulls(item)
            yield item

    def as_they_came(self) -> Iterator:
        """Iterate the objects with all fields, null included."""
        at = self._start
        for _ in range(self._count):
            at = skip_space(self._buf, at + 1)
            end = self._end_of(at)
            yield json.loads(memoryview(self._buf)[at:end])  # type: ignore[arg] - takes any buffer
            at = skip_space(self._buf, end)  # a comma or the list's end

    def _end_of(self, at: int) -> int:
        """Return the offset behind the object that begins at `at`, in text that was scanned already."""
        depth = 0
        while True:
            c = self._buf[at]
            if c == _QUOTE:
                at = string_end(self._buf, at, len(self._buf))
                continue
            at += 1
            if c in b"[{":
                depth += 1
            elif c in b"]}":
                depth -= 1
                if not depth:
                    return at


def _drop_nulls(value: dict) -> None:
    """Remove null fields from an object and its nested objects."""
    for name in [name for name in value if value[name] is None or isinstance(value[name], dict)]:
        if value[name] is None:
            del value[name]
        else:
            _drop_nulls(value[name])


async def _without(buf: bytearray, end: int, scan: JsonScan) -> bytes:
    """Return the text without white space, with its longest list replaced by a string that no message can contain."""
    start, stop, _ = scan.long  # type: ignore[misc]
    text = bytearray()
    at = 0
    while at < end:
        if at == start:
            text.extend(b'"\\u0000"')
            at = stop
        elif buf[at] == _QUOTE:
            after = string_end(buf, at, end)
            text.extend(memoryview(buf)[at:after])
            at = after
        else:
            if buf[at] > 32:
                text.append(buf[at])
            at += 1
            if not at & 0x1FF:
                await clock.sleep_ms(0)
    return text  # type: ignore[return]


async def _parse_large(buf: bytearray, end: int, scan: JsonScan) -> tuple:
    """Return (value, number of keys); the longest list is parsed item by item."""
    value = json.loads(await _without(buf, end, scan))
    keys = await _keys_of(value)
    items = Items(buf, scan.long[0], scan.long[2])  # type: ignore[index] - there is one
    for number, item in enumerate(items.as_they_came()):
        keys += await _keys_of(item)
        if number % _BREATH == 0:
            await clock.sleep_ms(0)
    for payload in value:
        if isinstance(payload, dict):
            for name, field in payload.items():
                if field == "\0":
                    payload[name] = items
    return value, keys


async def loads(buf: bytearray, end: int, scan: JsonScan) -> Any:
    """Parse the JSON text buf[:end]; `scan` is a new JsonScan of it. The text may be changed.

    A long list in the payload of a message of more than 4 KiB is returned as Items, which refer to the buffer.
    NotJsonError, UnacceptableJsonError (SCH-16: duplicate keys, lone surrogates, NUL; OCPP-22: depth), MemoryError.
    """
    await scan.run()
    if scan.pairs:
        end = await _join_pairs(buf, end)
        scan.long = None  # the buffer moves when it is cut
    if scan.long is None or end <= _OWN:
        value = json.loads(memoryview(buf)[:end])  # type: ignore[arg] - takes any buffer
        if end > _LARGE:
            await clock.sleep_ms(0)
        keys = await _keys_of(value)
    else:
        value, keys = await _parse_large(buf, end, scan)
    if end > _LARGE:
        if not memory.fits(memory.LARGE_MESSAGE):
            raise MemoryError("message too large")
    if keys != scan.keys:
        raise UnacceptableJsonError("duplicate key")
    return value
