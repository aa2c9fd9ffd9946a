"""The buses of meter drivers, made from board data, and the calibration of the one unit."""

import machine

from charger import log
from charger.drivers.meters import calibration


def calibrated(kind: str, phases: int, entry: dict | None) -> "calibration.Calibration | None":
    """The entry as a Calibration, or None with the reason in the log."""
    try:
        return calibration.from_json(entry, kind, phases)
    except ValueError as error:
        log.error("meter", kind + ": not calibrated: " + str(error))
        return None


def i2c(options: dict) -> machine.I2C:
    """With the bus's default pins, or the named ones."""
    if "scl" in options:
        scl, sda = machine.Pin(options["scl"]), machine.Pin(options["sda"])
        return machine.I2C(options["bus"], scl=scl, sda=sda, freq=options.get("freq", 400000))
    return machine.I2C(options["bus"])


def spi(options: dict, baudrate: int) -> machine.SPI:
    """Mode 3 with the bus's default pins, or the named ones."""
    if "sck" in options:
        pins = {"sck": machine.Pin(options["sck"]), "mosi": machine.Pin(options["mosi"]), "miso": machine.Pin(options["miso"])}
        return machine.SPI(options["bus"], baudrate=baudrate, polarity=1, phase=1, **pins)  # type: ignore[arg]
    return machine.SPI(options["bus"], baudrate=baudrate, polarity=1, phase=1)


def chip_select(options: dict) -> machine.Pin:
    """The output that selects the chip, not selected."""
    return machine.Pin(options["cs"], machine.Pin.OUT, value=1)


def uart(options: dict, parity: int | None, baudrate: int = 4800) -> machine.UART:
    """A receive buffer for a second of the chattiest chip, no waiting."""
    pins = {"tx": options["tx"], "rx": options["rx"]} if "tx" in options else {}
    return machine.UART(options["bus"], baudrate=baudrate, bits=8, parity=parity, stop=1, rxbuf=1024, timeout=0, **pins)


def adc(number: int) -> machine.ADC:
    """An analogue input of the full range."""
    return machine.ADC(machine.Pin(number), atten=machine.ADC.ATTN_11DB)
