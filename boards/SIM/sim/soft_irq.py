"""Soft interrupts, as the ESP32 port has them: timers and pins schedule a callback that runs between two byte codes.

The port's queue takes 8; what finds it full is lost. A callback never runs inside another one, nor inside a shim, which
stands for C there: shims that look at the world are bracketed with enter() and leave(), and what falls due meanwhile runs
after leave(). In real time a POSIX timer's signal posts what is due and nothing else; in virtual time timebase moves to
each due instant and lets the callback run there.

The signal comes between any two machine instructions. So `_put` is written by the one that posts and `_got` by the one
that takes, and while a callback is being posted (`_posting`) or a shim runs (`busy`) the signal only notes that it was there.
"""

import micropython
import utime
from micropython import const

_DEPTH = const(8)
_COUNTERS = const(0xFFFF)
_JUMPS = const(40)  # jumps at which what is scheduled can run: two for each place in the queue and some

busy = 0  # depth of shims that run now
lost = 0  # what found the queue full
due_real_ms = -1  # where no signal comes: the interpreter's own clock when the first alarm is due; -1 for none
alarms = []  # every Alarm that was ever armed
_queue = [None] * _DEPTH
_put = 0
_got = 0
_posting = False
missed = False  # the signal came when it could not post
_requested = False
_running = False  # a callback runs now
_clock = None  # what measures the firmware's own code: stop() where a shim begins, go() where it ends


def measure_with(clock):
    """clock.stop() and clock.go() from now on, around shims; None for nothing."""
    global _clock
    _clock = clock


class Alarm:
    """An alarm: `call(argument)` runs when it falls due. due_us is the part below a millisecond."""

    def __init__(self, call, argument):
        self.call = call
        self.argument = argument
        self.armed = False
        self.due_ms = self.due_us = self.period_us = 0

    def arm(self, now_ms, now_us, after_us, period_us=0):
        """Fall due after_us from now, and each period_us again when that is not 0."""
        self.armed = False
        if self not in alarms:
            alarms.append(self)
        self.due_ms = now_ms
        self.due_us = now_us
        self.period_us = period_us
        self.later(after_us)
        self.armed = True

    def later(self, us):
        """Put the due instant off."""
        us += self.due_us
        self.due_ms = utime.ticks_add(self.due_ms, us // 1000)
        self.due_us = us % 1000

    def after_us(self, now_ms, now_us):
        """Microseconds until it falls due, at most some minutes."""
        return min(utime.ticks_diff(self.due_ms, now_ms), 500000) * 1000 + self.due_us - now_us


def first():
    """The alarm that falls due first, or None. Allocates nothing."""
    found = None
    for alarm in alarms:
        if alarm.armed:
            if found is None:
                found = alarm
            else:
                ms = utime.ticks_diff(alarm.due_ms, found.due_ms)
                if ms < 0 or (ms == 0 and alarm.due_us < found.due_us):
                    found = alarm
    return found


def _is_due(alarm, now_ms, now_us):
    ms = utime.ticks_diff(now_ms, alarm.due_ms)
    return ms > 0 or (ms == 0 and alarm.due_us <= now_us)


def expire(now_ms, now_us):
    """Post every alarm that is due. Allocates nothing; the signal calls it too."""
    global _posting, missed
    if _posting:
        missed = True
        return
    _posting = True
    for alarm in alarms:
        while alarm.armed and _is_due(alarm, now_ms, now_us):
            _enqueue(alarm)
            if alarm.period_us:
                alarm.later(alarm.period_us)
            else:
                alarm.armed = False
    _posting = False
    request()


def post(alarm):
    """Schedule alarm.call(alarm.argument) now."""
    global _posting
    _posting = True
    _enqueue(alarm)
    _posting = False
    request()


def _enqueue(alarm):
    global _put, lost
    if (_put - _got) & _COUNTERS == _DEPTH:
        lost += 1
        return
    _queue[_put % _DEPTH] = alarm
    _put = (_put + 1) & _COUNTERS


def waiting():
    """Number of callbacks that are scheduled and have not run."""
    return (_put - _got) & _COUNTERS


def runs():
    """True inside a callback."""
    return _running


def request():
    """Have the interpreter run what waits, at its next jump outside of shims."""
    global _requested
    if busy or _requested or _put == _got:
        return
    _requested = True
    try:
        micropython.schedule(_dispatch, None)
    except RuntimeError:  # the interpreter's own queue is full: the next one to leave a shim or to wait asks again
        _requested = False


def _dispatch(_):
    global _requested, _got, _running
    _requested = False
    if busy or _put == _got:
        return
    alarm = _queue[_got % _DEPTH]
    _got = (_got + 1) & _COUNTERS
    _running = True
    try:
        if _clock is None:
            alarm.call(alarm.argument)
        else:
            _clock.call(alarm)
    finally:
        _running = False
        request()


def drain():
    """Run the scheduled callbacks now; inside another callback they stay queued, as on the board."""
    request()
    if _running:
        return
    n = 0
    while _put != _got and n < _JUMPS:
        n += 1


def enter():
    """A shim begins: no callback from here on, and what ran until now is charged."""
    global busy
    busy += 1
    if busy == 1 and _clock is not None:
        _clock.stop()


def leave():
    """The shim is done: what fell due meanwhile may run at the next jump."""
    global busy, missed
    if busy == 1:
        if due_real_ms >= 0 and utime.ticks_diff(utime.ticks_ms(), due_real_ms) >= 0:
            missed = True
        if missed:
            missed = False
            _on_missed()
        if _clock is not None:
            _clock.go()
    busy -= 1
    if not busy:
        if _put != _got:
            request()
        if missed:  # just now
            enter()
            leave()


def open_for_callbacks():
    """At the start of a shim's work: run due callbacks first."""
    global busy
    if _running or _put == _got or busy != 1:
        return
    busy = 0
    drain()
    busy = 1


def _nothing():
    pass


_on_missed = _nothing


def on_missed(function):
    """function() is called when the signal came at a time when it could not post."""
    global _on_missed
    _on_missed = function


def shift(ms):
    """Shift all alarms by ms, after time was set forward."""
    for alarm in alarms:
        alarm.due_ms = utime.ticks_add(alarm.due_ms, ms)


def clear():
    """Forget every alarm and scheduled callback. For tests, which share one interpreter."""
    global _got
    for alarm in alarms:
        alarm.armed = False
    alarms.clear()
    _got = _put
