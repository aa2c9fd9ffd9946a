"""Board time for --pace: virtual time moves by what the firmware's own code costs.

The CPU time of the interpreter's thread since the last shim, times a factor, is the board time of the code that ran. Shims
stop() this clock and go() on afterwards; what they stand for on the board they add with timebase.cost(). All of it is small
integers: the signal of soft_irq's alarms settles the clock too.
"""

from array import array

import ffi
from micropython import const

_THREAD_CPUTIME = const(3)  # CLOCK_THREAD_CPUTIME_ID
# CPU time is counted in units of 8 ns, modulo 8 s: it fits small integers of 31 bits.
_UNITS_A_S = const(125000000)
_MODULUS = const(1000000000)
_CHUNK = const(62500)  # 0.5 ms: times a factor of at most 16000 sixteenths it still fits
_DIVISOR = const(2000)  # units of 8 ns times sixteenths of the factor, to a microsecond
_MOST = const(1000)

_clock_gettime = ffi.open("libc.so.6").func("i", "clock_gettime", "iP")
_spec = array("l", (0, 0))  # not "q": reading one of those allocates
on = False
factor16 = 0
_mark = 0
_rest = 0
_bias = 0  # units that brackets cost since the last settling and that are no code of the firmware's
_charged = 0  # units charged since somebody set it to 0
_bracket = 0  # what one bracket costs


def _read():
    _clock_gettime(_THREAD_CPUTIME, _spec)
    return (_spec[0] & 7) * _UNITS_A_S + (_spec[1] >> 3)


def settle():
    """Board microseconds of the code that ran since the last settle() or go()."""
    global _mark, _rest, _bias, _charged
    now = _read()
    units = now - _mark
    _mark = now
    if units < 0:
        units += _MODULUS
    units -= _bias
    _bias = 0
    if units <= 0:
        return 0
    _charged = (_charged + units) & 0x1FFFFFFF
    us = 0
    while units > _CHUNK:
        _rest += _CHUNK * factor16
        us += _rest // _DIVISOR
        _rest %= _DIVISOR
        units -= _CHUNK
    _rest += units * factor16
    us += _rest // _DIVISOR
    _rest %= _DIVISOR
    return us


def go():
    """A shim is done: the firmware's code runs from here."""
    global _mark, _bias
    _mark = _read()
    _bias = _bracket


def host_us(board_us):
    """Host microseconds of CPU time after which that much board time has gone, at most a second."""
    if board_us > 1000000:
        board_us = 1000000
    return board_us * 16 // factor16


def _median(values):
    values.sort()
    return values[len(values) // 2]


def reference_us(runs=15):
    """CPU time of the reference workload in this interpreter: the least of several runs."""
    import gc

    from sim import pace_reference

    least = 0
    for _ in range(runs):
        gc.collect()
        before = _read()
        if pace_reference.run() != pace_reference.CHECK:
            raise RuntimeError("the reference workload is not the one that was counted")
        units = (_read() - before) % _MODULUS
        if not least or units < least:
            least = units
    return least / 125


def calibrate(pace):
    """The factor for a chip by its name, or for a number; the number itself is the factor."""
    from sim import hardware_times

    if pace not in hardware_times.NS_A_THOUSAND:
        return float(pace)
    board_us = hardware_times.REFERENCE_INSTRUCTIONS / 1000 * hardware_times.NS_A_THOUSAND[pace] / 1000
    return board_us / reference_us()


def start(factor):
    """Charge code from now on."""
    global on, factor16
    factor16 = max(1, min(_MOST * 16, int(factor * 16 + 0.5)))
    on = True
    go()


def measure_bracket(enter_and_leave):
    """What one bracket leaves on the firmware's account; a call of a C function is the firmware's own and stays there."""
    global _bracket
    _bracket = 0
    seen = []
    for _ in range(9):
        _units_of(enter_and_leave, 100)
        seen.append((_units_of(enter_and_leave, 400) - _units_of(abs, 400)) // 400)
    _bracket = max(0, _median(seen))


def _units_of(call, times):
    global _charged
    settle()
    _charged = 0
    for _ in range(times):
        call(1)
    settle()
    return _charged
