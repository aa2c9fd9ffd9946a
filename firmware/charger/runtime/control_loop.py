"""The control loop: a hardware timer runs every outlet's tick each 20 ms, whatever the asyncio loop does.

The timer's callback runs between any two byte codes of the loop; only a long call of C code delays it, and the next tick
opens the contactors when it is later than the board allows. The callback allocates nothing.
"""

from micropython import const

from charger import clock

try:
    from collections.abc import Callable
except ImportError:  # on the board: annotations are not evaluated there
    pass

TICK_MS = const(20)
_MIN_GAP_MS = const(10)  # callbacks queued during a long C call run at once: one tick is enough
_LOOP_SILENT_MS = const(8000)  # an asyncio loop without a heartbeat for so long has stopped
_HEARTBEAT_MS = const(100)
_COUNT_MASK = const(0x1FFFFFFF)  # a small integer on 32-bit boards


class ControlLoop:
    """`ticks`, `max_gap_ms` and `max_us` are its statistics; `failed` is True after an exception has ended it."""

    def __init__(
        self, timer: Any, outlets: list, feed_watchdog: Callable[[], None], contactors_moved: Callable[[], None]
    ) -> None:
        """`timer` is a machine.Timer. Each tick calls `feed_watchdog` while the asyncio loop has its heartbeat, and
        `contactors_moved` after the outlets have moved their contactors.
        """
        self.ticks = 0
        self.max_gap_ms = 0
        self.max_us = 0
        self.failed = False
        self._start_us = 0
        self._timer = timer
        self._outlets = outlets
        self._feed_watchdog = feed_watchdog
        self._contactors_moved = contactors_moved
        self._callback = self._on_timer  # created once: a bound method is an object
        self._last_ms = 0
        self._heartbeat = False  # set by the loop, cleared by the tick
        self._silent_ms = 0

    def start(self) -> None:
        """Start the timer."""
        self._last_ms = clock.ticks_ms()
        self._timer.init(mode=self._timer.PERIODIC, period=TICK_MS, callback=self._callback)

    def stop(self) -> None:
        """Stop the timer: every contactor opens and stays open, and the watchdog is no longer fed."""
        self._timer.deinit()
        for outlet in self._outlets:
            outlet.emergency_open()

    # A function that needs more than 11 words for its local variables and its stack gets its frame from the heap, which
    # is why these are short.

    def _on_timer(self, _timer: object) -> None:
        self.failed = True
        try:
            self._step_when_due()
            self.failed = False
        finally:  # the exception is passed to the interpreter, which prints it
            if self.failed:
                self.stop()

    def _step_when_due(self) -> None:
        now = clock.ticks_ms()
        gap_ms = clock.ticks_diff(now, self._last_ms)
        if gap_ms >= _MIN_GAP_MS:
            self._last_ms = now
            self.step(gap_ms)

    def step(self, gap_ms: int) -> None:
        """One control step of all outlets, gap_ms after the last one. Allocates nothing."""
        self._start_us = clock.ticks_us()
        for outlet in self._outlets:
            outlet.tick(gap_ms)
        self._contactors_moved()
        self._account(gap_ms)

    def _account(self, gap_ms: int) -> None:
        self.ticks = (self.ticks + 1) & _COUNT_MASK
        if gap_ms > self.max_gap_ms:
            self.max_gap_ms = gap_ms
        if self._heartbeat:
            self._heartbeat = False
            self._silent_ms = 0
        elif self._silent_ms < _LOOP_SILENT_MS:
            self._silent_ms += gap_ms
        if self._silent_ms < _LOOP_SILENT_MS:
            self._feed_watchdog()
        spent_us = clock.ticks_diff(clock.ticks_us(), self._start_us)
        if spent_us > self.max_us:
            self.max_us = spent_us

    async def prove_loop(self) -> None:
        """The asyncio loop's heartbeat, a task; it ends when the ticks have ended, so that the supervisor logs it."""
        while not self.failed:
            self._heartbeat = True
            clock.advance()
            await clock.sleep_ms(_HEARTBEAT_MS)
        raise RuntimeError("a control tick has failed")
