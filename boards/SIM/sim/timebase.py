"""Time of the simulated board: real, scaled, or moved by hand.

- Real (scale 1): the interpreter's own clock.
- Scaled: time stands still while code runs and moves only where asyncio waits, up to the next task's wake-up and never
  faster than scale x real. When the machine cannot keep up, time just runs slower; no task is late for that reason.
- Manual: time moves by advance(ms), and where asyncio waits it jumps to the next wake-up at once. For unit tests.

`ticks_us` stays real: it is for measuring how long code takes, and for busy waits. Only on a board that samples the mains
by its own ADC it is converted_us: there each conversion takes its time, and the working out of the sample none.

Soft interrupts (soft_irq.py) are exact in virtual time: it never moves past an alarm without having stopped there and
let its callback run. In real time a signal schedules them.
"""

import utime

from sim import soft_irq

_TICKS_MASK = utime.ticks_add(0, -1)  # where the port's ticks wrap
_BEHIND_US = 100000  # real time that may be made up for, when a scaled run was held up
_HEAD_START_MS = 3600000  # manual time starts this far ahead: see manual()

scale_milli = 1000
_virtual = False
_manual = False
_now = 0
_offset = 0  # of real mode, after a scaled one
_credit_us = 0  # real time not yet turned into virtual time
_last_us = 0
_converting_us = 0  # spent on conversions since the millisecond that began last
_converting_ms = 0
_wait = None  # asyncio's own wait
_hooks = []
_signal = None  # the POSIX timer of real time, made with the first alarm


def ticks_ms():
    """As time.ticks_ms(). Allocates nothing."""
    if _virtual:
        return _now
    return utime.ticks_add(utime.ticks_ms(), _offset)


def convert(us):
    """The ADC takes us for a conversion."""
    global _converting_us, _converting_ms
    if not _virtual:
        utime.sleep_us(us)
    elif _converting_ms == _now:
        _converting_us += us
    else:
        _converting_ms = _now
        _converting_us = us


def converted_us():
    """As time.ticks_us(), in simulated time: it moves with conversions."""
    if not _virtual:
        return utime.ticks_us()
    return utime.ticks_add(_now * 1000 & _TICKS_MASK, _converting_us if _converting_ms == _now else 0)


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
    if milli == 1000:
        _virtual = False
        _offset = utime.ticks_diff(now, utime.ticks_ms())
    else:
        _now = now
        _virtual = True
        _credit_us = 0
        _last_us = utime.ticks_us()
    plan()


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
    alarm.arm(ticks_ms(), 0, after_us, period_us)
    plan()


def plan():
    """Real time: have the signal come when the first alarm is due. Allocates nothing once the timer is there."""
    global _signal
    alarm = soft_irq.first()
    if _virtual or alarm is None:
        if _signal is not None:
            _signal.stop()
        return
    if _signal is None:
        from sim import posix_timer

        _signal = posix_timer.PosixTimer(_on_signal)
    _signal.start(alarm.after_us(ticks_ms(), 0))


def _on_signal(_):
    if soft_irq.busy:
        soft_irq.noted()
    elif not _virtual:
        _expire()


def _expire():
    """Real time: post what is due."""
    if not _virtual:
        soft_irq.expire(ticks_ms(), 0)
        plan()


soft_irq.on_missed(_expire)


def _move(ms):
    """Virtual time moves on by ms, and stops at each alarm on the way to let its callback run."""
    global _now
    end = utime.ticks_add(_now, ms)
    while True:
        alarm = soft_irq.first()
        if alarm is None:
            break
        due = alarm.due_ms if alarm.due_us == 0 else utime.ticks_add(alarm.due_ms, 1)
        if utime.ticks_diff(due, end) > 0:
            break
        if utime.ticks_diff(due, _now) > 0:
            _now = due
        soft_irq.expire(_now, 0)
        soft_irq.drain()
    if utime.ticks_diff(end, _now) > 0:
        _now = end


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


def sleep_ms(ms):
    """As time.sleep_ms(): tasks wait, soft interrupts come."""
    if ms <= 0:
        return
    look()
    if not _virtual:
        utime.sleep_ms(ms)
        return
    _move(ms)
    if not _manual:
        utime.sleep_us(ms * 1000000 // scale_milli)


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
        if not _manual:
            utime.sleep_us(ms * 1000000 // scale_milli)
        soft_irq.expire(_now, 0)
    soft_irq.leave()


def _no_pins():
    pass


look = _no_pins  # machine.py's: whether a watched pin has changed, and when it may change next


def on_look(function):
    """function() is called before time moves, to look at the pins that interrupts watch."""
    global look
    look = function


def sleep_us(us):
    """As time.sleep_us(); below a millisecond virtual time does not move."""
    if _virtual:
        sleep_ms(us // 1000)
    else:
        utime.sleep_us(us)


def _earn(most_us):
    """Turn real time gone by into credit."""
    global _credit_us, _last_us
    now = utime.ticks_us()
    _credit_us = min(_credit_us + utime.ticks_diff(now, _last_us), most_us)
    _last_us = now


def _scaled(queue, dt):
    """Wait for I/O or, dt virtual ms from now, for the next task."""
    global _credit_us
    dt = _reach(dt)
    _earn(_BEHIND_US)
    need_us = dt * 1000000 // scale_milli
    if _credit_us >= need_us:
        _credit_us -= need_us
        _move(dt)
        _wait(queue, 0)
        return
    _wait(queue, (need_us - _credit_us + 999) // 1000)
    _earn(max(_BEHIND_US, need_us))
    gone = min(dt, _credit_us * scale_milli // 1000000)
    _credit_us -= gone * 1000000 // scale_milli
    _move(gone)


def _wait_for_io(queue):
    """No task waits for a time, so asyncio counts on I/O having woken one; meanwhile time passes all the same."""
    import asyncio.core as core

    while core._task_queue.peek() is None:
        if _manual:
            _wait(queue, 1)
            _move(1)
        else:
            _scaled(queue, max(1, scale_milli // 100))


def _wait_io_event(queue, dt):
    for hook in _hooks:
        hook()
    look()
    soft_irq.drain()
    if not _virtual:
        _wait(queue, dt)
    elif dt < 0:
        _wait_for_io(queue)
    elif not _manual:
        _scaled(queue, dt)
    else:
        _move(_reach(dt))
        _wait(queue, 0)


def install():
    """Take asyncio's waiting over; idempotent."""
    global _wait
    if _wait is None:
        import asyncio.core

        _wait = asyncio.core.IOQueue.wait_io_event
        asyncio.core.IOQueue.wait_io_event = _wait_io_event
