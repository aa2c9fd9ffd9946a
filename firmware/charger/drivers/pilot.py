"""Control pilot driver: PWM out through the +-12 V stage, both plateaus back through the board's divider.

The ADC of the ESP32 reads one sample at a time and knows nothing of the PWM's phase, so a burst of samples over at
least two periods is taken and both plateaus are kept apart; nothing is averaged over the period (CP-7).
"""

import time

from machine import ADC, PWM, Pin
from micropython import const

_FREQUENCY_HZ = const(1000)
# Samples come about 45 us apart, and an edge takes some 14 us (CP-2). With 8 to 92 % duty a bit more than one period has
# met each plateau; outside of that one plateau is shorter than the gap between two samples and takes many periods.
_LOOK = const(25)
_LOOK_EXTREME = const(240)
_BURST = const(56)
_BURST_LONGEST = const(300)
_BURST_STEADY = const(6)
_EXTREME_LOW = const(5243)  # 8 % of 65535
_EXTREME_HIGH = const(60292)  # 92 %
_APART_MV = const(9000)  # plateaus of a working pilot with a car are further apart than this
_AGREE_MV = const(500)  # two samples of one plateau lie closer together than this; one on an edge does not
_ADC_MAX_UV = const(3300000)
DUTY_STEADY = const(65535)
# The port starts a PWM with up to two periods of 50 %, and its duty of 65535 leaves a notch of 15 ns in each period
# (machine_pwm.c). So steady states are a plain output, and the pad is on hold while a PWM starts.
_PWM_START_US = const(2200)
_ANY_DUTY = const(32768)


class Pilot:
    """One control pilot. After read(): `high_mv` and `low_mv` at the connector, equal while there is no PWM."""

    def __init__(self, wiring: dict):
        self._pin = Pin(wiring["pwm"], Pin.OUT, value=1, hold=True)  # type: ignore[call] - the stubs lack hold
        self._pwm = PWM(self._pin, freq=_FREQUENCY_HZ, duty_u16=_ANY_DUTY)
        self._pin.init(Pin.OUT, value=1, hold=False)  # type: ignore[call] - the stubs lack hold
        self._adc = ADC(Pin(wiring["adc"]), atten=ADC.ATTN_11DB)
        self._duty = DUTY_STEADY
        self._look = _LOOK
        self.high_mv = 0
        self.low_mv = 0
        self._set_divider(wiring["r1"], wiring["r2"], wiring["r3"], wiring["rail_mv"])

    def _set_divider(self, r1: int, r2: int, r3: int, rail_mv: int):
        """R1 from pilot to node, R2 from node to the rail, R3 from node to ground (board.md); ohms and mV."""
        # node = (cp/r1 + rail/r2) / (1/r1 + 1/r2 + 1/r3), so cp = node * r1 * sum - rail * r1 / r2
        self._offset_mv = rail_mv * r1 // r2
        # cp_mv per node mv in 1/1024: r1 * (1/r1 + 1/r2 + 1/r3)
        self._gain_1024 = 1024 + r1 * 1024 // r2 + r1 * 1024 // r3
        self._apart_uv = _APART_MV * 1024 // self._gain_1024 * 1000
        self._agree_uv = _AGREE_MV * 1024 // self._gain_1024 * 1000

    def set_duty(self, duty: int):
        """16-bit duty: 65535 is steady +12 V (x1), 0 steady -12 V (F)."""
        if duty == self._duty:
            return
        was_steady = self._duty == DUTY_STEADY or self._duty == 0
        self._duty = duty
        self._look = _LOOK if _EXTREME_LOW <= duty <= _EXTREME_HIGH else _LOOK_EXTREME
        if duty == DUTY_STEADY or duty == 0:
            self._pin.init(Pin.OUT, value=duty != 0)  # takes the pin from the PWM, which runs on unseen
        elif was_steady:
            self._start_pwm(duty)
        else:
            self._pwm.duty_u16(duty)

    def _start_pwm(self, duty: int):
        """Give the pin to the PWM, the pad on hold until its first periods are over: 2.2 ms."""
        self._pin.init(hold=True)  # type: ignore[call] - the stubs lack hold
        self._pwm.deinit()  # only a PWM that was let go takes its pin again
        self._pwm.init(freq=_FREQUENCY_HZ, duty_u16=duty)
        time.sleep_us(_PWM_START_US)
        self._pin.init(hold=False)  # type: ignore[call] - the stubs lack hold

    @property
    def duty(self) -> int:
        """The 16-bit duty that is out now."""
        return self._duty

    def read(self):
        """Sample both plateaus into `high_mv` and `low_mv`. Allocates nothing; about 2.5 ms on the board."""
        read_uv = self._adc.read_uv
        high = low = read_uv()
        second_high = 0
        second_low = _ADC_MAX_UV
        steady = self._duty == DUTY_STEADY or self._duty == 0
        apart = self._apart_uv
        agree = self._agree_uv
        look = self._look
        for n in range(_BURST_STEADY if steady else _BURST_LONGEST):
            uv = read_uv()
            if uv > high:
                second_high = high
                high = uv
            elif uv > second_high:
                second_high = uv
            if uv < low:
                second_low = low
                low = uv
            elif uv < second_low:
                second_low = uv
            if n > look and high - second_high < agree and second_low - low < agree:
                if n > _BURST or second_high - second_low > apart:
                    break
        # The second highest and the second lowest: one sample taken on an edge, or one spike, does not count.
        self.high_mv = (second_high // 1000 * self._gain_1024 >> 10) - self._offset_mv
        self.low_mv = self.high_mv if steady else (second_low // 1000 * self._gain_1024 >> 10) - self._offset_mv
