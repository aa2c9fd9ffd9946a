"""NTC thermistor on an ADC pin: 10 kohm at 25 degC, B 3950, to ground, with a pull-up of the same size (CP-48)."""

from array import array

from machine import ADC, Pin
from micropython import const

_FIRST_DC = const(-400)
_STEP_DC = const(100)
# Node voltage in parts per million of the rail from -40 to 130 degC, every 10 degC; R(T) = 10k exp(B (1/T - 1/298.15 K)).
_PPM = array("i", (
    975720, 952427, 913333, 853471, 770751, 668595, 556252, 445588, 346468, 264066, 199114, 149648, 112714, 85386,
    65204, 50255, 39116, 30753,
))
# Above: the sensor is open. The ADC of an ESP32 ends at 3060 to 3209 mV, and of a true reading that is below -21 degC.
_OPEN_PPM = const(920000)
_SHORT_PPM = const(25000)  # below: shorted
_BROKEN_DC = const(10000)  # above every limit: a guard that reads only the value opens
_JUMP_DC = const(200)  # more than this in a second has to be there twice; no mass heats so fast, but a disturbance does


class Thermometer:
    """After read(): `value_dc` in 0.1 degC; `valid` is False for an open or shorted sensor, whose value is 1000 degC.

    One attribute, because the control tick may run between any two steps of read().
    """

    def __init__(self, wiring: dict) -> None:
        self.adc = ADC(Pin(wiring["adc"]), atten=ADC.ATTN_11DB)
        self.value_dc = 250
        self._doubted = True  # the first reading counts

    @property
    def valid(self) -> bool:
        """False for an open or shorted sensor."""
        return self.value_dc != _BROKEN_DC

    def read(self, doubt: bool = False) -> None:
        """Sample and convert; small integers only. With `doubt` a jump counts when it is there at the next reading, too."""
        one, two, three = self.adc.read_uv(), self.adc.read_uv(), self.adc.read_uv()
        middle = max(min(one, two), min(max(one, two), three))  # the median: one disturbed sample is ignored
        value_dc = _dc_from_ppm(middle // 33 * 10)
        self._doubted = doubt and not self._doubted and abs(value_dc - self.value_dc) > _JUMP_DC
        if not self._doubted:
            self.value_dc = value_dc


def _dc_from_ppm(ppm: int) -> int:
    if not _SHORT_PPM <= ppm <= _OPEN_PPM:
        return _BROKEN_DC
    if ppm >= _PPM[0]:
        return _FIRST_DC
    for n in range(1, len(_PPM)):
        if ppm >= _PPM[n]:
            span = _PPM[n - 1] - _PPM[n]
            return _FIRST_DC + _STEP_DC * n - (ppm - _PPM[n]) * _STEP_DC // span
    return _FIRST_DC + _STEP_DC * (len(_PPM) - 1)
