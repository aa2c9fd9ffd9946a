"""The log: one line an event on the console, the last ones kept for diagnostics. Never a secret, never a whole idTag."""

from micropython import const

from charger import clock

_KEPT = const(2048)  # bytes of the last lines, in one piece: strings of their own would take twice as much
_LONGEST = const(160)
_ring = bytearray(_KEPT)  # lines, each with a line end, around the end and on from the beginning
_next = 0


def _write(level: str, area: str, text: str):
    global _next
    up = clock.uptime_ms()
    line = "%d.%03d %s %s: %s" % (up // 1000, up % 1000, level, area, text)
    kept = line[:_LONGEST].replace("\n", " ").encode() + b"\n"
    first = min(len(kept), _KEPT - _next)
    _ring[_next : _next + first] = kept[:first]
    _ring[: len(kept) - first] = kept[first:]
    _next = (_next + len(kept)) % _KEPT
    print(line)


def debug(area: str, text: str):
    """Something only a developer wants to know."""
    _write("D", area, text)


def info(area: str, text: str):
    """Something that happened as it should."""
    _write("I", area, text)


def warn(area: str, text: str):
    """Something refused, retried or out of the ordinary."""
    _write("W", area, text)


def error(area: str, text: str):
    """Something that should not happen and that somebody should look at."""
    _write("E", area, text)


def recent() -> list:
    """The kept lines, oldest first."""
    whole = bytes(_ring[_next:]).lstrip(b"\0") + bytes(_ring[:_next])
    if _ring[_next]:
        whole = whole[whole.find(b"\n") + 1 :]  # the oldest one has lost its beginning
    lines = whole.split(b"\n")[:-1]
    return [str(line, "utf-8", "ignore") for line in lines]


def forget():
    """Keep none of the lines until now."""
    global _next
    _next = 0
    _ring[:] = bytes(_KEPT)


def mask(id_tag) -> str:
    """An idTag as it may stand in a log: its first and last two characters (SEC-23)."""
    if not id_tag:
        return "-"
    if len(id_tag) <= 4:
        return "****"
    return id_tag[:2] + "**" + id_tag[-2:]


def reason(error_: BaseException) -> str:
    """An exception in words, for a log line."""
    text = str(error_)
    name = type(error_).__name__
    return name + ": " + text if text else name
