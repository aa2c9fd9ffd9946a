"""asyncio's task queue for runs of many virtual days on 32-bit words.

The one written in C stamps what is to run at once with the real clock. When virtual time is more than 2^29 ms (6.2
days) ahead, 32-bit ticks wrap and those tasks seem to lie in the future. This one knows virtual time only. Install
it before the first task is made.
"""

import asyncio.core as core

import utime

from sim import timebase


class TaskQueue:
    """Tasks in the order of their wake-up; equal ones in the order of their arrival."""

    def __init__(self):
        self._tasks = []

    def peek(self):
        """The first task, or None."""
        return self._tasks[0] if self._tasks else None

    def push(self, task, key=None):
        """Add a task that is to run at ticks `key`, or at once."""
        task.data = None
        task.ph_key = timebase.ticks_ms() if key is None else key
        tasks = self._tasks
        at = len(tasks)
        while at and utime.ticks_diff(tasks[at - 1].ph_key, task.ph_key) > 0:
            at -= 1
        tasks.insert(at, task)

    def pop(self):
        """Take the first task out; IndexError when there is none."""
        return self._tasks.pop(0)

    def remove(self, task):
        """Take a task out."""
        self._tasks.remove(task)


class Task:
    """As asyncio's Task: state True (running), a queue of those that wait for it, None (ended), False (fetched)."""

    def __init__(self, coro, globals=None):
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif type(self.state) is not TaskQueue:
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if self.state:
            self.state.push(core.cur_task)
            core.cur_task.data = self
        elif self.data is None:
            raise StopIteration
        else:
            raise self.data

    def done(self):
        """True once it has ended."""
        return not self.state

    def cancel(self):
        """Throw CancelledError into it, or into what it waits for."""
        if not self.state:
            return False
        if self is core.cur_task:
            raise RuntimeError("can't cancel self")
        innermost = self
        while isinstance(innermost.data, Task):
            innermost = innermost.data
        innermost._throw_cancelled()
        return True

    def _throw_cancelled(self):
        if hasattr(self.data, "remove"):
            self.data.remove(self)
            core._task_queue.push(self)
        elif utime.ticks_diff(self.ph_key, timebase.ticks_ms()) > 0:
            core._task_queue.remove(self)
            core._task_queue.push(self)
        self.data = core.CancelledError


def install():
    """Use these classes from now on."""
    core.TaskQueue = TaskQueue
    core.Task = Task
    core.new_event_loop()
