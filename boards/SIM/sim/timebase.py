"""Time of the simulated board: real, scaled, or moved by hand.

- Real (scale 1): the interpreter's own clock.
- Scaled: time stands still while code runs and moves only where asyncio waits, up to the next task's wake-up and never
  faster than scale x real. When the machine cannot keep up, time just runs slower; no task is late for that reason.
- Manual: time moves by advance(ms), and where asyncio waits it jumps to the next wake-up at once. For unit tests.

`ticks_us` moves with the same time, and within a millisecond of virtual time with what conversions and short waits take
(convert(), take(), sleep_us()); code takes none. A long computation measures itself by utime.ticks_us().

- Paced (paced_clock.py): as scaled, or manual, but time also moves by what the firmware's code costs and by what the hardware
  takes: pace.py, hardware_times.py. Then ticks_us follows too.

Soft interrupts (soft_irq.py) are exact in virtual time: it never moves past an alarm without having stopped there and
let its callback run. In real time a signal schedules them. Paced, code that has run already is charged up to the alarm's
instant, its callback runs there, and the rest of the code is charged after it: between two shims nothing of the board is
seen, so it makes no difference that the callback runs at the end of that code.
"""

import sys

import utime
from micropython import stack_use

from sim import pace, soft_irq

_TICKS_MASK = utime.ticks_add(0, -1)  # where the port's ticks wrap
_MS_THAT_FIT = (1 << 19) - 1  # milliseconds that, as microseconds, are a small integer of 31 bits
WIDE = sys.maxsize > 0x7FFFFFFF
DEEP = 60000 if WIDE else 28000  # of 80,000 and 40,000 bytes of stack
_SMALL = (1 << 29) - 1
_HEAD_START_MS = 3600000  # manual time starts this far ahead: see manual()

scale_milli = 1000
virtual = False
by_hand = False
now_ms = 0
now_us = 0  # below now_ms's millisecond: paced only
_spent_us = 0  # virtual time that code and hardware took since the last wait, paced
_offset = 0  # of real mode, after a scaled one
_converting_us = 0  # spent on conversions since the millisecond that began last
_converting_ms = 0
_taken_us = 0  # in real time, on top of it, modulo 2^29
_loop_wait = None  # the module that makes asyncio wait by this time, once it is installed
static_heap = 0  # bytes that the simulated world holds: start.py measures it
hardware_us = 0  # that cost() added, modulo 2^29
report = None  # the figures of status, paced
_signal = None  # the POSIX timer of real time, made with the first alarm


def ticks_ms():
    """As time.ticks_ms(). Allocates nothing."""
    if virtual:
        if pace.on and not soft_irq.busy:
            soft_irq.enter()
            soft_irq.leave()
        return now_ms
    return utime.ticks_add(utime.ticks_ms(), _offset)


def ticks_us():
    """As time.ticks_us(). Allocates nothing."""
    if not virtual:
        return utime.ticks_add(utime.ticks_us(), _taken_us)
    us = now_us
    if not pace.on:
        us = _converting_us if _converting_ms == now_ms else 0
    elif not soft_irq.busy:
        soft_irq.enter()
        soft_irq.leave()
        us = now_us
    return utime.ticks_add((now_ms & _MS_THAT_FIT) * 1000 & _TICKS_MASK, us)


def convert(us):
    """The ADC takes us for a conversion, which the interpreter waits for in real time."""
    if virtual:
        take(us)
    else:
        utime.sleep_us(us)


def take(us):
    """Hardware takes us of ticks_us(), but for a paced board, where cost() says so. In real time it is not waited for."""
    global _converting_us, _converting_ms, _taken_us
    if pace.on:
        return
    if not virtual:
        _taken_us = (_taken_us + us) & _SMALL
    elif _converting_ms == now_ms:
        _converting_us += us
    else:
        _converting_ms = now_ms
        _converting_us = us


def set_scale(scale):
    """Run `scale` times as fast as real time, from now on; 1 is plain real time. ValueError outside 0.001 to 100000."""
    global scale_milli, virtual, by_hand, now_ms, _offset
    milli = int(scale * 1000 + 0.5)
    if not 1 <= milli <= 100000000:
        raise ValueError("time scale out of range")
    install()
    now = ticks_ms()
    by_hand = False
    scale_milli = milli
    if milli == 1000 and not pace.on:
        virtual = False
        _offset = utime.ticks_diff(now, utime.ticks_ms())
    else:
        now_ms = now
        virtual = True
        _loop_wait.restart()
    plan()


def begin(scale):
    """set_scale() at the start of a process, before anything has looked at the time.

    Virtual time starts ahead of real time for the reason of manual(): a start that takes this machine two seconds would
    leave every new task waiting until virtual time has caught up, and the meter would count as lost.
    """
    global now_ms
    set_scale(scale)
    if virtual:
        now_ms = utime.ticks_add(now_ms, _HEAD_START_MS)


def manual():
    """From now on time moves only by advance() and where asyncio waits.

    Starts an hour ahead of real time: asyncio's task queue, written in C, stamps what is to run at once with the real
    clock, and what is to run at once must never lie in the future.
    """
    global virtual, by_hand, now_ms
    install()
    if not by_hand:
        now_ms = utime.ticks_add(ticks_ms(), _HEAD_START_MS)
        soft_irq.shift(_HEAD_START_MS)
    virtual = by_hand = True
    plan()


# --- alarms ---


def arm(alarm, after_us, period_us=0):
    """Let a soft_irq.Alarm fall due after_us from now, and each period_us again when that is not 0."""
    alarm.arm(ticks_ms(), now_us, after_us, period_us)
    plan()


def plan():
    """In real time: have the signal come when the first alarm is due. Allocates nothing once the timer is there.

    The 32-bit interpreter has no signal: its stack of 40 KB is too small for the kernel's frame of 11 KB. There shims and
    asyncio's wait look whether an alarm is due.
    """
    global _signal
    alarm = soft_irq.first()
    soft_irq.due_real_ms = -1
    if not WIDE and not virtual and alarm is not None:
        soft_irq.due_real_ms = utime.ticks_add(alarm.due_ms, -_offset)
    if not WIDE or virtual or alarm is None:
        if _signal is not None:
            _signal.stop()
        return
    if _signal is None:
        from sim import posix_timer

        _signal = posix_timer.PosixTimer(_on_signal)
    _signal.start(alarm.after_us(ticks_ms(), 0))


def _on_signal(_):
    # The kernel's frame alone takes some 11 KiB of the stack; calls that find no room would only print a traceback.
    if soft_irq.busy or stack_use() > DEEP:
        soft_irq.missed = True
    elif not virtual:
        _expire()


def _expire():
    """Post the due alarms."""
    if not virtual:
        soft_irq.expire(ticks_ms(), 0)
        plan()


soft_irq.on_missed(_expire)


# --- pace ---


def pass_us(us):
    """Virtual time goes on by what code or hardware took. Allocates nothing."""
    global now_ms, now_us, _spent_us
    _spent_us += us
    us += now_us
    now_ms = utime.ticks_add(now_ms, us // 1000)
    now_us = us % 1000


def go_virtual():
    """Virtual time from here on, an hour ahead of real time: see manual()."""
    global virtual, now_ms
    install()
    if not virtual:
        now_ms = utime.ticks_add(ticks_ms(), _HEAD_START_MS)
        soft_irq.shift(_HEAD_START_MS)
        virtual = True


def take_spent_us():
    """The virtual time that code and hardware took since the last call."""
    global _spent_us
    us = _spent_us
    _spent_us = 0
    return us


def cost(us, what):
    """Hardware takes us, with nothing of Python in between. Inside of a shim only; nothing without a pace."""
    global hardware_us
    if pace.on:
        pass_us(us)
        hardware_us = (hardware_us + us) & _SMALL
        if report is not None:
            report.hardware(what, us)


def report_to(figures):
    """figures.callback(alarm, begun_ms, begun_us, now_ms, now_us) after each callback while paced."""
    global report
    report = figures


def _reaches(end, alarm):
    """Move on to the instant of an alarm, unless it lies behind `end`: then False."""
    global now_ms, now_us
    due_ms = alarm.due_ms
    due_us = alarm.due_us
    if due_us and not pace.on:
        due_ms = utime.ticks_add(due_ms, 1)
        due_us = 0
    left = utime.ticks_diff(end, due_ms)
    if left < 0 or (left == 0 and due_us):
        return False
    ahead = utime.ticks_diff(due_ms, now_ms)
    if ahead > 0 or (ahead == 0 and due_us > now_us):
        now_ms = due_ms
        now_us = due_us
    return True


def move(ms):
    """Virtual time moves on by ms, and stops at each alarm on the way to let its callback run.

    0 ms and less lets those run that are due now: real time may have stopped at the instant of one.
    """
    global now_ms, now_us
    soft_irq.enter()
    end = utime.ticks_add(now_ms, max(0, ms))
    while True:
        alarm = soft_irq.first()
        if alarm is None:
            break
        if not _reaches(end, alarm):
            break
        soft_irq.expire(now_ms, now_us)
        soft_irq.leave()
        soft_irq.drain()
        soft_irq.enter()
    if utime.ticks_diff(end, now_ms) > 0:
        now_ms = end
        now_us = 0
    soft_irq.leave()


def advance(ms):
    """Manual mode: let ms milliseconds pass."""
    if not by_hand:
        raise RuntimeError("time is not moved by hand")
    look()
    move(ms)
    soft_irq.drain()


def sleep_ms(ms):
    """As time.sleep_ms(): tasks wait, soft interrupts come."""
    if ms <= 0:
        return
    look()
    if not virtual:
        _sleep_real(ms)
        return
    move(ms)
    soft_irq.drain()
    if pace.on:
        _spend(ms)
    elif not by_hand:
        utime.sleep_us(ms * 1000000 // scale_milli)


def _sleep_real(ms):
    """Real time; without a signal to run the callbacks it is cut into milliseconds."""
    if WIDE or soft_irq.first() is None:
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
    global now_ms
    soft_irq.enter()
    if not virtual:
        begun = utime.ticks_ms()
        while utime.ticks_diff(utime.ticks_ms(), begun) < ms:
            pass
    else:
        now_ms = utime.ticks_add(now_ms, ms)
        if pace.on:
            _spend(ms)
        elif not by_hand:
            utime.sleep_us(ms * 1000000 // scale_milli)
        soft_irq.expire(now_ms, now_us)
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


def install():
    """Have asyncio wait by this time; idempotent."""
    global _loop_wait
    if _loop_wait is None:
        from sim import loop_wait

        loop_wait.take_over()
        _loop_wait = loop_wait
