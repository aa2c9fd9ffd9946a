"""One meter: polls its driver at the driver's interval and adds the counted energy to the energy register."""

from charger import clock


class Meter:
    """`reading` is the driver's; `total_wh` the register's, which never decreases."""

    def __init__(self, driver: Any, register: Any):
        self.driver = driver
        self.register = register
        self.reading = driver.reading

    @property
    def total_wh(self) -> int:
        """The energy register in Wh."""
        return self.register.total_wh

    def reported_wh(self) -> int:
        """The register as it is reported, in Wh: never more than a power cut leaves."""
        return self.register.reported_wh()

    async def run(self) -> None:
        """The meter's task. The driver handles a chip that does not answer; flash is written here, not in add()."""
        await self.driver.start()
        while True:
            self.driver.poll()
            self.register.add(self.reading.take_energy())
            self.register.add_export(self.reading.take_export())
            self.register.persist_when_due()
            await clock.sleep_ms(self.driver.poll_ms)
