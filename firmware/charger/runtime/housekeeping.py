"""Jobs of the asyncio loop that run ten times a second or once a second, registered by name in the order they run."""

from micropython import const

from charger import clock, log

try:
    from collections.abc import Callable
except ImportError:  # on the board: annotations are not evaluated there
    pass

_FAST_MS = const(100)
_SLOW_MS = const(1000)


class Housekeeping:
    """Two lists of jobs, each run by its own task. A job is a function that returns within a few milliseconds."""

    def __init__(self) -> None:
        self._fast = []
        self._slow = []

    def every_100_ms(self, name: str, job: Callable[[], None]) -> None:
        """Add a job that runs ten times a second."""
        self._fast.append((name, job))

    def every_second(self, name: str, job: Callable[[], None]) -> None:
        """Add a job that runs once a second."""
        self._slow.append((name, job))

    async def run_fast(self) -> None:
        """The task of the first list."""
        await self._run(self._fast, _FAST_MS)

    async def run_slow(self) -> None:
        """The task of the second list; other tasks run between its jobs."""
        await self._run(self._slow, _SLOW_MS)

    async def _run(self, jobs: list, pause_ms: int) -> None:
        while True:
            for name, job in jobs:
                try:
                    job()
                except Exception:
                    log.error("housekeeping", "the job '%s' failed" % name)
                    raise  # the supervisor logs the reason and restarts the task
                if pause_ms == _SLOW_MS:
                    await clock.sleep_ms(0)
            await clock.sleep_ms(pause_ms)
