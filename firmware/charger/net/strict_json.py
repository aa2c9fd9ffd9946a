"""Strict parsing of JSON from the network: a check of the text, then MicroPython's parser, which is too lenient alone.

json.loads() accepts `[1 2`, `{"a" 1:}` and `[1}`, recurses without a bound, keeps the last
of two equal keys, and makes strings of lone surrogates and NUL (SCH-16). The check (net/json_scan.py) is a scan without
recursion that yields to the loop; strings, which are most of a message, are skipped by a C function.
"""

import json

from micropython import const

from charger import clock
from charger.errors import UnacceptableJsonError
from charger.net.json_scan import JsonScan
from charger.runtime import memory

_LARGE = const(2048)  # bytes; smaller messages never fill the heap
_NO_SLICE = const(1536)  # bytes; smaller messages are parsed in one slice with what comes before and after
_OWN = const(4096)  # bytes; the buffer of a larger message is not used for the next one (net/websocket.py)
_ITEMS_A_SLICE = const(256)


async def keys_of(value: Any) -> int:
    """Count the keys in all objects of a parsed value, where equal keys are merged. UnacceptableJsonError: infinite numbers."""
    count = turn = 0
    waiting = [(value,)]
    while waiting:
        for item in waiting.pop():
            kind = type(item)
            if kind is str:
                continue
            if kind is dict:
                turn += len(item)
                count += len(item)
                waiting.append(item.values())
            elif kind is list:
                turn += len(item)
                waiting.append(item)
            elif kind is float and item - item != 0:
                raise UnacceptableJsonError("number too big")
        if turn >= _ITEMS_A_SLICE:
            turn = 0
            await clock.sleep_ms(0)
    return count


async def loads(buf: bytearray, end: int, scan: JsonScan) -> Any:
    """Parse the JSON text buf[:end]; `scan` is a new JsonScan of it. The text may be changed.

    The longest list or string in the payload of a message of more than 4 KiB is parsed piece by piece; a list is returned as
    json_pieces.Items, which refer to the buffer.
    NotJsonError, UnacceptableJsonError (SCH-16: duplicate keys, lone surrogates, NUL; OCPP-22: depth), MemoryError.
    """
    await scan.run()
    long = scan.long if end > _OWN else None
    if scan.pairs or long is not None:
        from charger.net import json_pieces  # 580 bytes of heap, for messages that most back ends never send

        if scan.pairs:
            end = await json_pieces.join_pairs(buf, end)
            if long is not None:  # it has moved
                joined = JsonScan(buf, end)
                await joined.run()
                long = joined.long
    if long is None:
        if end > _NO_SLICE:
            await clock.sleep_ms(0)
        value = json.loads(memoryview(buf)[:end])  # type: ignore[arg] - takes any buffer
        if end > _NO_SLICE:
            await clock.sleep_ms(0)
        keys = await keys_of(value) if scan.inspect else scan.keys
    else:
        value, keys = await json_pieces.parse(buf, end, long[0], long[1])
    if end > _LARGE:
        if not memory.fits(memory.LARGE_MESSAGE):
            raise MemoryError("message too large")
    if keys != scan.keys:
        raise UnacceptableJsonError("duplicate key")
    return value
