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
_LOOK = const(27)
_LOOK_EXTREME = const(242)
_LOOK_STEADY = const(6)
_MORE = const(30)  # so many more before two plateaus that lie close together count as clear
_MOST_MORE = const(270)  # and so many before what was seen has to do
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

    def __init__(self, wiring: dict) -> None:
        self._pin = Pin(wiring["pwm"], Pin.OUT, value=1, hold=True)  # type: ignore[call] - the stubs lack hold
        self._pwm = PWM(self._pin, freq=_FREQUENCY_HZ, duty_u16=_ANY_DUTY)
        self._pin.init(Pin.OUT, value=1, hold=False)  # type: ignore[call] - the stubs lack hold
        self._adc = ADC(Pin(wiring["adc"]), atten=ADC.ATTN_11DB)
        self._read_uv = self._adc.read_uv  # once: each look-up of a method of a C type makes an object
        self._set_burst(DUTY_STEADY)
        self.high_mv = 0
        self.low_mv = 0
        self._set_divider(wiring["r1"], wiring["r2"], wiring["r3"], wiring["rail_mv"])

    def _set_divider(self, r1: int, r2: int, r3: int, rail_mv: int) -> None:
        """R1 from pilot to node, R2 from node to the rail, R3 from node to ground (board.md); ohms and mV."""
        # node = (cp/r1 + rail/r2) / (1/r1 + 1/r2 + 1/r3), so cp = node * r1 * sum - rail * r1 / r2
        self._offset_mv = rail_mv * r1 // r2
        # cp_mv per node mv in 1/1024: r1 * (1/r1 + 1/r2 + 1/r3)
        self._gain_1024 = 1024 + r1 * 1024 // r2 + r1 * 1024 // r3
        self._apart_uv = _APART_MV * 1024 // self._gain_1024 * 1000
        self._agree_uv = _AGREE_MV * 1024 // self._gain_1024 * 1000

    def set_duty(self, duty: int) -> None:
        """16-bit duty: 65535 is steady +12 V (x1), 0 steady -12 V (F)."""
        if duty == self._duty:
            return
        was_steady = self._steady
        self._set_burst(duty)
        if self._steady:
            self._pin.init(Pin.OUT, value=duty != 0)  # takes the pin from the PWM, which runs on unseen
        elif was_steady:
            self._start_pwm(duty)
        else:
            self._pwm.duty_u16(duty)

    def _start_pwm(self, duty: int) -> None:
        """Give the pin to the PWM, the pad on hold until its first periods are over: 2.2 ms."""
        self._pin.init(hold=True)  # type: ignore[call] - the stubs lack hold
        self._pwm.deinit()  # only a PWM that was let go takes its pin again
        self._pwm.init(freq=_FREQUENCY_HZ, duty_u16=duty)
        time.sleep_us(_PWM_START_US)
        self._pin.init(hold=False)  # type: ignore[call] - the stubs lack hold

    def _set_burst(self, duty: int) -> None:
        self._duty = duty
        self._steady = duty == DUTY_STEADY or duty == 0
        self._look = _LOOK if _EXTREME_LOW <= duty <= _EXTREME_HIGH else _LOOK_EXTREME
        if self._steady:
            self._look = _LOOK_STEADY

    @property
    def duty(self) -> int:
        """The 16-bit duty that is out now."""
        return self._duty

    def read(self) -> None:
        """Sample both plateaus into `high_mv` and `low_mv`. Allocates nothing; about 1.3 ms on the board.

        The second highest and the second lowest sample count: one sample taken on an edge, or one spike, does not.
        """
        # Few local variables: a function that needs more than 11 words for them and its stack gets its frame from the heap.
        read_uv = self._read_uv
        high = low = read_uv()
        second_high = 0
        second_low = _ADC_MAX_UV
        n = -self._look
        while True:
            uv = read_uv()
            if uv > second_high:
                if uv > high:
                    second_high = high
                    high = uv
                else:
                    second_high = uv
            elif uv < second_low:
                if uv < low:
                    second_low = low
                    low = uv
                else:
                    second_low = uv
            n += 1
            if n >= 0:
                if self._steady or n > _MOST_MORE:
                    break
                if high - second_high < self._agree_uv and second_low - low < self._agree_uv:
                    if n > _MORE or second_high - second_low > self._apart_uv:
                        break
        self.high_mv = (second_high // 1000 * self._gain_1024 >> 10) - self._offset_mv
        self.low_mv = self.high_mv if self._steady else (second_low // 1000 * self._gain_1024 >> 10) - self._offset_mv
