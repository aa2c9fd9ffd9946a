"""The log: one line per event on the console; the last lines are kept for diagnostics. No secrets, no whole idTags."""

from micropython import const

from charger import clock

_KEPT = const(2048)  # bytes of the last lines, in one buffer: single strings would take twice as much
_LONGEST = const(160)
_ring = bytearray(_KEPT)  # ring of lines, each with a line end
_next = 0


def _write(level: str, area: str, text: str) -> None:
    global _next
    up = clock.uptime_ms()
    line = "%d.%03d %s %s: %s" % (up // 1000, up % 1000, level, area, text)
    kept = line.encode()
    if min(kept) < 0x20 or max(kept) >= 0x7F:  # peers' words: no line and no terminal command of theirs
        line = "".join([ch if " " <= ch < "\x7f" or ch > "\x9f" else " " for ch in line])
    kept = line[:_LONGEST].encode() + b"\n"
    first = min(len(kept), _KEPT - _next)
    _ring[_next : _next + first] = kept[:first]
    _ring[: len(kept) - first] = kept[first:]
    _next = (_next + len(kept)) % _KEPT
    print(line)


def debug(area: str, text: str) -> None:
    """Log a detail for developers."""
    _write("D", area, text)


def info(area: str, text: str) -> None:
    """Log a normal event."""
    _write("I", area, text)


def warn(area: str, text: str) -> None:
    """Log a refusal, a retry or an unusual event."""
    _write("W", area, text)


def error(area: str, text: str) -> None:
    """Log an error that needs attention."""
    _write("E", area, text)


def recent() -> list:
    """Return the kept lines, oldest first."""
    whole = bytes(_ring[_next:]).lstrip(b"\0") + bytes(_ring[:_next])
    if _ring[_next]:
        whole = whole[whole.find(b"\n") + 1 :]  # the oldest line is incomplete
    lines = whole.split(b"\n")[:-1]
    return [str(line, "utf-8", "ignore") for line in lines]


def forget() -> None:
    """Delete the kept lines."""
    global _next
    _next = 0
    _ring[:] = bytes(_KEPT)


def mask(id_tag: str | None) -> str:
    """Mask an idTag for a log: keep its first and last two characters (SEC-23)."""
    if not id_tag:
        return "-"
    if len(id_tag) <= 4:
        return "****"
    return id_tag[:2] + "**" + id_tag[-2:]


def reason(error_: BaseException) -> str:
    """Return an exception as text for a log line."""
    text = str(error_)
    name = type(error_).__name__
    return name + ": " + text if text else name
