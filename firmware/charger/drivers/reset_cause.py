"""Reset cause: causes that machine.reset_cause() merges are distinguished by a marker in the RTC memory.

The port reports a panic and an ordered reset as HARD_RESET, and a brown-out as PWRON_RESET (modmachine.c). The RTC memory
keeps its content over all of these; after a loss of the supply it is empty or fails its checksum.
"""

import struct
from binascii import crc32

import machine
from micropython import const

_MAGIC = b"PLR1"
_RUNNING, _ORDERED = b"R", b"O"
_CRC_LEN = const(4)
_LONGEST = const(64)  # bytes of the reason

POWER_ON = "power on"
BROWN_OUT = "brown-out"
WATCHDOG = "watchdog"
PANIC = "panic"
SOFT_RESET = "soft reset"
ORDERED = "ordered reset"


def reset(why: str) -> None:
    """Reset the chip on purpose; the next start reports `why`. Does not return on a board."""
    try:
        _write(_ORDERED, why)
    finally:
        machine.reset()


def read_and_clear() -> tuple:
    """(cause, reason of an ordered reset or ""). Marks the firmware as running, so it holds for one call a start."""
    kind, why = _read()
    _write(_RUNNING, "")
    cause = machine.reset_cause()
    if cause == machine.PWRON_RESET:
        return (BROWN_OUT if kind else POWER_ON), ""
    if cause == machine.WDT_RESET:
        return WATCHDOG, ""
    if cause == machine.SOFT_RESET:
        return SOFT_RESET, ""
    if cause == machine.HARD_RESET:
        if kind == _ORDERED:
            return ORDERED, why
        return (PANIC, "") if kind else (ORDERED, "")  # without a marker: a firmware that wrote none, as before an update
    return "reset, cause %d" % cause, ""


def _write(kind: bytes, why: str) -> None:
    body = _MAGIC + kind + why.encode()[:_LONGEST]
    machine.RTC().memory(body + struct.pack("<I", crc32(body)))


def _read() -> tuple:
    """(kind, reason); kind is b"" when the memory holds no marker."""
    kept = machine.RTC().memory()
    body = kept[:-_CRC_LEN]
    if body[: len(_MAGIC)] != _MAGIC or struct.unpack("<I", kept[-_CRC_LEN:])[0] != crc32(body):
        return b"", ""
    return body[len(_MAGIC) : len(_MAGIC) + 1], body[len(_MAGIC) + 1 :].decode()
