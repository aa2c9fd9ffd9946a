"""The buses of meter drivers, made from board data, and the calibration of the one unit."""

from machine import ADC, I2C, SPI, UART, Pin

from charger import log
from charger.drivers.meters import calibration


def calibrated(kind: str, phases: int, entry: dict | None) -> "calibration.Calibration | None":
    """The entry as a Calibration, or None with the reason in the log."""
    try:
        return calibration.from_json(entry, kind, phases)
    except ValueError as error:
        log.error("meter", kind + ": not calibrated: " + str(error))
        return None


def i2c(options: dict) -> I2C:
    """With the bus's default pins, or the named ones."""
    if "scl" in options:
        return I2C(options["bus"], scl=Pin(options["scl"]), sda=Pin(options["sda"]), freq=options.get("freq", 400000))
    return I2C(options["bus"])


def spi(options: dict, baudrate: int) -> SPI:
    """Mode 3 with the bus's default pins, or the named ones."""
    if "sck" in options:
        pins = {"sck": Pin(options["sck"]), "mosi": Pin(options["mosi"]), "miso": Pin(options["miso"])}
        return SPI(options["bus"], baudrate=baudrate, polarity=1, phase=1, **pins)  # type: ignore[arg]
    return SPI(options["bus"], baudrate=baudrate, polarity=1, phase=1)


def chip_select(options: dict) -> Pin:
    """The output that selects the chip, not selected."""
    return Pin(options["cs"], Pin.OUT, value=1)


def uart(options: dict, parity: int | None, baudrate: int = 4800) -> UART:
    """A receive buffer for a second of the chattiest chip, no waiting."""
    pins = {"tx": options["tx"], "rx": options["rx"]} if "tx" in options else {}
    return UART(options["bus"], baudrate=baudrate, bits=8, parity=parity, stop=1, rxbuf=1024, timeout=0, **pins)


def adc(number: int) -> ADC:
    """An analogue input of the full range."""
    return ADC(Pin(number), atten=ADC.ATTN_11DB)
