"""Reset (OCPP-70): ends the sessions with the reason of the reset, sends their messages, then restarts the unit."""

import asyncio

from micropython import const

from charger import clock

_END_MS = const(10000)  # time for a session to end before a restart
_GOODBYE_MS = const(9000)
_FLUSH_MS = const(20000)  # time for sending the last messages before a soft reset
_HARD_FLUSH_MS = const(5000)  # and a hard one


class UnitReset:
    """Created by the first Reset; nothing follows its restart. `running` is its task, None before begin()."""

    def __init__(self, connectors: list, queue: TransactionQueue, ready: Callable, link: Any, restart: Callable):
        """`link` is the connection, None without one; see ChargePoint for ready() and restart(kind)."""
        self.running = None
        self._connectors = connectors
        self._queue = queue
        self._ready = ready
        self._link = link
        self._restart = restart
        self._hard = False

    def begin(self, kind: str) -> None:
        """Begin a reset, "Soft" or "Hard". A hard reset replaces a soft one that is under way."""
        self._hard = self._hard or kind == "Hard"
        if self.running is None:
            for connector in self._connectors:
                connector.close(kind + "Reset")
            self.running = asyncio.create_task(self._run(kind))

    async def _run(self, kind: str) -> None:
        started = clock.ticks_ms()
        while any(connector.session is not None for connector in self._connectors) and clock.elapsed_ms(started) < _END_MS:
            await clock.sleep_ms(100)
        started = clock.ticks_ms()  # time for the sessions' last messages; the rest is sent after the restart
        while self._ready() and self._queue.waiting:
            if clock.elapsed_ms(started) >= (_HARD_FLUSH_MS if self._hard else _FLUSH_MS):
                break
            await clock.sleep_ms(100)
        if self._hard and self._link is not None:
            await self._link.close(_GOODBYE_MS)
        self._restart(kind)
