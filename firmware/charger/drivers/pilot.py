"""Control pilot driver: PWM out through the +-12 V stage, both plateaus back through the board's divider.

The ADC of the ESP32 reads one sample at a time and knows nothing of the PWM's phase. So one or more sweeps are taken, each a
period of 1 ms long and a little later in the period than the one before, until the shorter plateau has at least three samples
beside its edges. The plateaus are kept apart by rank: of the longer one the median counts, of the shorter one the median
or, over several sweeps, the second sample from the end. No single disturbed sample counts, nothing is averaged over the
period (CP-7), and samples that keep step with the PWM miss nothing. docs/SAFETY.md has the figures.
"""

import time

from machine import ADC, PWM, Pin
from micropython import const

from charger import clock

_FREQUENCY_HZ = const(1000)
_PERIOD_US = const(1000)
_EDGE_US = const(14)  # an edge takes so long (CP-2)
_CLEAR = const(4)  # samples of the shorter plateau that a reading is to have, beside its edges
_MOST_SWEEPS = const(16)
_LEAST_PAD_US = const(8)  # a shorter wait than this is not worth its call
_FEW = const(5)  # samples of a steady level
_SLOWEST_US = const(250)
_FASTEST_US = const(20)
_USUAL_US = const(45)  # a conversion on an ESP32
_TRIES = const(4)
# The highest offer whose low plateau is found each time, by the conversion time: 40, 56 and 80 us of a period
_MOST_DA = ((75, 800), (125, 760), (1000, 700))
_AGREE_MV = const(500)  # three samples of a plateau lie closer together than this, with noise of 20 mV at the ADC
_NONE = const(-10000000)
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
        self._sleep_us = time.sleep_us
        self.most_da = self.conversion_us = 0
        self._first = self._second = self._third = _NONE  # of the shorter plateau, from its end; a low one negative
        self._few = [0] * _FEW
        self._pad_us = 0
        self._samples = self._few
        self._set_sweep(wiring.get("conversion_us", 0))
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
        self._agree_uv = _AGREE_MV * 1024 // self._gain_1024 * 1000

    def _set_sweep(self, conversion_us: int) -> None:
        """Board data say what a conversion takes, else it is measured: the fastest of some sweeps."""
        if not conversion_us:
            conversion_us = self._measure()
        if not _FASTEST_US <= conversion_us <= _SLOWEST_US:
            conversion_us = min(max(conversion_us, _USUAL_US), _SLOWEST_US)
        self.conversion_us = conversion_us
        for slowest_us, most_da in _MOST_DA:
            self.most_da = most_da
            if conversion_us <= slowest_us:
                break
        count = _PERIOD_US // conversion_us
        pad_us = _PERIOD_US // count - conversion_us
        self._pad_us = pad_us if pad_us >= _LEAST_PAD_US else 0
        self._step_us = conversion_us + self._pad_us
        self._samples = [0] * count

    def _measure(self) -> int:
        samples = [0] * 16
        best_us = _SLOWEST_US * 16
        for _ in range(_TRIES):
            start_us = clock.ticks_us()
            self._fill(samples)
            best_us = min(best_us, clock.ticks_diff(clock.ticks_us(), start_us))
        return best_us // 16

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
        """How many sweeps it takes for this duty, how far apart they begin, and where the plateaus lie in a sorted one."""
        self._duty = duty
        self._steady = duty == DUTY_STEADY or duty == 0
        high_us = duty * _PERIOD_US // DUTY_STEADY
        count = len(self._samples)
        narrow_us = min(high_us, _PERIOD_US - high_us)
        gap_us = _PERIOD_US - (count - 1) * self._step_us  # the longest between two samples of a sweep and the next period's
        dense_us = max(1, (narrow_us - _EDGE_US) // _CLEAR)
        self._sweeps = min((gap_us + dense_us - 1) // dense_us, _MOST_SWEEPS)
        shift_us = (gap_us + self._sweeps - 1) // self._sweeps
        wait_us = _PERIOD_US + shift_us - count * self._step_us
        self._wait_us = wait_us if wait_us > 0 else wait_us + _PERIOD_US
        self._high_is_narrow = high_us * 2 <= _PERIOD_US
        highs = count * high_us // _PERIOD_US
        self._high_at = count - 1 - min(count - 1, highs // 2)
        self._low_at = min(count - 1, (count - highs) // 2)

    @property
    def duty(self) -> int:
        """The 16-bit duty that is out now."""
        return self._duty

    def _fill(self, samples: list) -> None:
        """Take a sweep and sort it, in C and in its place."""
        read_uv = self._read_uv
        pad_us = self._pad_us
        for n in range(len(samples)):
            samples[n] = read_uv()
            if pad_us:
                self._sleep_us(pad_us)
        samples.sort()

    def read(self) -> None:
        """Sample both plateaus into `high_mv` and `low_mv`. Allocates nothing; a sweep is 1 ms, and so is its wait at most."""
        # Few local variables: a function that needs more than 11 words for them and its stack gets its frame from the heap.
        samples = self._samples
        if self._steady:
            self._fill(self._few)
            self.high_mv = self.low_mv = self._pilot_mv(self._few[_FEW // 2])
            return
        self._fill(samples)
        if self._sweeps == 1:
            self.high_mv = self._pilot_mv(samples[self._high_at])
            self.low_mv = self._pilot_mv(samples[self._low_at])
            return
        self._first = self._second = self._third = _NONE
        self._sweep_on(samples)
        if self._high_is_narrow:
            self.high_mv = self._pilot_mv(self._second)
            self.low_mv = self._pilot_mv(samples[self._low_at])
        else:
            self.high_mv = self._pilot_mv(samples[self._high_at])
            self.low_mv = self._pilot_mv(-self._second)

    def _sweep_on(self, samples: list) -> None:
        """The other sweeps, and up to as many again while the three outermost samples disagree: too few beside the edges."""
        left = self._sweeps
        more = min(left, _MOST_SWEEPS - left)
        while True:
            if self._high_is_narrow:
                self._rank(samples[-1])
                self._rank(samples[-2])
            else:
                self._rank(-samples[0])
                self._rank(-samples[1])
            left -= 1
            if left <= 0 and (left <= -more or self._first - self._third <= self._agree_uv):
                return
            self._sleep_us(self._wait_us)
            self._fill(samples)

    def _rank(self, uv: int) -> None:
        """Keep the three outermost samples of the shorter plateau."""
        if uv <= self._third:
            return
        if uv <= self._second:
            self._third = uv
            return
        self._third = self._second
        if uv <= self._first:
            self._second = uv
        else:
            self._second = self._first
            self._first = uv

    def _pilot_mv(self, node_uv: int) -> int:
        return (node_uv // 1000 * self._gain_1024 >> 10) - self._offset_mv
