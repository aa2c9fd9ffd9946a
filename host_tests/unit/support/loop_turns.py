# Whether the event loop goes on while something else is awaited.
import asyncio


class LoopTurns:
    """`count` rises by one each pause_ms while the event loop turns, until stop()."""

    def __init__(self, pause_ms=0):
        self.count = 0
        self._task = asyncio.create_task(self._run(pause_ms))

    async def _run(self, pause_ms):
        while True:
            await asyncio.sleep_ms(pause_ms)
            self.count += 1

    def stop(self):
        """End the counting."""
        self._task.cancel()


async def cancelled(task):
    """Cancel a task and wait for its end; AssertionError when it swallows the cancellation."""
    task.cancel()
    try:
        await task
        raise AssertionError("not cancelled")
    except asyncio.CancelledError:
        pass
