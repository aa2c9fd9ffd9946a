"""Status LED drivers: a plain LED on an output, or one WS2812 pixel. show(rgb) takes 0xRRGGBB, 0 is dark."""

import machine
from micropython import const

_TIMING_NS = (400, 850, 800, 450)  # high and low of a 0, high and low of a 1 (WS2812B, Worldsemi, v1.0: +-150 ns)
_NRZ = const(0)  # machine.bitstream's only encoding


class PlainLed:
    """An LED that is on for every colour."""

    def __init__(self, pin: int):
        self._pin = machine.Pin(pin, machine.Pin.OUT, value=0)

    def show(self, rgb: int) -> None:
        """Set the output."""
        self._pin.value(1 if rgb else 0)


class PixelLed:
    """One WS2812: 24 bits, green, red, blue, 30 us of the wire."""

    def __init__(self, pin: int):
        self._pin = machine.Pin(pin, machine.Pin.OUT, value=0)
        self._bytes = bytearray(3)

    def show(self, rgb: int) -> None:
        """Send the colour."""
        self._bytes[0] = rgb >> 8 & 0xFF
        self._bytes[1] = rgb >> 16
        self._bytes[2] = rgb & 0xFF
        machine.bitstream(self._pin, _NRZ, _TIMING_NS, self._bytes)
