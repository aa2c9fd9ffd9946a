"""The house's current by the board's own input at the supply: a meter driver of its own (HOUSE in board.py).

A current of a phase whose power flows to the grid is below 0. Without a calibration the figures are nominal, which is enough to
protect a fuse that leaves room for them.
"""

from micropython import const

from charger import clock, log
from charger.metering.reading import NOT_CALIBRATED

_EACH_MS = const(1000)


class HouseInput:
    """Passes a reading on each second. `fault`: why there is none, "" while there is."""

    def __init__(self, driver: Any, on_reading: Callable) -> None:
        """on_reading(0.1 A of each phase, W); values below 0 flow to the grid."""
        self.fault = "starting"
        self._driver = driver
        self._on_reading = on_reading
        self._passed_ms = clock.ticks_ms()
        self._stamp_ms = driver.reading.stamp_ms

    async def run(self) -> None:
        """The task. The driver handles a chip that does not answer."""
        await self._driver.start()
        while True:
            self._driver.poll()
            self.pass_on()
            await clock.sleep_ms(self._driver.poll_ms)

    def pass_on(self) -> None:
        """Pass a new measurement on, once a second."""
        reading = self._driver.reading
        why = "" if reading.valid or reading.fault == NOT_CALIBRATED else reading.fault
        if why != self.fault:
            self.fault = why
            if why:
                log.warn("house", "no reading of the input: " + why)
        now_ms = clock.ticks_ms()
        if why or reading.stamp_ms == self._stamp_ms or clock.ticks_diff(now_ms, self._passed_ms) < _EACH_MS:
            return
        self._passed_ms = now_ms
        self._stamp_ms = reading.stamp_ms
        reading.take_energy()  # it is not counted
        reading.take_export()
        amps_da = [(reading.i_ma[n] if reading.p_mw[n] >= 0 else -reading.i_ma[n]) // 100 for n in range(reading.phases)]
        self._on_reading(tuple(amps_da), reading.total_mw() // 1000)
