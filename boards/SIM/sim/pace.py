"""Board time for --pace: virtual time moves by the cost of the firmware's own code.

The board time of the code that ran is the CPU time of the interpreter's thread since the last shim, times a factor. A shim
stops this clock at its beginning and calls go() at its end; it adds the time of the board's hardware with timebase.cost(). All
values are small integers, since the signal handler of soft_irq's alarms uses this clock as well.
"""

import gc
import sys
from array import array

import ffi
import utime
from micropython import const

from sim import hardware_times

_THREAD_CPUTIME = const(3)  # CLOCK_THREAD_CPUTIME_ID
# CPU time is counted in units of 8 ns, modulo 8 s: it fits small integers of 31 bits.
_UNITS_A_S = const(125000000)
_MODULUS = const(1000000000)
_CHUNK = const(62500)  # 0.5 ms: times a factor of at most 16000 sixteenths it still fits
_DIVISOR = const(2000)  # units of 8 ns times sixteenths of the factor, to a microsecond
_MOST = const(1000)

_LITTER_FD = const(400)  # above all others: the system assigns the lowest free number
_LITTERS = const(4)  # collections that can be detected between two waits
_F_GETFD = const(1)
# With 64-bit words the firmware's sources are compiled into a heap of wide words: some 440 KiB where a board has 75.
_HEAP_RATIO = 6 if sys.maxsize > 0x7FFFFFFF else 1
_PROBE_MS = const(50)

_libc = ffi.open("libc.so.6")
_clock_gettime = _libc.func("i", "clock_gettime", "iP")
_dup2 = _libc.func("i", "dup2", "ii")
_fcntl = _libc.func("i", "fcntl", "iii")
_null = _libc.func("i", "open", "sii")("/dev/null", 0, 0)
_spec = array("l", (0, 0))  # not "q": reading one of those allocates
on = False
factor16 = 0
ns_a_thousand = 0  # of the board that is simulated: nanoseconds for 1000 instructions of the reference target
_first_factor16 = 0
_first_bracket = 0
_probe = None
_probe_units = 0  # duration of the probe while the reference was measured
_probes = [0] * 15  # its latest durations
_sorted = [0] * 15
_probe_at = 0
_probed_ms = 0
_mark = 0
_rest = 0
_bias = 0  # units since the last settle() that belong to brackets and not to the firmware's code
collections = 0
collected_us = 0  # board time of the collections found by settle(), for its caller to add
tick_us = 0  # board time of one control tick by its instruction count, without its hardware
_litter = [None] * _LITTERS  # files without a reference, of which each coming collection closes one
_littered = _LITTERS  # number of the file without a reference; those after it still have one
_suspect_units = 0  # less than the duration of a collection
_collection_units = 0  # duration of a collection here
_collection_us = 0  # and on the board
_charged = 0  # units charged since the last reset to 0
_bracket = 0  # units of one bracket


def _read():
    _clock_gettime(_THREAD_CPUTIME, _spec)
    return (_spec[0] & 7) * _UNITS_A_S + (_spec[1] >> 3)


def settle():
    """Board microseconds of the code that ran since the last settle() or go()."""
    global _mark, _rest, _bias, _charged, _littered, collections, collected_us
    now = _read()
    units = now - _mark
    _mark = now
    if units < 0:
        units += _MODULUS
    us = 0
    if _littered < _LITTERS and units > _suspect_units and _was_collected():
        _littered += 1
        if _littered < _LITTERS:
            _litter[_littered] = None
        collections += 1
        _bias += _collection_units
        collected_us += _collection_us
    units -= _bias
    if units <= 0:
        _bias = -units
        return 0
    _bias = 0
    _charged = (_charged + units) & 0x1FFFFFFF
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
    """End of a shim: from here the firmware's code runs."""
    global _mark, _bias
    _mark = _read()
    _bias += _bracket


def forget():
    """Discard the time since the last settle() or go(): the simulator's own code ran."""
    global _mark, _bias
    _mark = _read()
    _bias = 0


def _leave_litter():
    """Open files, the first without a reference: a collection closes its descriptor, which shows that a collection took place."""
    global _littered
    for number in range(_LITTERS):
        _dup2(_null, _LITTER_FD + number)
        _litter[number] = open(_LITTER_FD + number, "rb")
    _litter[0] = None
    _littered = 0


def _was_collected():
    return _fcntl(_LITTER_FD + _littered, _F_GETFD, 0) < 0


def watch_collections(static_bytes):
    """Measure a collection here and compute its duration on the board; called outside of the firmware's time.

    A collection here also marks the simulated world, so its time is subtracted and the board's is added.
    """
    global _collection_units, _collection_us, _suspect_units
    if _littered == 0 and _collection_us:
        return
    if not collections & 7 or not _collection_us:
        before = _read()
        gc.collect()
        _collection_units = (_read() - before) % _MODULUS
        _suspect_units = _collection_units // 2
        live = max(0, gc.mem_alloc() - static_bytes) // _HEAP_RATIO
        thousands = (hardware_times.COLLECTION_INSTRUCTIONS + live // 1024 * hardware_times.COLLECTION_INSTRUCTIONS_A_KB) // 1000
        _collection_us = thousands * ns_a_thousand // 1000
    _leave_litter()


def _median(values):
    values.sort()
    return values[len(values) // 2]


def reference_us(runs=15):
    """CPU time of the reference workload in this interpreter now, the median of several runs; measures the probe too."""
    global _probe, _probe_units
    from sim import pace_reference

    _probe = pace_reference.Probe()
    taken = []
    for _ in range(runs):
        gc.collect()
        before = _read()
        if pace_reference.run() != pace_reference.CHECK:
            raise RuntimeError("the reference workload is not the one that was counted")
        taken.append((_read() - before) % _MODULUS)
        _look_at_probe()
    _probe_units = _median_probe()
    return _median(taken) / 125


def _look_at_probe():
    global _probe_at
    _probe.run()  # fills the caches, whose state depends on the code before
    before = _read()
    _probe.run()
    _probes[_probe_at] = (_read() - before) % _MODULUS
    _probe_at = (_probe_at + 1) % len(_probes)


def _median_probe():
    for number in range(len(_probes)):
        _sorted[number] = _probes[number]
    _sorted.sort()
    return _sorted[len(_sorted) // 2]


def track():
    """Adapt the factor to the present speed of the machine; called outside of the firmware's time."""
    global factor16, _probed_ms, _bracket
    now = utime.ticks_ms()
    if utime.ticks_diff(now, _probed_ms) < _PROBE_MS:
        return
    _probed_ms = now
    _look_at_probe()
    units = _median_probe()
    factor16 = max(1, min(_MOST * 16, _first_factor16 * _probe_units // units))
    _bracket = _first_bracket * units // _probe_units


def calibrate(pace):
    """The factor for a chip by its name, or for a number; the number itself is the factor."""
    global ns_a_thousand
    if pace not in hardware_times.NS_A_THOUSAND:
        here_us = reference_us()
        ns_a_thousand = int(float(pace) * here_us * 1000000 / hardware_times.REFERENCE_INSTRUCTIONS)
        return float(pace)
    ns_a_thousand = hardware_times.NS_A_THOUSAND[pace]
    return hardware_times.REFERENCE_INSTRUCTIONS / 1000000 * ns_a_thousand / reference_us()


def start(factor, outlets):
    """Charge code from now on; the control tick has that many outlets to step."""
    global on, factor16, tick_us, _first_factor16
    tick_us = outlets * hardware_times.TICK_INSTRUCTIONS // 1000 * ns_a_thousand // 1000
    _first_factor16 = factor16 = max(1, min(_MOST * 16, int(factor * 16 + 0.5)))
    on = True
    go()


def measure_bracket(shim):
    """The time of a shim that counts for the firmware; a call of a C function is the firmware's own and counts."""
    global _bracket, _first_bracket
    _bracket = 0
    seen = []
    for _ in range(15):
        _units_of(shim, 100)
        seen.append((_units_of(shim, 400) - _units_of(abs, 400)) // 400)
    _first_bracket = _bracket = max(0, _median(seen))


def _units_of(call, times):
    global _charged
    settle()
    _charged = 0
    for _ in range(times):
        call(1)
    settle()
    return _charged
