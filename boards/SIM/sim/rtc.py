"""The board's real-time clock: seconds since 2000, and 2 KiB of memory that a reset leaves alone, as on the ESP32.

A power cut loses both: the clock starts again at 2000-01-01.
"""

import utime

from sim import timebase

EPOCH_S = 946684800  # 2000-01-01 in seconds since 1970
MEMORY_BYTES = 2048

memory = b""
_base_s = 0
_base_ms = 0
_stamp = None


def _settle():
    """Bring the base up to now; called often enough for ticks not to wrap."""
    global _base_s, _base_ms, _stamp
    now = timebase.ticks_ms()
    if _stamp is None:
        _stamp = now
    ms = _base_ms + utime.ticks_diff(now, _stamp)
    _stamp = now
    _base_s += ms // 1000
    _base_ms = ms % 1000


def now():
    """(seconds since 2000, milliseconds)."""
    _settle()
    return _base_s, _base_ms


def set_seconds(seconds, millis=0):
    """Set the clock to seconds since 2000."""
    global _base_s, _base_ms
    _settle()
    _base_s = seconds
    _base_ms = millis


def set_memory(data):
    """Replace the kept memory; ValueError beyond its size."""
    global memory
    if len(data) > MEMORY_BYTES:
        raise ValueError("buffer too long")
    memory = bytes(data)


def keep():
    """For loop_wait.on_wait(): settle now and then."""
    if _stamp is None or utime.ticks_diff(timebase.ticks_ms(), _stamp) > 1000000:
        _settle()
