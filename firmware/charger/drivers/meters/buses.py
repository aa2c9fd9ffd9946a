"""The arguments of a meter's create() besides its options: the board's buses, and the calibration of the one unit."""

from charger import log
from charger.drivers.buses import adc, chip_select, i2c, spi, uart  # noqa: F401 - for create()
from charger.drivers.meters import calibration


def calibrated(kind: str, phases: int, entry: dict | None) -> "calibration.Calibration | None":
    """The entry as a Calibration, or None with the reason in the log."""
    try:
        return calibration.from_json(entry, kind, phases)
    except ValueError as error:
        log.error("meter", kind + ": not calibrated: " + str(error))
        return None
