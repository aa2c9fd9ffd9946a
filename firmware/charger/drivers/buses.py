"""The buses of drivers, made from board data. Parts may share an I2C bus, and an SPI bus of one mode."""

import machine
from micropython import const

_HELD_US = const(10000)  # a part that holds SCL low for longer is no longer waited for


def i2c(options: dict) -> machine.I2C:
    """With the bus's default pins, or the named ones."""
    if "scl" in options:
        scl, sda = machine.Pin(options["scl"]), machine.Pin(options["sda"])
        return machine.I2C(options["bus"], scl=scl, sda=sda, freq=options.get("freq", 400000), timeout=_HELD_US)
    return machine.I2C(options["bus"])


def spi(options: dict, baudrate: int, mode: int = 3) -> machine.SPI:
    """In mode 0 or 3, with the bus's default pins, or the named ones."""
    level = 1 if mode else 0
    if "sck" in options:
        pins = {"sck": machine.Pin(options["sck"]), "mosi": machine.Pin(options["mosi"]), "miso": machine.Pin(options["miso"])}
        return machine.SPI(options["bus"], baudrate=baudrate, polarity=level, phase=level, **pins)  # type: ignore[arg]
    return machine.SPI(options["bus"], baudrate=baudrate, polarity=level, phase=level)


def ethernet_spi(options: dict) -> machine.SPI:
    """A bus of its own for a W5500; the port's driver sets its speed (20 MHz) and its mode (0) itself."""
    return spi(options, 20000000, 0)


def chip_select(options: dict) -> machine.Pin:
    """The output that selects the chip, not selected."""
    return machine.Pin(options["cs"], machine.Pin.OUT, value=1)


def uart(options: dict, parity: int | None, baudrate: int = 4800, rxbuf: int = 1024) -> machine.UART:
    """A receive buffer for a second of the chattiest chip, no waiting. Meters name it as "bus", card readers as "uart"."""
    number = options["uart"] if "uart" in options else options["bus"]
    pins = {"tx": options["tx"], "rx": options["rx"]} if "tx" in options else {}
    return machine.UART(number, baudrate=baudrate, bits=8, parity=parity, stop=1, rxbuf=rxbuf, timeout=0, **pins)


def adc(number: int) -> machine.ADC:
    """An analogue input of the full range."""
    return machine.ADC(machine.Pin(number), atten=machine.ADC.ATTN_11DB)
