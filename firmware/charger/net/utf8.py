"""Check of UTF-8 (RFC 3629). MicroPython's own check accepts overlong forms, surrogates and values above U+10FFFF."""

from micropython import const

from charger import clock

_STEP = const(256)
_ANY = (0x80, 0xBF)
# First bytes that restrict the second one: no overlong form, no surrogate, nothing above U+10FFFF.
_SECOND = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}


async def check(buf: Any, start: int, end: int) -> bool:
    """True when buf[start:end] is UTF-8. ASCII is checked by a C function; the rest yields to the loop every 256 bytes."""
    view = memoryview(buf)
    while start < end:
        stop = min(start + _STEP, end)
        if not is_ascii(view[start:stop]):
            stop = _walk(buf, start, stop, end)
            if stop < 0:
                return False
            await clock.sleep_ms(0)
        start = stop
    return True


def is_ascii(view: memoryview) -> bool:
    """True when all bytes are ASCII."""
    try:
        return len(str(view, "utf-8")) == len(view)
    except UnicodeError:
        return False


def _walk(buf: Any, at: int, stop: int, end: int) -> int:
    """Check the characters that begin before `stop`; return the offset behind the last one, or -1 (RFC 3629 section 4)."""
    while at < stop:
        c = buf[at]
        at += 1
        if c < 0x80:
            continue
        if not 0xC2 <= c <= 0xF4:
            return -1
        more = 1 if c < 0xE0 else 2 if c < 0xF0 else 3
        low, high = _SECOND.get(c, _ANY)
        if at + more > end or not low <= buf[at] <= high:
            return -1
        for i in range(at + 1, at + more):
            if buf[i] & 0xC0 != 0x80:
                return -1
        at += more
    return at
