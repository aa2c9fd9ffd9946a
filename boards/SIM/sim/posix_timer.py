"""A POSIX timer whose signal calls one function of Python, with the heap and the scheduler locked.

The function may read, write attributes that exist and call micropython.schedule(); it may not allocate.
"""

import sys
from array import array

import ffi

_WIDE = sys.maxsize > 0x7FFFFFFF
_MONOTONIC = 1
_SIGUSR2 = 12  # the same number on every Linux that MicroPython is packaged for but MIPS
_libc = ffi.open("libc.so.6")
_timer_create = _libc.func("i", "timer_create", "iPP")
_timer_settime = _libc.func("i", "timer_settime", "PiPP")
_signal = _libc.func("P", "signal", "iC")
_kept = []  # the callback must outlive the signal


class PosixTimer:
    """start(us) calls handler(number of the signal) after that time, once."""

    def __init__(self, handler):
        callback = ffi.callback("v", handler, "i", lock=True)
        _kept.append(callback)
        _signal(_SIGUSR2, callback)
        event = bytearray(64)  # sigev_value, sigev_signo, sigev_notify = SIGEV_SIGNAL (0)
        event[8 if _WIDE else 4] = _SIGUSR2
        number = array("L", (0,))
        if _timer_create(_MONOTONIC, event, number) != 0:
            raise OSError(22)
        self._id = number[0]
        self._spec = array("l", (0, 0, 0, 0))  # interval s, ns, first s, ns

    def start(self, us):
        """Call the handler once after us, at least one. Allocates nothing."""
        if us < 1:
            us = 1
        self._spec[2] = us // 1000000
        self._spec[3] = us % 1000000 * 1000
        _timer_settime(self._id, 0, self._spec, None)

    def stop(self):
        """Do not call it any more."""
        self._spec[2] = 0
        self._spec[3] = 0
        _timer_settime(self._id, 0, self._spec, None)
