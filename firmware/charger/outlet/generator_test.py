"""The test of the pilot generator's negative level while nothing is plugged (CP-1).

Without it a generator that does not reach -12 V is taken for a car without a diode. A short pulse of state F, read once, at the
start and each hour. A level out of range is read again after a second; the third one in a row is a failed test.
"""

from micropython import const

from charger.outlet import pilot_duty, pilot_states

_EVERY_MS = const(3600000)
_AGAIN_MS = const(1000)
_FAILED = const(3)


class GeneratorTest:
    """`failed` is the result of the last test; `running` while the pulse is out."""

    def __init__(self) -> None:
        self.failed = False
        self.running = False
        self._wait_ms = _AGAIN_MS
        self._bad = 0

    def step(self, outlet: Outlet, dt_ms: int) -> bool:
        """One tick; True in the one that starts the pulse. The next tick has read it and ends it. Allocates nothing."""
        if self.running:
            self.running = False
            self._note(outlet.raw_state == pilot_states.F)
            outlet.set_duty(pilot_duty.DUTY_STEADY, 0)
            return False
        if outlet.plugged or outlet.raw_state != pilot_states.A or outlet.driving_f or outlet.pwm_on:
            return False
        self._wait_ms -= dt_ms
        if self._wait_ms > 0:
            return False
        self.running = True
        outlet.set_duty(pilot_duty.DUTY_OFF, 0)
        return True

    def _note(self, good: bool) -> None:
        self._bad = 0 if good else self._bad + 1
        self._wait_ms = _EVERY_MS if good else _AGAIN_MS
        if good:
            self.failed = False
        elif self._bad >= _FAILED:
            self.failed = True
            self._bad = _FAILED
