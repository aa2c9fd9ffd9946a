"""Time of the simulated board: real, scaled, or moved by hand.

- Real (scale 1): the interpreter's own clock.
- Scaled: time stands still while code runs and moves only where asyncio waits, up to the next task's wake-up and never
  faster than scale x real. When the machine cannot keep up, time just runs slower; no task is late for that reason.
- Manual: time moves by advance(ms), and where asyncio waits it jumps to the next wake-up at once. For unit tests.

`ticks_us` moves with the same time, and within a millisecond of virtual time with what conversions and short waits take
(convert(), take(), sleep_us()); code takes none. A long computation measures itself by utime.ticks_us().

- Paced (start_pace()): as scaled, or manual, but time also moves by what the firmware's code costs and by what the hardware
  takes: pace.py, hardware_times.py. Then ticks_us follows too.

Soft interrupts (soft_irq.py) are exact in virtual time: it never moves past an alarm without having stopped there and
let its callback run. In real time a signal schedules them. Paced, code that has run already is charged up to the alarm's
instant, its callback runs there, and the rest of the code is charged after it: between two shims nothing of the board is
seen, so it makes no difference that the callback runs at the end of that code.
"""

import sys

import utime
from micropython import stack_use

from sim import hardware_times, pace, soft_irq

_TICKS_MASK = utime.ticks_add(0, -1)  # where the port's ticks wrap
_MS_THAT_FIT = (1 << 19) - 1  # milliseconds that, as microseconds, are a small integer of 31 bits
_TICK_US = 100000  # a timer with a period of at most this is the control tick
_WIDE = sys.maxsize > 0x7FFFFFFF
_DEEP = 60000 if _WIDE else 28000  # of 80,000 and 40,000 bytes of stack
_SMALL = (1 << 29) - 1
_BEHIND_US = 100000  # real time that may be made up for, when a scaled run was held up
_MOST_DEBT_US = 1000000  # of real time: what a paced run pays back at one wait
_HEAD_START_MS = 3600000  # manual time starts this far ahead: see manual()

scale_milli = 1000
_virtual = False
_manual = False
_now = 0
_us = 0  # below _now's millisecond: paced only
_spent_us = 0  # virtual time that code and hardware took since the last wait, paced
_offset = 0  # of real mode, after a scaled one
_credit_us = 0  # real time not yet turned into virtual time
_last_us = 0
_converting_us = 0  # spent on conversions since the millisecond that began last
_converting_ms = 0
_taken_us = 0  # in real time, on top of it, modulo 2^29
_wait = None  # asyncio's own wait
_hooks = []
static_heap = 0  # bytes that the simulated world holds: start.py measures it
hardware_us = 0  # that cost() added, modulo 2^29
_report = None  # the figures of status, paced
_signal = None  # the POSIX timer of real time, made with the first alarm


def ticks_ms():
    """As time.ticks_ms(). Allocates nothing."""
    if _virtual:
        if pace.on and not soft_irq.busy:
            soft_irq.enter()
            soft_irq.leave()
        return _now
    return utime.ticks_add(utime.ticks_ms(), _offset)


def ticks_us():
    """As time.ticks_us(). Allocates nothing."""
    if not _virtual:
        return utime.ticks_add(utime.ticks_us(), _taken_us)
    us = _us
    if not pace.on:
        us = _converting_us if _converting_ms == _now else 0
    elif not soft_irq.busy:
        soft_irq.enter()
        soft_irq.leave()
        us = _us
    return utime.ticks_add((_now & _MS_THAT_FIT) * 1000 & _TICKS_MASK, us)


def convert(us):
    """The ADC takes us for a conversion, which the interpreter waits for in real time."""
    if _virtual:
        take(us)
    else:
        utime.sleep_us(us)


def take(us):
    """Hardware takes us of ticks_us(), but for a paced board, where cost() says so. In real time nobody waits for it."""
    global _converting_us, _converting_ms, _taken_us
    if pace.on:
        return
    if not _virtual:
        _taken_us = (_taken_us + us) & _SMALL
    elif _converting_ms == _now:
        _converting_us += us
    else:
        _converting_ms = _now
        _converting_us = us


def is_slow():
    """True while simulated time moves more slowly than this machine's, as in a fleet."""
    return _virtual and scale_milli < 1000


def on_wait(hook):
    """Call hook() each time asyncio is about to wait."""
    _hooks.append(hook)


def set_scale(scale):
    """Run `scale` times as fast as real time, from now on; 1 is plain real time. ValueError outside 0.001 to 100000."""
    global scale_milli, _virtual, _manual, _now, _offset, _credit_us, _last_us
    milli = int(scale * 1000 + 0.5)
    if not 1 <= milli <= 100000000:
        raise ValueError("time scale out of range")
    install()
    now = ticks_ms()
    _manual = False
    scale_milli = milli
    if milli == 1000 and not pace.on:
        _virtual = False
        _offset = utime.ticks_diff(now, utime.ticks_ms())
    else:
        _now = now
        _virtual = True
        _credit_us = 0
        _last_us = utime.ticks_us()
    plan()


def begin(scale):
    """set_scale() at the start of a process, before anything has looked at the time.

    Virtual time starts ahead of real time for the reason of manual(): a start that takes this machine two seconds would
    leave every new task waiting until virtual time has caught up, and the meter would count as lost.
    """
    global _now
    set_scale(scale)
    if _virtual:
        _now = utime.ticks_add(_now, _HEAD_START_MS)


def manual():
    """From now on time moves only by advance() and where asyncio waits.

    Starts an hour ahead of real time: asyncio's task queue, written in C, stamps what is to run at once with the real
    clock, and what is to run at once must never lie in the future.
    """
    global _virtual, _manual, _now
    install()
    if not _manual:
        _now = utime.ticks_add(ticks_ms(), _HEAD_START_MS)
        soft_irq.shift(_HEAD_START_MS)
    _virtual = _manual = True
    plan()


# --- alarms ---


def arm(alarm, after_us, period_us=0):
    """Let a soft_irq.Alarm fall due after_us from now, and each period_us again when that is not 0."""
    alarm.arm(ticks_ms(), _us, after_us, period_us)
    plan()


def plan():
    """In real time: have the signal come when the first alarm is due. Allocates nothing once the timer is there.

    The 32-bit interpreter has no signal: its stack of 40 KB is too small for the kernel's frame of 11 KB. There shims and
    asyncio's wait look whether an alarm is due.
    """
    global _signal
    alarm = soft_irq.first()
    soft_irq.due_real_ms = -1
    if not _WIDE and not _virtual and alarm is not None:
        soft_irq.due_real_ms = utime.ticks_add(alarm.due_ms, -_offset)
    if not _WIDE or _virtual or alarm is None:
        if _signal is not None:
            _signal.stop()
        return
    if _signal is None:
        from sim import posix_timer

        _signal = posix_timer.PosixTimer(_on_signal)
    _signal.start(alarm.after_us(ticks_ms(), 0))


def _on_signal(_):
    # The kernel's frame alone takes some 11 KiB of the stack; calls that find no room would only print a traceback.
    if soft_irq.busy or stack_use() > _DEEP:
        soft_irq.missed = True
    elif not _virtual:
        _expire()


def _expire():
    """Post the due alarms."""
    if not _virtual:
        soft_irq.expire(ticks_ms(), 0)
        plan()


soft_irq.on_missed(_expire)


# --- pace ---


def _pass(us):
    """Virtual time goes on by what code or hardware took. Allocates nothing."""
    global _now, _us, _spent_us
    _spent_us += us
    us += _us
    _now = utime.ticks_add(_now, us // 1000)
    _us = us % 1000


class _Pace:
    """The clock that soft_irq stops where a shim begins."""

    def __init__(self):
        self._by_count = False  # a control tick runs: it is charged by its instruction count

    def stop(self):
        """Charge what ran, with the callbacks whose instants lay in it."""
        us = pace.settle()
        if self._by_count:
            return
        if soft_irq.runs():
            _pass(us)
        else:
            left = self._catch_up(us)
            _pass(left)
        if pace.collected_us:
            cost(pace.collected_us, "collection")
            pace.collected_us = 0

    def _catch_up(self, us):
        """Run the callbacks that are due within us; return the rest of us after the last of them."""
        alarm = soft_irq.first()
        while alarm is not None:
            ahead = alarm.after_us(_now, _us)
            if ahead > us or stack_use() > _DEEP:
                break
            if ahead > 0:
                _pass(ahead)
                us -= ahead
            soft_irq.expire(_now, _us)
            soft_irq.open_for_callbacks()
            pace.forget()
            alarm = soft_irq.first()
        return us

    def go(self):
        """Charge from here on; the shim's time may have made an alarm due."""
        if not soft_irq.runs():
            self._catch_up(0)
        pace.go()

    def call(self, alarm):
        """Run a callback, measured. How it came to run is the simulator's own."""
        pace.forget()
        soft_irq.enter()
        begun_ms, begun_us = _now, _us
        if 0 < alarm.period_us <= _TICK_US:
            self._by_count = True
            _pass(pace.tick_us)
        soft_irq.leave()
        try:
            alarm.call(alarm.argument)
        finally:
            soft_irq.enter()
            self._by_count = False
            if _report is not None:
                _report.callback(alarm, begun_ms, begun_us, _now, _us)
            soft_irq.leave()


def start_pace(name, outlets=1):
    """Charge the firmware's code from now on, at the pace of a chip or a factor; returns the factor."""
    global _virtual, _now
    install()
    factor = pace.calibrate(name)
    if not _virtual:
        _now = utime.ticks_add(ticks_ms(), _HEAD_START_MS)
        soft_irq.shift(_HEAD_START_MS)
        _virtual = True
    clock = _Pace()
    pace.start(factor, outlets)
    soft_irq.measure_with(clock)
    pace.measure_bracket(_Shim().value)
    _settle_up()
    if _report is not None:
        _report.clear()
    plan()
    return factor


class _Shim:
    """As a method of a shim is written."""

    def __init__(self):
        self.level = 0

    def value(self, x=None):
        """Nothing but the bracket."""
        if x is None:
            return None
        soft_irq.enter()
        try:
            return self.level
        finally:
            soft_irq.leave()


def stop_pace():
    """Let code cost nothing again. For tests."""
    pace.on = False
    soft_irq.measure_with(None)
    plan()


def _settle_up():
    """Reset the account of spent time."""
    global _spent_us, _last_us, _credit_us
    _spent_us = 0
    _credit_us = 0
    _last_us = utime.ticks_us()


def cost(us, what):
    """Hardware takes us, with nothing of Python in between. Inside of a shim only; nothing without a pace."""
    global hardware_us
    if pace.on:
        _pass(us)
        hardware_us = (hardware_us + us) & _SMALL
        if _report is not None:
            _report.hardware(what, us)


def report_to(report):
    """report.callback(alarm, begun_ms, begun_us, now_ms, now_us) after each callback while paced."""
    global _report
    _report = report


def _reaches(end, alarm):
    """Move on to the instant of an alarm, unless it lies behind `end`: then False."""
    global _now, _us
    due_ms = alarm.due_ms
    due_us = alarm.due_us
    if due_us and not pace.on:
        due_ms = utime.ticks_add(due_ms, 1)
        due_us = 0
    left = utime.ticks_diff(end, due_ms)
    if left < 0 or (left == 0 and due_us):
        return False
    ahead = utime.ticks_diff(due_ms, _now)
    if ahead > 0 or (ahead == 0 and due_us > _us):
        _now = due_ms
        _us = due_us
    return True


def _move(ms):
    """Virtual time moves on by ms, and stops at each alarm on the way to let its callback run.

    0 ms and less lets those run that are due now: real time may have stopped at the instant of one.
    """
    global _now, _us
    soft_irq.enter()
    end = utime.ticks_add(_now, max(0, ms))
    while True:
        alarm = soft_irq.first()
        if alarm is None:
            break
        if not _reaches(end, alarm):
            break
        soft_irq.expire(_now, _us)
        soft_irq.leave()
        soft_irq.drain()
        soft_irq.enter()
    if utime.ticks_diff(end, _now) > 0:
        _now = end
        _us = 0
    soft_irq.leave()


def _reach(dt):
    """Milliseconds to move at most, of dt: up to the next alarm. A callback may make a task ready that waits."""
    alarm = soft_irq.first()
    if alarm is None:
        return dt
    ms = max(0, utime.ticks_diff(alarm.due_ms, _now) + (1 if alarm.due_us else 0))
    return ms if dt < 0 or ms < dt else dt


def advance(ms):
    """Manual mode: let ms milliseconds pass."""
    if not _manual:
        raise RuntimeError("time is not moved by hand")
    look()
    _move(ms)
    soft_irq.drain()


def sleep_ms(ms):
    """As time.sleep_ms(): tasks wait, soft interrupts come."""
    if ms <= 0:
        return
    look()
    if not _virtual:
        _sleep_real(ms)
        return
    _move(ms)
    soft_irq.drain()
    if pace.on:
        _spend(ms)
    elif not _manual:
        utime.sleep_us(ms * 1000000 // scale_milli)


def _sleep_real(ms):
    """Real time; without a signal to run the callbacks it is cut into milliseconds."""
    if _WIDE or soft_irq.first() is None:
        utime.sleep_ms(ms)
        return
    begun = utime.ticks_ms()
    while utime.ticks_diff(utime.ticks_ms(), begun) < ms:
        utime.sleep_ms(1)
        soft_irq.enter()
        soft_irq.leave()
        soft_irq.drain()


def _spend(ms):
    """Paced: a wait of the code's own is paid for in real time where asyncio waits next."""
    global _spent_us
    _spent_us += ms * 1000


def hold_up(ms):
    """A long computation in C: for ms nothing of Python runs, no soft interrupt either."""
    global _now
    soft_irq.enter()
    if not _virtual:
        begun = utime.ticks_ms()
        while utime.ticks_diff(utime.ticks_ms(), begun) < ms:
            pass
    else:
        _now = utime.ticks_add(_now, ms)
        if pace.on:
            _spend(ms)
        elif not _manual:
            utime.sleep_us(ms * 1000000 // scale_milli)
        soft_irq.expire(_now, _us)
    soft_irq.leave()


def _no_pins():
    pass


look = _no_pins  # machine.py's: whether a watched pin has changed, and when it may change next


def on_look(function):
    """function() is called before time moves, to look at the pins that interrupts watch."""
    global look
    look = function


def sleep_us(us):
    """As time.sleep_us(); below a millisecond only ticks_us() moves, unless time is paced."""
    if us >= 1000:
        sleep_ms(us // 1000)
        us %= 1000
    if pace.on:
        soft_irq.enter()
        cost(us, "sleep_us")
        soft_irq.leave()
    else:
        take(us)


def _earn(most_us):
    """Turn real time gone by into credit; what code and hardware took of virtual time is spent of it."""
    global _credit_us, _last_us, _spent_us
    now = utime.ticks_us()
    _credit_us -= _spent_us * 1000 // scale_milli
    _spent_us = 0
    _credit_us = min(_credit_us + utime.ticks_diff(now, _last_us), most_us)
    _last_us = now


def _scaled(queue, dt):
    """Wait for I/O or, dt virtual ms from now, for the next task."""
    global _credit_us
    dt = _reach(dt)
    _earn(_BEHIND_US)
    if _credit_us < 0:  # paced: virtual time is ahead of real time, wait for it
        utime.sleep_us(min(-_credit_us, _MOST_DEBT_US))
        _earn(_BEHIND_US)
        if _credit_us < 0:
            _credit_us = 0
    need_us = dt * 1000000 // scale_milli
    if _credit_us >= need_us:
        _credit_us -= need_us
        _move(dt)
        _poll(queue, 0)
        return
    _poll(queue, (need_us - _credit_us + 999) // 1000)
    _earn(max(_BEHIND_US, need_us))
    gone = min(dt, _credit_us * scale_milli // 1000000)
    _credit_us -= gone * 1000000 // scale_milli
    _move(gone)


def _wait_for_io(queue):
    """No task waits for a time, so asyncio counts on I/O having woken one; meanwhile time passes all the same."""
    import asyncio.core as core

    while core._task_queue.peek() is None:
        if _manual:
            _poll(queue, 1)
            _move(1)
        else:
            _scaled(queue, max(1, scale_milli // 100))


def _poll(queue, ms):
    """asyncio's own wait, in virtual time: a shim, and on the board a call of select.poll()."""
    soft_irq.enter()
    try:
        cost(hardware_times.POLL_US, "select.poll")
        _wait(queue, ms)
    finally:
        soft_irq.leave()


def _real(queue, dt):
    """Real time: wait for I/O or dt ms. Without a signal to interrupt the wait, it ends at the first alarm."""
    if _WIDE or soft_irq.first() is None:
        _wait(queue, dt)
        return
    import asyncio.core as core

    while True:
        alarm = soft_irq.first()
        left_ms = dt if alarm is None else max(0, alarm.after_us(ticks_ms(), 0) // 1000)
        _wait(queue, left_ms if dt < 0 else min(dt, left_ms))
        soft_irq.enter()
        soft_irq.leave()
        soft_irq.drain()
        if dt >= 0 or core._task_queue.peek() is not None:
            return


def _wait_io_event(queue, dt):
    soft_irq.enter()
    for hook in _hooks:
        hook()
    if pace.on:
        pace.watch_collections(static_heap)
        pace.track()
    soft_irq.leave()
    look()
    soft_irq.drain()
    if not _virtual:
        _real(queue, dt)
    elif dt < 0:
        _wait_for_io(queue)
    elif not _manual:
        _scaled(queue, dt)
    else:
        _move(_reach(dt))
        _poll(queue, 0)


def install():
    """Take asyncio's waiting over; idempotent."""
    global _wait
    if _wait is None:
        import asyncio.core

        _wait = asyncio.core.IOQueue.wait_io_event
        asyncio.core.IOQueue.wait_io_event = _wait_io_event
