"""Self-test of the residual current device: before every closure and at least each 24 h (CP-43).

Stepped by the control tick, only while the contactor is open. It allocates nothing.
"""

from micropython import const

_DAY_MS = const(86400000)
RETEST_MS = const(60000)  # between two tests after a failed one; so long a passed one is good for a closure
_TRIES = const(3)  # so many failures in a row are a failed test: a disturbance is none

_IDLE = const(0)
_PULSE = const(1)
_RELEASE = const(2)
_REST = const(3)  # after a failure: an answer that comes late is none of the next test


class RcdSelfTest:
    """`passed` is good for one closure soon after it; `failed` holds until a later test passes."""

    def __init__(self, rcd: Any) -> None:
        self._rcd = rcd
        self._phase = _IDLE
        self._phase_ms = 0
        self._age_ms = _DAY_MS
        self._retest_ms = 0
        self._failures = 0
        self.passed = False
        self.failed = False

    @property
    def running(self) -> bool:
        """True from the start of the pulse until the device has let go."""
        return self._phase != _IDLE

    @property
    def due(self) -> bool:
        """True when the last passed test is a day old."""
        return self._age_ms >= _DAY_MS

    def start(self) -> None:
        """Begin a test; the contactor must be open."""
        self.passed = False
        self._phase = _PULSE
        self._phase_ms = 0
        self._rcd.test(True)

    def schedule(self, dt_ms: int, outlet: Outlet) -> None:
        """One tick: daily while the contactor is open, and again a minute after a failed test (CP-43)."""
        self.step(dt_ms, outlet.dt_ms, outlet.rcd_tripped)
        if self._retest_ms < RETEST_MS:
            self._retest_ms += dt_ms
        if self.running or outlet.contactor.commanded or outlet.rcd_tripped:
            return
        if self.failed:
            if self._retest_ms >= RETEST_MS:
                self.start()
        elif self.due:
            self.start()

    def request_repeat(self) -> None:
        """The owner has acted: a failed test is repeated now."""
        self._retest_ms = RETEST_MS

    def use(self) -> None:
        """A closure uses up the passed test: the next one needs its own."""
        self.passed = False

    def step(self, dt_ms: int, seen_ms: int, tripped: bool) -> None:
        """One tick, with the device's trip contact as it is now. seen_ms: a hold-up, in which no answer was seen, as one tick."""
        if self._age_ms < _DAY_MS:
            self._age_ms += dt_ms
        if self._phase == _IDLE:
            if self._age_ms >= RETEST_MS:
                self.passed = False
            return
        self._phase_ms += seen_ms
        if self._phase == _PULSE and tripped:
            self._rcd.test(False)
            self._phase = _RELEASE
            self._phase_ms = 0
        elif self._phase == _RELEASE and not tripped:
            self._end(True)
        elif self._phase_ms > (self._rcd.answer_ms if self._phase == _PULSE else self._rcd.release_ms):
            if self._phase == _REST:
                self._phase = _IDLE
            else:
                self._end(False)

    def _end(self, passed: bool) -> None:
        self._rcd.test(False)
        self._phase = _IDLE if passed else _REST
        self._phase_ms = 0
        self.passed = passed
        self._failures = 0 if passed else self._failures + 1
        if passed:
            self._age_ms = 0
            self.failed = False
        elif self._failures >= _TRIES:
            self._failures = self._retest_ms = 0
            self.failed = True
