"""Starts every task, restarts those that may be restarted, and stops feeding the watchdog when a vital task ends."""

import asyncio
import gc
import sys

from charger import clock, log

_RESTART_FIRST_MS = 1000
_RESTART_LAST_MS = 60000


class Supervisor:
    """`failed` names the vital task that ended; from then on the watchdog is not fed and resets the chip."""

    def __init__(self, watchdog: Any, on_event: Callable | None = None):
        """`on_event(event, info)` is called for a task that ran out of memory (WP-43)."""
        self._watchdog = watchdog
        self._on_event = on_event
        self.failed = None
        self.restarts = 0

    def feed(self) -> None:
        """Feed the watchdog; called only by the control tick."""
        if self.failed is None:
            self._watchdog.feed()

    def start(self, name: str, job: Any, vital: bool = False) -> None:
        """Run `await job()` as a task. A vital one may not end; any other is restarted with a growing pause."""
        asyncio.create_task(self._run(name, job, vital))  # noqa: RUF006 - MicroPython's scheduler holds its tasks

    async def _run(self, name: str, job: Any, vital: bool) -> None:
        pause_ms = _RESTART_FIRST_MS
        while True:
            started = clock.ticks_ms()
            try:
                await job()
                (log.warn if vital else log.info)("supervisor", name + " ended")
            except Exception as error:  # noqa: BLE001 - whatever a task dies of, the charger goes on or resets
                self._report(name, error)
            if vital:
                self.failed = name
                return
            self.restarts += 1
            if clock.elapsed_ms(started) > _RESTART_LAST_MS:
                pause_ms = _RESTART_FIRST_MS
            await clock.sleep_ms(pause_ms)
            pause_ms = min(pause_ms * 2, _RESTART_LAST_MS)

    def _report(self, name: str, error: BaseException) -> None:
        """Log the exception that ended a task; without memory for that, the task is restarted all the same."""
        if isinstance(error, MemoryError):
            gc.collect()
        try:
            log.error("supervisor", name + " failed: " + log.reason(error))
            sys.print_exception(error)
            if self._on_event is not None and isinstance(error, MemoryError):
                self._on_event("MemoryExhaustion", name)
        except MemoryError:
            gc.collect()
