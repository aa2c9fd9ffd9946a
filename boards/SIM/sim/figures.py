"""The figures of --pace for `status`: the tick, the longest slices of Python with their tasks, the longest gaps, CPU shares.

All times are board time. asyncio's loop runs here, because a step of a task is what is measured; its tasks are named by
their coroutine, and those of the supervisor by their job.
"""

import asyncio
import asyncio.core as core
from array import array

import utime
from micropython import const

from sim import pace, soft_irq, timebase, world

_SLICES = const(20)
_GAPS = const(8)
_TICK_MS = const(100)  # a timer with a period of at most this is the control tick
_SUB = const(8)  # parts of an octave in the histogram: 9 %
_BUCKETS = const(240)
_LEAST_SLICE_US = const(2000)


class _Longest:
    """The longest entries seen, in lists that are made once: [us, hardware us, name, what, when in ms, times]."""

    def __init__(self, count):
        self.rows = [[0, 0, "", "", 0, 0] for _ in range(count)]
        self.zero_ms = 0

    def add(self, us, hardware_us, name, what, at_ms):
        """One of a kind (name and what) is kept: the longest; and how many there were."""
        least = self.rows[0]
        for row in self.rows:
            if row[2] == name and row[3] == what:
                row[5] += 1
                least = row
                break
            if row[0] < least[0]:
                least = row
        else:
            if us <= least[0]:
                return
            least[2] = name
            least[3] = what
            least[5] = 1
            least[0] = 0
        if us > least[0]:
            least[0] = us
            least[1] = hardware_us
            least[4] = at_ms

    def report(self):
        """The rows as dictionaries, longest first."""
        rows = sorted([row for row in self.rows if row[0]], key=_first, reverse=True)
        return [{"us": row[0], "hardware_us": row[1], "task": row[2], "what": row[3],
                 "at_ms": utime.ticks_diff(row[4], self.zero_ms), "times": row[5]}
                for row in rows]  # fmt: skip


def _first(row):
    return row[0]


def _us_between(begun_ms, begun_us, now_ms, now_us):
    """Microseconds, of less than 17 minutes."""
    return utime.ticks_diff(now_ms, begun_ms) * 1000 + now_us - begun_us


def _bucket(us):
    octave = 0
    while us >= 2 * _SUB:
        us >>= 1
        octave += 1
    return min(octave * _SUB + us, _BUCKETS - 1)


def _upper_us(bucket):
    if bucket < 2 * _SUB:
        return bucket
    octave = bucket // _SUB - 1
    return ((bucket % _SUB + _SUB + 1) << octave) - 1


class Figures:
    """Counted since the start or the last clear()."""

    def __init__(self):
        self.slices = _Longest(_SLICES)
        self.gaps = _Longest(_GAPS)
        self.names = {}  # task, by id: name
        self.share_us = {}
        self.hardware_us = {}
        self._histogram = array("L", [0] * _BUCKETS)
        self.task = "start"

        self.clear()

    def clear(self):
        """Count from now on."""
        self.ticks = 0
        self.tick_us = 0
        self.tick_most_us = 0
        self.gap_us = 0
        self.closed_gap_us = 0  # with a contactor closed at its beginning
        self._closed = False
        self.callbacks_us = 0
        self._last_ms = None
        self._last_us = 0
        self._held_us = 0
        self._held_by = ""
        for number in range(_BUCKETS):
            self._histogram[number] = 0
        for longest in (self.slices, self.gaps):
            longest.zero_ms = timebase.ticks_ms()
            for row in longest.rows:
                row[0] = row[5] = 0
                row[2] = row[3] = ""

    # --- what happens ---

    def hardware(self, what, us):
        """`what` took us of the hardware's own time."""
        self.hardware_us[what] = self.hardware_us.get(what, 0) + us
        if us > self._held_us:
            self._held_us = us
            self._held_by = what

    def callback(self, alarm, begun_ms, begun_us, now_ms, now_us):
        """A soft interrupt ran."""
        us = _us_between(begun_ms, begun_us, now_ms, now_us)
        self.callbacks_us += us
        if not 0 < alarm.period_us <= _TICK_MS * 1000:
            return
        self.ticks += 1
        self.tick_us += us
        self._histogram[_bucket(us)] += 1
        if us > self.tick_most_us:
            self.tick_most_us = us
        if self._last_ms is not None:
            gap = _us_between(self._last_ms, self._last_us, begun_ms, begun_us)
            if gap > self.gap_us:
                self.gap_us = gap
            if self._closed and gap > self.closed_gap_us:
                self.closed_gap_us = gap
            if gap > alarm.period_us + 5000:
                self.gaps.add(gap, self._held_us, self.task, self._held_by + (", closed" if self._closed else ""), begun_ms)
        self._closed = False
        for outlet in world.current().outlets:
            if outlet.contactor.closed:
                self._closed = True
        self._last_ms = begun_ms
        self._last_us = begun_us
        self._held_us = 0
        self._held_by = ""

    # --- report ---

    def _part_us(self, permille):
        left = self.ticks * permille // 1000
        for number in range(_BUCKETS):
            left -= self._histogram[number]
            if left < 0:
                return min(_upper_us(number), self.tick_most_us)
        return self.tick_most_us

    def report(self):
        """For `status`."""
        tick = {
            "count": self.ticks, "median_us": self._part_us(500), "p99_us": self._part_us(990), "max_us": self.tick_most_us,
            "max_gap_ms": (self.gap_us + 999) // 1000,
            "max_gap_closed_ms": (self.closed_gap_us + 999) // 1000, "lost": soft_irq.lost,
        }  # fmt: skip
        return {
            "tick": tick, "slices": self.slices.report(), "gaps": self.gaps.report(),
            "cpu_ms": {name: us // 1000 for name, us in self.share_us.items()},
            "hardware_ms": {name: us // 1000 for name, us in self.hardware_us.items()},
        }  # fmt: skip


current = None


def _name_of(coro):
    """<generator object '_run' at 7f...> gives _run."""
    parts = str(coro).split("'")
    return parts[1] if len(parts) > 2 else str(coro)


def _create_task(coro):
    task = _asyncio_create_task(coro)
    soft_irq.enter()
    current.names[id(task)] = _name_of(coro)
    soft_irq.leave()
    return task


def name_jobs(app):
    """Have the tasks of the firmware's supervisor named after their jobs; `app` is the module that makes it."""

    class Named(app.Supervisor):
        def start(self, name, job, vital=False):
            create = asyncio.create_task

            def create_named(coro):
                task = create(coro)
                soft_irq.enter()
                current.names[id(task)] = name
                soft_irq.leave()
                return task

            asyncio.create_task = create_named
            try:
                super().start(name, job, vital)
            finally:
                asyncio.create_task = create

    app.Supervisor = Named


def _step(task):
    """Run a task up to its next await and note its cost."""
    figures = current
    soft_irq.enter()
    name = figures.names.get(id(task), "?")
    hidden = name == "_control" or name == "serve"
    figures.task = name
    begun_ms, begun_us, callbacks_us = timebase.now_ms, timebase.now_us, figures.callbacks_us
    hardware_us = timebase.hardware_us
    soft_irq_leave = soft_irq.leave
    if not hidden:
        soft_irq_leave()
    try:
        exc = task.data
        if not exc:
            task.coro.send(None)
        else:
            task.data = None
            task.coro.throw(exc)
    finally:
        if not hidden:
            soft_irq.enter()
        us = _us_between(begun_ms, begun_us, timebase.now_ms, timebase.now_us) - (figures.callbacks_us - callbacks_us)
        figures.share_us[name] = figures.share_us.get(name, 0) + us
        if us > _LEAST_SLICE_US:
            figures.slices.add(us, timebase.hardware_us - hardware_us, name, "", begun_ms)
        figures.task = "asyncio"
        soft_irq.leave()


def _next_task():
    """Wait until a task may run, and take it out of the queue; None when none ever will."""
    dt = 1
    while dt > 0:
        dt = -1
        task = core._task_queue.peek()
        if task:
            dt = max(0, core.ticks_diff(task.ph_key, core.ticks()))
        elif not core._io_queue.map:
            core.cur_task = None
            return None
        core._io_queue.wait_io_event(dt)
    return core._task_queue.pop()


def _ended(task, error):
    """A task is over: wake the tasks that wait for it, or report its exception when none does."""
    current.names.pop(id(task), None)
    if not task.state:
        if task.state is None:
            core._exc_context["exception"] = error
            core._exc_context["future"] = task
            core.Loop.call_exception_handler(core._exc_context)
        return
    awaited = False
    if task.state is True:
        task.state = None
    elif callable(task.state):
        task.state(task, error)
        task.state = False
        awaited = True
    else:
        while task.state.peek():
            core._task_queue.push(task.state.pop())
            awaited = True
        task.state = False
    if not awaited and not isinstance(error, (core.CancelledError, StopIteration)):
        core._task_queue.push(task)
    task.data = error


def _run_until_complete(main_task=None):
    """asyncio's loop, with each step measured."""
    caught = (core.CancelledError, Exception)
    while True:
        task = _next_task()
        if task is None:
            return None
        core.cur_task = task
        try:
            _step(task)
        except caught as error:
            if task is main_task:
                core.cur_task = None
                if isinstance(error, StopIteration):
                    return error.value
                raise
            _ended(task, error)


_asyncio_create_task = core.create_task


def install():
    """Measure from now on."""
    global current
    current = Figures()
    core.create_task = asyncio.create_task = _create_task
    core.run_until_complete = _run_until_complete
    timebase.report_to(current)


def report():
    """Figures and the pace itself."""
    found = current.report()
    found["factor"] = pace.factor16 / 16
    found["collections"] = {"count": pace.collections, "us": pace._collection_us}
    return found
