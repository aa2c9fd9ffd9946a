"""The clock of a paced board: the firmware's code is charged where a shim begins, with the callbacks whose instants lay in it."""

from micropython import stack_use

from sim import loop_wait, pace, soft_irq, timebase

_TICK_US = 100000  # a timer with a period of at most this is the control tick


class PacedClock:
    """The clock that soft_irq stops where a shim begins."""

    def __init__(self):
        self._by_count = False  # a control tick runs: it is charged by its instruction count

    def stop(self):
        """Charge what ran, with the callbacks whose instants lay in it."""
        us = pace.settle()
        if self._by_count:
            return
        if soft_irq.runs():
            timebase.pass_us(us)
        else:
            left = self._catch_up(us)
            timebase.pass_us(left)
        if pace.collected_us:
            timebase.cost(pace.collected_us, "collection")
            pace.collected_us = 0

    def _catch_up(self, us):
        """Run the callbacks that are due within us; return the rest of us after the last of them."""
        alarm = soft_irq.first()
        while alarm is not None:
            ahead = alarm.after_us(timebase.now_ms, timebase.now_us)
            if ahead > us or stack_use() > timebase.DEEP:
                break
            if ahead > 0:
                timebase.pass_us(ahead)
                us -= ahead
            soft_irq.expire(timebase.now_ms, timebase.now_us)
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
        begun_ms, begun_us = timebase.now_ms, timebase.now_us
        if 0 < alarm.period_us <= _TICK_US:
            self._by_count = True
            timebase.pass_us(pace.tick_us)
        soft_irq.leave()
        try:
            alarm.call(alarm.argument)
        finally:
            soft_irq.enter()
            self._by_count = False
            if timebase.report is not None:
                timebase.report.callback(alarm, begun_ms, begun_us, timebase.now_ms, timebase.now_us)
            soft_irq.leave()


def start(name, outlets=1):
    """Charge the firmware's code from now on, at the pace of a chip or a factor; returns the factor."""
    factor = pace.calibrate(name)
    timebase.go_virtual()
    pace.start(factor, outlets)
    soft_irq.measure_with(PacedClock())
    pace.measure_bracket(_Shim().value)
    loop_wait.restart()
    if timebase.report is not None:
        timebase.report.clear()
    timebase.plan()
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
