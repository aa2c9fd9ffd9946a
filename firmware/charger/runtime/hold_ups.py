"""Admission of the operations that hold up the interpreter: the TLS handshake, and writing that erases flash.

mbedTLS computes a handshake in one piece. On an ESP32 that takes more than a second, in which no control tick runs, so a
handshake never takes place while a contactor is closed (CP-24, docs/SAFETY.md):

- An operation of the unit's own first waits for a pause of the charging (`wait_for_pause()`, before a server is called).
  When its patience has ended, the outlets withdraw the pilot, the car stops, the contactors open, and the operation runs
  (`begin()` to `end()`); afterwards the charging goes on by the usual rules.
- A client that is not known never interrupts a charging session: see local_api/listener.py.

Where the board needs less than SHORT_MS for a handshake none waits. That is board data: `HANDSHAKE_MS`. An erase of the update's
slot, of the record of the slots or of a page of the non-volatile storage (45 to 400 ms) waits on every board: run_open().
"""

import asyncio

from micropython import const

from charger import clock, log
from charger.errors import StillClosedError

SHORT_MS = const(40)  # a hold-up below this is harmless: two control ticks
PATIENCE_MS = const(900000)  # how long an operation of the unit's own waits for a pause
FOREVER_MS = const(0x3FFFFFFF)  # for what can wait until the session is over
_BETWEEN_MS = const(600000)  # at least this long between two interruptions of the charging
_OPENS_WITHIN_MS = const(15000)  # the wind-down takes 6 s at most (CP-25)
_LOOK_MS = const(100)
_SOURCE = "connection"  # of the limit

_outlets = ()
_long = False  # a handshake holds up the control tick of this board for too long
_running = 0  # operations between begin() and end()
_interrupted_ms = None  # uptime of the last interruption
interruptions = 0  # since the start-up


def configure(outlets: list, handshake_ms: int) -> None:
    """Set what the operations wait for: the outlets, and how long a TLS handshake takes on this board, ms."""
    global _outlets, _long, _running, _interrupted_ms, interruptions
    _outlets = outlets
    _long = handshake_ms > SHORT_MS
    _running = 0
    _interrupted_ms = None
    interruptions = 0


def must_wait(erases: bool = False) -> bool:
    """True while an operation that holds up the interpreter, or an erase, would do so with a contactor closed."""
    return (_long or erases) and contactor_closed()


def contactor_closed() -> bool:
    """True while a contactor is closed: nothing begins then that holds up the interpreter on every board."""
    for outlet in _outlets:
        if outlet.is_closed:
            return True
    return False


def rested(between_ms: int) -> bool:
    """True when the last interruption of the charging was at least between_ms ago."""
    return _interrupted_ms is None or clock.uptime_ms() - _interrupted_ms >= between_ms


async def wait_for_pause(patience_ms: int = PATIENCE_MS, erases: bool = False) -> None:
    """Wait until no contactor is closed, for patience_ms at most; between two interruptions for _BETWEEN_MS at least."""
    begun_ms = clock.uptime_ms()
    while must_wait(erases):
        if clock.uptime_ms() - begun_ms >= patience_ms and rested(_BETWEEN_MS):
            return
        await clock.sleep_ms(_LOOK_MS)


async def run_open(action: Callable, *arguments: Any) -> None:
    """Call a function that erases flash, with every contactor open as between begin() and end(), whatever HANDSHAKE_MS is."""
    await begin(True)
    try:
        action(*arguments)
    finally:
        end(True)


async def begin(erases: bool = False) -> None:
    """Keep every contactor open until end(); where one is closed, the pilot is withdrawn first.

    StillClosedError when a contactor has not opened in time; end() must not be called then.
    """
    global _running, _interrupted_ms, interruptions
    if not (_long or erases):
        return
    _running += 1
    for outlet in _outlets:
        outlet.limits.set(_SOURCE, 0)
    try:
        if must_wait(erases):
            interruptions += 1
            _interrupted_ms = clock.uptime_ms()
            log.info("hold-up", "charging pauses for a TLS handshake or an erase of flash")
            await asyncio.wait_for_ms(_open(), _OPENS_WITHIN_MS)
    except asyncio.TimeoutError:
        end(erases)
        raise StillClosedError("a contactor is closed")
    except BaseException:
        end(erases)
        raise


async def _open() -> None:
    while contactor_closed():
        await clock.sleep_ms(_LOOK_MS)


def end(erases: bool = False) -> None:
    """The operation is over: charging may go on once no other one runs."""
    global _running
    if not (_long or erases):
        return
    _running -= 1
    if _running <= 0:
        _running = 0
        for outlet in _outlets:
            outlet.limits.set(_SOURCE, None)
