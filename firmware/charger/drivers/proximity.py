"""Proximity input of a socket outlet: the cable's coding resistor below a pull-up (board.md)."""

from machine import ADC, Pin
from micropython import const

OPEN_OHM = const(100000)


class Proximity:
    """After read(): `ohms` between PP and PE, OPEN_OHM without a cable."""

    def __init__(self, wiring: dict):
        self.adc = ADC(Pin(wiring["adc"]), atten=ADC.ATTN_11DB)
        self._pull_up_ohm = wiring["pullup"]
        self._rail_mv = wiring["rail_mv"]
        self.ohms = OPEN_OHM

    def read(self) -> None:
        """Sample once and convert; small integers only."""
        mv = self.adc.read_uv() // 1000
        rest = self._rail_mv - mv
        self.ohms = OPEN_OHM if rest < 20 else mv * self._pull_up_ohm // rest
