"""asyncio's wait in the time of the simulated board: real, scaled, moved by hand, or paced (timebase.py).

Scaled time has an account: real time that has gone by is credit, and virtual time moves only as far as the credit allows, so that
it is never faster than the scale. timebase installs this module with the first change of mode.

A process that controls the charger may count in a file, some fifty times a second (tools/backend/run_counter.py). While it does
not count, because the machine has no processor time for it, no credit is earned: between two of its commands no seconds of
the charger's time go by that it could not see.
"""

import asyncio.core as core

import utime

from sim import hardware_times, libc, pace, soft_irq, timebase

_BEHIND_US = 30000  # real time that may be made up for, when a scaled run was held up: more is a leap between two looks
_MOST_DEBT_US = 1000000  # of real time: what a paced run pays back at one wait
_UNCOUNTED_US = const(100000)  # of real time that is earned after the last count seen

_credit_us = 0  # real time not yet turned into virtual time
_last_us = 0
_wait = None  # asyncio's own wait
_counter = None  # the mapped file of the process that controls the charger; None: time always passes
_count = -1  # what it held when it was last seen to have changed
_counted_us = 0  # when that was
_looked_ms = -1  # when the board was last looked at, in real time
_hooks = []


def take_over():
    """Have asyncio wait by this module; once."""
    global _wait
    _wait = core.IOQueue.wait_io_event
    core.IOQueue.wait_io_event = _wait_io_event


def on_wait(hook):
    """Call hook() each time asyncio is about to wait."""
    _hooks.append(hook)


def remove_hook(hook):
    """Call it no more. For tests, which share one interpreter."""
    _hooks.remove(hook)


def follow(path):
    """Let time pass only while the first byte of this file changes. OSError when there is no such file."""
    global _counter
    import uctypes

    _counter = uctypes.bytearray_at(libc.map_file(path)[0], 1)


def _uncounted_us(now):
    """The real time since _last_us that exceeds the allowance of the last count."""
    global _count, _counted_us
    if _counter is None:
        return 0
    if _counter[0] != _count:
        _count, _counted_us = _counter[0], now
        return 0
    end = utime.ticks_add(_counted_us, _UNCOUNTED_US)
    return max(0, min(utime.ticks_diff(now, end), utime.ticks_diff(now, _last_us)))


def restart():
    """Begin the account of real and virtual time anew."""
    global _credit_us, _last_us
    timebase.take_spent_us()
    _credit_us = 0
    _last_us = utime.ticks_us()


def _earn(most_us):
    """Turn real time gone by into credit; what code and hardware took of virtual time is spent of it."""
    global _credit_us, _last_us
    now = utime.ticks_us()
    _credit_us -= timebase.take_spent_us() * 1000 // timebase.scale_milli
    _credit_us = min(_credit_us + utime.ticks_diff(now, _last_us) - _uncounted_us(now), most_us)
    _last_us = now


def _reach(dt):
    """Milliseconds to move at most, of dt: up to the next alarm. A callback may make a task ready that waits."""
    alarm = soft_irq.first()
    if alarm is None:
        return dt
    ms = max(0, utime.ticks_diff(alarm.due_ms, timebase.now_ms) + (1 if alarm.due_us else 0))
    return ms if dt < 0 or ms < dt else dt


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
    need_us = dt * 1000000 // timebase.scale_milli
    if _credit_us >= need_us:
        _credit_us -= need_us
        timebase.move(dt)
        _poll(queue, 0)
        return
    _poll(queue, (need_us - _credit_us + 999) // 1000)
    _earn(max(_BEHIND_US, need_us))
    gone = min(dt, _credit_us * timebase.scale_milli // 1000000)
    _credit_us -= gone * 1000000 // timebase.scale_milli
    timebase.move(gone)


def _wait_for_io(queue):
    """No task waits for a time, so asyncio counts on I/O having woken one; meanwhile time passes all the same."""
    while core._task_queue.peek() is None:
        if timebase.by_hand:
            _poll(queue, 1)
            timebase.move(1)
        else:
            _scaled(queue, max(1, timebase.scale_milli // 100))


def _poll(queue, ms):
    """asyncio's own wait, in virtual time: a shim, and on the board a call of select.poll()."""
    soft_irq.enter()
    try:
        timebase.cost(hardware_times.POLL_US, "select.poll")
        _wait(queue, ms)
    finally:
        soft_irq.leave()


def _real(queue, dt):
    """Real time: wait for I/O or dt ms. Without a signal to interrupt the wait, it ends at the first alarm."""
    if timebase.WIDE or soft_irq.first() is None:
        _wait(queue, dt)
        return
    while True:
        alarm = soft_irq.first()
        left_ms = dt if alarm is None else max(0, alarm.after_us(timebase.ticks_ms(), 0) // 1000)
        _wait(queue, left_ms if dt < 0 else min(dt, left_ms))
        soft_irq.enter()
        soft_irq.leave()
        soft_irq.drain()
        if dt >= 0 or core._task_queue.peek() is not None:
            return


def _wait_io_event(queue, dt):
    global _looked_ms
    if dt == 0 and not timebase.virtual:
        now = utime.ticks_ms()
        if now == _looked_ms:  # alarms are due, and the world is looked at, by the millisecond
            if soft_irq.waiting():
                soft_irq.drain()
            _wait(queue, 0)
            return
        _looked_ms = now
    soft_irq.enter()
    for hook in _hooks:
        hook()
    if pace.on:
        pace.watch_collections(timebase.static_heap)
        pace.track()
    soft_irq.leave()
    timebase.look()
    soft_irq.drain()
    if not timebase.virtual:
        _real(queue, dt)
    elif dt < 0:
        _wait_for_io(queue)
    elif not timebase.by_hand:
        _scaled(queue, dt)
    else:
        timebase.move(_reach(dt))
        _poll(queue, 0)
