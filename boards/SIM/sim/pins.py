"""`machine.Pin` and `machine.Signal` of the simulated board.

Pin.irq() handlers are soft interrupts: they run between byte codes. A line that knows when its level will change by itself
says so with next_ms() (lines.py); every other one is looked at when something was done to the world, and when asyncio waits.
"""

import utime
from micropython import const

from sim import hardware_times, soft_irq, timebase, world

_FLOATING = object()
_RISING = const(1)
_FALLING = const(2)
_watches = []
# A pad on hold keeps its level; what is driven meanwhile waits here: a level, or a PWM's duty + _PWM, or -1
_PWM = const(0x10000)
_PWM_START_MS = const(2)  # a PWM that starts shows up to two periods of 50 % first (machine_pwm.c, configure_channel)
_held = bytearray(128)
_waiting = [-1] * 128
_pwm_started_ms = [0] * 128


class Pin:
    """A pin by number."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=None, pull=None, *, value=None, drive=None, hold=None):
        if isinstance(id, Pin):
            id = id.id
        if type(id) is not int or not 0 <= id < 128:
            raise ValueError("invalid pin")
        self.id = id
        self._line = world.current().line(id)
        self._mode = mode
        self.init(mode, pull, value=value, hold=hold)

    def init(self, mode=None, pull=None, *, value=None, drive=None, hold=None):
        """Set the mode; a value is driven before the pin becomes an output."""
        if mode is not None:
            self._mode = mode
        if value is not None:
            self._drive(1 if value else 0)
        if hold is not None:
            self._release()
            _held[self.id] = 1 if hold else 0

    def _release(self):
        """End a hold: the pad follows what was driven last."""
        wanted = _waiting[self.id]
        _waiting[self.id] = -1
        _held[self.id] = 0
        if wanted >= _PWM:
            if utime.ticks_diff(timebase.ticks_ms(), _pwm_started_ms[self.id]) < _PWM_START_MS:
                self._line.pwm(32768)
            self._line.pwm(wanted - _PWM)
        elif wanted >= 0:
            self._drive(wanted)

    def _drive(self, level):
        if _held[self.id]:
            _waiting[self.id] = level
            return
        soft_irq.enter()
        try:
            self._write(level)
        finally:
            soft_irq.leave()

    def _write(self, level):
        timebase.cost(hardware_times.SHIM_CALL_US, "Pin")
        self._line.write(level)
        if _watches:
            look()

    def _read(self):
        timebase.cost(hardware_times.SHIM_CALL_US, "Pin")
        return self._line.read()

    def value(self, x=_FLOATING):
        """Level, or set it."""
        if x is not _FLOATING:
            self._drive(1 if x else 0)
            return None
        soft_irq.enter()
        try:
            return self._read()
        finally:
            soft_irq.leave()

    __call__ = value

    def on(self):
        """Set to 1."""
        self._drive(1)

    def off(self):
        """Set to 0."""
        self._drive(0)

    def irq(self, handler=None, trigger=_RISING | _FALLING, wake=None, hard=False):
        """Call handler(pin) when the level has changed."""
        if hard:
            raise ValueError("hard interrupts are not supported")
        for watch in _watches:
            if watch.pin.id == self.id:
                _watches.remove(watch)
                break
        if handler is not None:
            _watches.append(_Watch(self, handler, trigger))
            look()

    def __repr__(self):
        return "Pin(%d)" % self.id


def drive_pwm(pin, duty, started_ms):
    """A PWM that started at started_ms drives the pad of a pin, unless that is on hold."""
    if _held[pin.id]:
        _waiting[pin.id] = _PWM + duty
        _pwm_started_ms[pin.id] = started_ms
        return
    soft_irq.enter()
    try:
        timebase.cost(hardware_times.PWM_SET_US, "PWM")
        pin._line.pwm(duty)
    finally:
        soft_irq.leave()


class _Watch:
    def __init__(self, pin, handler, trigger):
        self.pin = pin
        self.line = pin._line
        self.trigger = trigger
        self.level = self.line.read()
        self.alarm = soft_irq.Alarm(handler, pin)

    def look(self):
        """Post the handler if the level has changed; ms until it may change by itself, -1 for never."""
        level = self.line.read()
        if level != self.level:
            self.level = level
            if self.trigger & (_RISING if level else _FALLING):
                soft_irq.post(self.alarm)
        return self.line.next_ms()


def _look_again(_):
    look()


_again = soft_irq.Alarm(_look_again, None)


def look():
    """Post the handler of each watched pin that has changed, and come back when one may change by itself."""
    if not _watches:
        return
    soft_irq.enter()
    try:
        _look_at_watched()
    finally:
        soft_irq.leave()


def _look_at_watched():
    soonest = -1
    for watch in _watches:
        ms = watch.look()
        if ms >= 0 and (soonest < 0 or ms < soonest):
            soonest = ms
    if soonest >= 0:
        timebase.arm(_again, max(1, soonest) * 1000)
    else:
        _again.armed = False


timebase.on_look(look)


class Signal:
    """A pin that may be inverted."""

    def __init__(self, pin, invert=False):
        self._pin = pin
        self._invert = invert

    def value(self, x=None):
        """Logical level, or set it."""
        if x is None:
            return 1 - self._pin.value() if self._invert else self._pin.value()
        self._pin.value(not x if self._invert else x)
        return None

    def on(self):
        """Set to active."""
        self.value(1)

    def off(self):
        """Set to inactive."""
        self.value(0)
