"""The queue of messages that are sent once, neither transaction messages nor retried notifications."""

import asyncio

from micropython import const

from charger import log
from charger.errors import CallFailedError

_MOST = const(40)  # queued messages; beyond that the oldest is dropped
MOST_READINGS = const(8)  # with so many queued no MeterValues is added, which takes some 2 KB of heap


class MessageQueue:
    """`call(action, payload, before_accepted)` sends at once. Jobs run one at a time, in order."""

    def __init__(self, call: Callable):
        self.call = call
        self._jobs = []
        self._wake = asyncio.Event()
        self._busy = False

    def post(self, job: Callable, dropped: Callable | None = None) -> None:
        """Queue job(), a function or coroutine function. dropped() is called when it is dropped.

        A job without dropped(), such as a reading or Heartbeat, waits behind those that have one, and is dropped before them.
        """
        jobs = self._jobs
        if len(jobs) >= _MOST:
            log.warn("sender", "queue full: the oldest message is dropped")
            _, forget = jobs.pop(self._ahead() % _MOST)
            if forget is not None:
                forget()
        jobs.insert(len(jobs) if dropped is None else self._ahead(), (job, dropped))
        self._wake.set()

    def _ahead(self) -> int:
        """Return the number of jobs with a dropped()."""
        return sum(1 for job in self._jobs if job[1] is not None)

    def post_call(self, action: str, payload: dict, triggered: bool = False, failed: Callable | None = None,
                  done: Callable | None = None) -> None:
        """Queue a CALL: done(answer) or failed() is called with the outcome. `triggered` goes out before Accepted, too.

        MeterValues that are not triggered are left out while the back end is behind.
        """
        if action == "MeterValues" and not triggered and len(self._jobs) >= MOST_READINGS:
            return
        self.post(lambda: self._once(action, payload, triggered, failed, done), failed)

    async def _once(self, action: str, payload: dict, triggered: bool, failed: Callable | None, done: Callable | None) -> None:
        try:
            answer = await self.call(action, payload, triggered)
        except CallFailedError as error:
            log.warn("sender", action + ": " + log.reason(error))
            if failed is not None:
                failed()
            return
        if done is not None:
            done(answer)

    @property
    def waiting(self) -> int:
        """The number of messages that are queued, without the one that is being sent."""
        return len(self._jobs)

    @property
    def idle(self) -> bool:
        """True when no message is queued or being sent."""
        return not self._jobs and not self._busy

    async def run(self) -> None:
        """The task."""
        while True:
            while self._jobs:
                self._busy = True
                running = self._jobs.pop(0)[0]()
                if hasattr(running, "send"):
                    await running
            self._busy = False
            self._wake.clear()
            await self._wake.wait()
