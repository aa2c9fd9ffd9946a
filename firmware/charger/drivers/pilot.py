"""Control pilot driver: PWM out through the +-12 V stage, both plateaus back through the board's divider.

The ADC of the ESP32 reads one sample at a time and knows nothing of the PWM's phase. So a reading is one to three sweeps, each
a period of 1 ms long and a little later in the period than the one before. The plateaus are kept apart by rank: of the
longer one the median counts, of the shorter one the median or, over several sweeps, the outermost sample, unless the two behind
it agree on another level. Nothing is averaged over the period (CP-7), and samples that keep step with the PWM miss nothing:
where one sweep may pass over the shorter plateau, each sample has its time by the clock, which runs from the same crystal as
the PWM. What a reading still gets wrong a second one finds: read_again() samples between the places of the first.
docs/SAFETY.md has the figures.
"""

import time

from machine import ADC, PWM, Pin
from micropython import const

from charger import clock

_FREQUENCY_HZ = const(1000)
_PERIOD_US = const(1000)
_EDGE_US = const(14)  # an edge takes so long (CP-2)
_MOST_SWEEPS = const(3)  # so that the control tick stays below 5 ms (docs/PERFORMANCE.md)
_LEAST_PAD_US = const(8)  # a shorter wait than this is not worth its call
_LOOK_US = const(5)  # for a look at the clock; a sweep that is late by it is late by the same each time
_FEW = const(5)  # samples of a steady level
_SLOWEST_US = const(250)
_FASTEST_US = const(20)
_USUAL_US = const(45)  # a conversion on an ESP32
_TRIES = const(4)
_STANDARD_US = const(40)  # the shortest plateau of the standard: 96 %, 80 A
_AGREE_MV = const(500)  # two samples of a plateau lie closer together than this, with noise of 20 mV at the ADC
_APART_MV = const(3000)  # and the two plateaus further apart, with a car's resistor and whether or not it has a diode
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
        self._pad_us = self._step_us = self._due_us = 0
        self._timed = False
        self._samples = self._sweep = self._timed_sweep = self._few
        self._set_sweep(wiring["conversion_us"])
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
        self._apart_uv = _APART_MV * 1024 // self._gain_1024 * 1000

    def _set_sweep(self, conversion_us: int | None) -> None:
        """Board data say what a conversion takes, else it is measured: the fastest of some sweeps."""
        if not conversion_us:
            conversion_us = self._measure()
        if not _FASTEST_US <= conversion_us <= _SLOWEST_US:
            conversion_us = min(max(conversion_us, _USUAL_US), _SLOWEST_US)
        self.conversion_us = conversion_us
        count = _PERIOD_US // conversion_us
        pad_us = _PERIOD_US // count - conversion_us
        self._pad_us = pad_us if pad_us >= _LEAST_PAD_US else 0
        self._sweep = [0] * count
        self._timed_sweep = [0] * (_PERIOD_US // (conversion_us + _LOOK_US))
        # D = I / 2.5 + 64 %: the shorter plateau is 360 us - I / 2.5 A, and three sweeps have a sample in it beside its edges.
        gap_us = _PERIOD_US // len(self._timed_sweep) // _MOST_SWEEPS + 1
        self.most_da = (360 - max(_STANDARD_US, _EDGE_US + gap_us)) * 5 // 2

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
        """For this duty: number of sweeps, time between their beginnings, and places of the plateaus in a sorted one."""
        self._duty = duty
        self._steady = duty == DUTY_STEADY or duty == 0
        high_us = duty * _PERIOD_US // DUTY_STEADY
        narrow_us = min(high_us, _PERIOD_US - high_us)
        clear_us = max(2, narrow_us - _EDGE_US)
        self._timed = clear_us <= self.conversion_us + self._pad_us
        if self._timed:
            self._samples = self._timed_sweep
            self._step_us = _PERIOD_US // len(self._samples)
        else:
            self._samples = self._sweep
            self._step_us = self.conversion_us + self._pad_us
        dense_us = clear_us // 2  # so that two samples of the shorter plateau lie beside its edges; of one sweep three
        self._sweeps = min((self._step_us + dense_us - 1) // dense_us, _MOST_SWEEPS)
        if self._sweeps == 1 and clear_us < 3 * self._step_us:
            self._sweeps = 2
        self._few_clear = 3 * self._step_us > clear_us * self._sweeps  # less than three samples beside the edges
        self._set_places(high_us)

    def _set_places(self, high_us: int) -> None:
        """The medians of what lies beside the edges, and the times between sweeps."""
        count = len(self._samples)
        self._shift_us = self._step_us // self._sweeps
        self._again_us = self._shift_us // 2
        self._wait_us = _PERIOD_US - count * self._step_us  # from the end of a sweep to the end of its period
        self._high_is_narrow = high_us * 2 <= _PERIOD_US
        unsure_us = _EDGE_US + (0 if self._timed else self._wait_us)
        self._high_at = count - 1 - max(0, high_us - unsure_us) // self._step_us // 2
        self._low_at = max(0, _PERIOD_US - high_us - unsure_us) // self._step_us // 2

    @property
    def duty(self) -> int:
        """The 16-bit duty that is out now."""
        return self._duty

    def _fill(self, samples: list) -> None:
        """Take samples as fast as they come and sort them, in C and in their place."""
        read_uv = self._read_uv
        pad_us = self._pad_us
        for n in range(len(samples)):
            samples[n] = read_uv()
            if pad_us:
                self._sleep_us(pad_us)
        samples.sort()

    def _fill_by_clock(self, samples: list) -> None:
        """Take each sample at its own time, the first one at `_due_us`, and sort them."""
        count = len(samples)
        for n in range(count):
            wait_us = clock.ticks_diff(self._due_us, clock.ticks_us()) + n * _PERIOD_US // count
            if 0 < wait_us <= 2 * _PERIOD_US:
                self._sleep_us(wait_us)
            samples[n] = self._read_uv()
        samples.sort()

    def _take_sweep(self, after_us: int) -> None:
        """A sweep that begins a period and after_us after the last one, or now where that is 0."""
        if self._timed:
            self._due_us = clock.ticks_add(self._due_us, _PERIOD_US + after_us) if after_us else clock.ticks_us()
            self._fill_by_clock(self._samples)
            return
        if after_us:
            self._sleep_us(self._wait_us + after_us)
        self._fill(self._samples)

    def read(self, after_us: int = 0) -> None:
        """Sample both plateaus into `high_mv` and `low_mv`. Allocates nothing; a sweep takes 1 ms."""
        # Few local variables: a function that needs more than 11 words for them and its stack gets its frame from the heap.
        if self._steady:
            if after_us:
                self._sleep_us(_PERIOD_US)
            self._fill(self._few)
            self.high_mv = self.low_mv = self._pilot_mv(self._few[_FEW // 2])
            return
        self._take_sweep(after_us)
        samples = self._samples
        uv = self._sweep_on(samples) if self._sweeps > 1 else _NONE
        if uv == _NONE or not self._high_is_narrow:
            self.high_mv = self._pilot_mv(samples[self._high_at])
        else:
            self.high_mv = self._pilot_mv(uv)
        if uv == _NONE or self._high_is_narrow:
            self.low_mv = self._pilot_mv(samples[self._low_at])
        else:
            self.low_mv = self._pilot_mv(-uv)

    def read_again(self) -> None:
        """A second reading within the same tick, which samples the period between the places of the first."""
        self.read(self._again_us)

    def _sweep_on(self, samples: list) -> int:
        """The other sweeps; what counts of the shorter plateau, a low one negative."""
        self._first = self._second = self._third = _NONE
        left = self._sweeps
        while True:
            if self._high_is_narrow:
                self._rank(samples[-1])
                self._rank(samples[-2])
                other_uv = samples[self._low_at]
            else:
                self._rank(-samples[0])
                self._rank(-samples[1])
                other_uv = -samples[self._high_at]
            left -= 1
            agrees = self._first - self._second <= self._agree_uv and self._second - other_uv >= self._apart_uv
            if left <= 0 or (agrees and not self._timed):  # where samples are few, two on edges may agree
                break
            self._take_sweep(self._shift_us)
        if not (self._few_clear or agrees):
            if self._second - self._third <= self._agree_uv and self._third - other_uv >= self._apart_uv:
                return self._second  # the first one is a disturbance
        return self._first

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
