"""One meter: reads its driver in its own rhythm, adds to the energy register, says when readings are too old (MET-1)."""

from micropython import const

from charger import clock, log

_PERIOD_MS = const(250)
_STALE_MS = const(2000)


class Meter:
    """`reading` is the driver's; `total_wh` the register's, which never goes back."""

    def __init__(self, driver, register):
        self.driver = driver
        self.register = register
        self.reading = driver.reading

    @property
    def total_wh(self) -> int:
        """The energy register in Wh."""
        return self.register.total_wh

    async def run(self):
        """The meter's task: start the chip, then poll it; a chip that answers no more is started anew."""
        while True:
            try:
                await self.driver.start()
                await self._poll()
            except OSError as error:
                log.warn("meter", log.reason(error))
            self.watch()
            await clock.sleep_ms(_PERIOD_MS)

    async def _poll(self):
        while True:
            self.driver.poll()
            self.register.add(self.reading.take_energy())
            self.watch()
            self.register.persist_when_due()
            await clock.sleep_ms(_PERIOD_MS)

    def watch(self):
        """Readings older than 2 s are none (MET-1)."""
        if self.reading.valid and clock.elapsed_ms(self.reading.stamp_ms) > _STALE_MS:
            self.reading.valid = False
            self.reading.fault = "stale"
