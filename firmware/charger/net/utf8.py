"""Is this UTF-8? MicroPython's own check lets overlong forms, surrogates and numbers above U+10FFFF pass (RFC 3629)."""

from micropython import const

from charger import clock

_STEP = const(256)


async def check(buf, start: int, end: int) -> bool:
    """True when buf[start:end] is UTF-8. ASCII goes at the speed of C; the rest yields to the loop every 256 bytes."""
    view = memoryview(buf)
    while start < end:
        stop = min(start + _STEP, end)
        if not _ascii(view[start:stop]):
            stop = _walk(buf, start, stop, end)
            if stop < 0:
                return False
            await clock.sleep_ms(0)
        start = stop
    return True


def _ascii(view) -> bool:
    """True when every byte is a character of its own."""
    try:
        return len(str(view, "utf-8")) == len(view)
    except UnicodeError:
        return False


def _walk(buf, at: int, stop: int, end: int) -> int:
    """Check the characters that begin before stop; the offset behind the last one, or -1 (RFC 3629 section 4)."""
    while at < stop:
        c = buf[at]
        at += 1
        if c < 0x80:
            continue
        low, high = 0x80, 0xBF
        if 0xC2 <= c <= 0xDF:
            more = 1
        elif 0xE0 <= c <= 0xEF:
            more = 2
            if c == 0xE0:
                low = 0xA0
            elif c == 0xED:
                high = 0x9F
        elif 0xF0 <= c <= 0xF4:
            more = 3
            if c == 0xF0:
                low = 0x90
            elif c == 0xF4:
                high = 0x8F
        else:
            return -1
        if at + more > end or not low <= buf[at] <= high:
            return -1
        for i in range(at + 1, at + more):
            if buf[i] & 0xC0 != 0x80:
                return -1
        at += more
    return at
