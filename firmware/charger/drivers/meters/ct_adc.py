"""Current transformer and voltage channel on the ESP32's own ADC: real RMS and real power (MET-50 to MET-53).

The port's ADC is one-shot, and a mains cycle of sampling would hold up the control tick. So each poll takes a burst of
under 5 ms, and the samples are sorted by their phase in the mains cycle: when every phase has been seen often enough,
the mean over all phases is the mean over whole cycles. After each burst poll_ms says when the next one has to begin so
that it catches the phase that was seen least: polls in step with the mains would never see some of them.
"""

from array import array

from micropython import const

from charger import clock
from charger.drivers.meters.calibration import UNITY
from charger.drivers.meters.meter_driver import MeterDriver
from charger.errors import MeterError

_KINDS = const((("ct_adc", "adc", 1),))
_OPTIONS = const((("v_ratio", 10000, 2000000), ("i_ratio", 1000, 1000000), ("bias_mv", 1000, 2000), ("hertz", 50, 60)))

_BINS = const(40)  # slices of a mains cycle, 0.5 ms each at 50 Hz
_PAIRS = const(100)  # most pairs (V, I) a burst
_BURST_US = const(4500)  # a burst covers eight whole slices or nine
_WINDOW_MS = const(400)
_GAP_MS = const(1000)
_HELD_MS = const(8000)  # 5 s, and until the period is known again
_GIVE_UP_MS = const(1600)  # by then every slice must have been seen
_ENOUGH = const(3)  # pairs a slice
_LEAST_US = const(16000)  # between two bursts
_AHEAD = const(4)  # slices by which a burst begins before the one it is for
_SHIFT_MS = const(7)  # tried when a burst missed its slice: the poll came late by an unknown time
_CLIP_LOW_MV = const(120)  # the ESP32 reads about 75 to 142 mV for anything below, 3100 and more for anything above
_CLIP_HIGH_MV = const(3050)
_BIAS_OFF_MV = const(300)  # a bias that far from where the board puts it: an open CT, a broken divider
_LOCK = const(2)  # measurements of the period in a row that agree with the one before
_APART_MS = const(240)  # crossings further apart leave the number of cycles between them open, at 4 % off nominal
_DEAD_MV = const(30000)  # mains: below, there is no period to lock on to


def isqrt(value: int) -> int:
    """Integer square root, rounded down."""
    if value <= 0:
        return 0
    guess = 1 << (_bits(value) + 1) // 2
    while True:
        better = (guess + value // guess) >> 1
        if better >= guess:
            return guess
        guess = better


def _bits(value: int) -> int:
    count = 0
    while value:
        value >>= 1
        count += 1
    return count


class CtAdc(MeterDriver):
    """One phase: v_adc and i_adc have read_uv(), as machine.ADC.

    Options beside those of MeterDriver: "v_ratio": mains mV a mV at the ADC, times 1000 (350000); "i_ratio": mA a mV at the
    ADC, times 1000: turns / burden (60606: 2000 turns, 33 ohm); "bias_mv" (1650); "hertz" (50 or 60).
    """

    kind = "ct_adc"
    poll_ms = 27

    def __init__(self, v_adc: Any, i_adc: Any, calibration: Calibration | None, options: dict):
        super().__init__(1, calibration, options)
        self._read_v = v_adc.read_uv
        self._read_i = i_adc.read_uv
        self._v_ratio = options.get("v_ratio", 350000)
        self._i_ratio = options.get("i_ratio", 60606)
        self._bias_mv = options.get("bias_mv", 1650)
        self._v_zero = self._bias_mv  # followed live (MET-50)
        self._i_zero = self._bias_mv
        self._v = array("H", bytes(2 * _PAIRS))
        self._i = array("H", bytes(2 * _PAIRS))
        self._t = array("H", bytes(2 * _PAIRS))
        self._seen = [0] * _BINS
        self._sum_v = [0] * _BINS
        self._sum_vv = [0] * _BINS
        self._sum_i = [0] * _BINS
        self._sum_ii = [0] * _BINS
        self._sum_vi = [0] * _BINS
        self._nominal16 = 16000000 // options.get("hertz", 50)
        self._period16 = self._nominal16  # mains period, 1/16 us
        self._agreed = 0
        self._crossing_us = 0
        self._crossed_ms = clock.ticks_ms()
        self._cycle_us = clock.ticks_us()  # start of some cycle, by which samples are sorted
        self._cycle16 = 0  # and the sixteenths of a us that go with it
        self._window_ms = self._crossed_ms
        self._counted_ms = None
        self._counted_mw = 0
        self._target = 0  # the slice that the next burst is for
        self._shift_ms = 0

    async def start(self) -> None:
        """Do nothing: the first values come with the first window, about 0.5 s later."""
        self._window_ms = clock.ticks_ms()

    def _work(self, now: int) -> None:
        start_us = clock.ticks_us()
        pairs = self._burst(start_us)
        self._follow_mains(start_us, pairs)
        target = self._target
        seen = self._seen[target]
        self._sort(start_us, pairs)
        if self._seen[target] == seen:
            self._shift_ms = (self._shift_ms + _SHIFT_MS) % 20
        try:
            self._window(now)
        finally:
            self._aim()

    def _window(self, now: int) -> None:
        """Work the window out when every slice has been seen."""
        passed_ms = clock.ticks_diff(now, self._window_ms)
        if passed_ms < _WINDOW_MS:
            return
        if min(self._seen) >= _ENOUGH:
            self._window_ms = now
            self._evaluate(now)
        elif passed_ms > _GIVE_UP_MS:
            self._window_ms = now
            self._clear()
            raise MeterError("no whole cycle")

    def _aim(self) -> None:
        """The next burst is for the slice seen least; say by poll_ms when it has to begin."""
        seen = self._seen
        target = 0
        for b in range(1, _BINS):
            if seen[b] < seen[target]:
                target = b
        self._target = target
        begin16 = (target - _AHEAD) * self._period16 // _BINS - self._phase16(clock.ticks_us())
        wait_us = (begin16 // 16 + self._shift_ms * 1000) % (self._period16 // 16)
        if wait_us < _LEAST_US:
            wait_us += self._period16 // 16
        self.poll_ms = (wait_us + 500) // 1000

    # --- gathering: nothing below allocates but _evaluate() ---

    def _burst(self, start_us: int) -> int:
        """Fill the buffers with alternating samples, in mV, and when each pair was complete; the number of pairs."""
        read_v, read_i = self._read_v, self._read_i
        v, i, t = self._v, self._i, self._t
        ticks_us, ticks_diff = clock.ticks_us, clock.ticks_diff
        n = 0
        while n < _PAIRS:
            v[n] = read_v() // 1000
            i[n] = read_i() // 1000
            passed_us = ticks_diff(ticks_us(), start_us)
            t[n] = passed_us if passed_us < 0xFFFF else 0xFFFF
            n += 1
            if passed_us >= _BURST_US:
                break
        return n

    def _follow_mains(self, start_us: int, pairs: int) -> None:
        """Rising zero crossings of the voltage, interpolated between samples, give the period."""
        v, t, zero = self._v, self._t, self._v_zero
        for n in range(2, pairs - 1):
            # three samples agree on the direction: noise at the zero alone does not count
            if v[n - 2] < zero and v[n - 1] < zero <= v[n] and v[n + 1] > zero and v[n + 1] - v[n - 2] > 20:
                step_us = t[n] - t[n - 1]
                if step_us * (pairs - 1) > 2 * (t[pairs - 1] - t[0]):
                    return  # interrupted at this point: the instant is unknown
                at_us = t[n - 1] + step_us * (zero - v[n - 1]) // (v[n] - v[n - 1])
                self._crossing(clock.ticks_add(start_us, at_us))
                return
        if clock.ticks_diff(clock.ticks_ms(), self._crossed_ms) > 1000:
            self._agreed = 0

    def _crossing(self, at_us: int) -> None:
        """Follow the period. While it is unknown, the nominal one gives the number of cycles between two crossings."""
        passed_us = clock.ticks_diff(at_us, self._crossing_us)
        now = clock.ticks_ms()
        recent = clock.ticks_diff(now, self._crossed_ms) < _APART_MS
        self._crossing_us = at_us
        self._crossed_ms = now
        if not recent or passed_us <= 0:
            return
        locked = self._agreed >= _LOCK
        about16 = self._period16 if locked else self._nominal16
        cycles = (passed_us * 16 + about16 // 2) // about16
        if cycles == 0:
            return
        period16 = passed_us * 16 // cycles
        if abs(period16 - self._nominal16) * 12 > self._nominal16:
            self._agreed = 0  # more than 8 % off: not mains, not even those of a generator (47 Hz)
        elif abs(period16 - self._period16) * 100 >= self._period16:
            self._agreed = 0
            self._period16 = period16
            self._clear()  # sorted by a wrong period
        else:
            self._agreed = min(_LOCK, self._agreed + 1)
            # a crossing is some 10 us uncertain, so it counts for more the more cycles it spans
            self._period16 += (period16 - self._period16) * min(cycles, 8) // 16

    def _sort(self, start_us: int, pairs: int) -> None:
        """Add the pairs of whole slices to their slices, the voltage moved to the current's time (MET-51)."""
        if pairs < 8:
            return
        v, i, t = self._v, self._i, self._t
        step_us = max(1, (t[pairs - 1] - t[0]) // (pairs - 1))
        # The current is sampled half a step after the voltage, and was skew late before: where, in 1/256 steps after
        # v[n], the voltage is that belongs to i[n]
        shift = 128 - self._cal.skew_ns[0] * 256 // (step_us * 1000)
        lag = shift >> 8
        part = shift & 0xFF
        first = max(1, -lag)
        last = pairs - 1 - max(1, lag + 1)
        slice16 = self._period16 // _BINS
        base16 = self._phase16(start_us)
        begun = (base16 + t[first] * 16) // slice16
        ended = (base16 + t[last] * 16) // slice16
        longest = step_us + step_us // 2
        v_zero, i_zero = self._v_zero, self._i_zero
        for n in range(first, last):
            number = (base16 + t[n] * 16) // slice16
            if number == begun or number == ended:
                continue  # only in part in this burst
            if t[n] - t[n - 1] > longest or t[n + 1] - t[n] > longest:
                continue  # something held us up in between: the two do not belong together
            if not _CLIP_LOW_MV < v[n] < _CLIP_HIGH_MV or not _CLIP_LOW_MV < i[n] < _CLIP_HIGH_MV:
                raise MeterError("out of range")
            dv = v[n] - v_zero
            di = i[n] - i_zero
            moved = (v[n + lag] - v_zero) * (256 - part) + (v[n + lag + 1] - v_zero) * part
            b = number % _BINS
            self._seen[b] += 1
            self._sum_v[b] += dv
            self._sum_vv[b] += dv * dv
            self._sum_i[b] += di
            self._sum_ii[b] += di * di
            self._sum_vi[b] += moved * di >> 6  # quarters of a mV squared

    def _phase16(self, at_us: int) -> int:
        """1/16 us since the cycle that a time falls into began; moves the reference on so that it stays near."""
        passed16 = clock.ticks_diff(at_us, self._cycle_us) * 16 - self._cycle16
        phase16 = passed16 % self._period16
        whole16 = self._cycle16 + passed16 - phase16
        self._cycle_us = clock.ticks_add(self._cycle_us, whole16 >> 4)
        self._cycle16 = whole16 & 0x0F
        return phase16

    def _clear(self) -> None:
        for b in range(_BINS):
            self._seen[b] = 0
            self._sum_v[b] = 0
            self._sum_vv[b] = 0
            self._sum_i[b] = 0
            self._sum_ii[b] = 0
            self._sum_vi[b] = 0

    # --- once a window ---

    def _mean(self, sums: list, scale: int) -> int:
        """Sum over the slices of scale times their means."""
        seen = self._seen
        total = 0
        for b in range(_BINS):
            total += sums[b] * scale // seen[b]
        return total

    def _evaluate(self, now: int) -> None:
        """Compute the values of the window (MET-52): mean squares and mean product, less the share of the biases."""
        v_mean = self._mean(self._sum_v, 256)  # mV x 256 x 40
        i_mean = self._mean(self._sum_i, 256)
        v_uv = self._rms_uv(self._sum_vv, v_mean)
        i_uv = self._rms_uv(self._sum_ii, i_mean)
        # 1/4 mV^2 x 4 x 40 = mV^2 x 640 / 4; both terms brought to uV^2
        product = self._mean(self._sum_vi, 4) * 1000000 // (16 * _BINS)
        product -= (v_mean * 1000 // (256 * _BINS)) * (i_mean * 1000 // (256 * _BINS))
        self._clear()
        self._follow_bias(v_mean, i_mean)
        cal = self._cal
        v_mv = v_uv * self._v_ratio * cal.v[0] // 1000000000000
        i_ma = i_uv * self._i_ratio * cal.i[0] // 1000000000000
        floor_ma = cal.floor_ma[0]
        squared = i_ma * i_ma - floor_ma * floor_ma
        i_ma = isqrt(squared)
        p_mw = product * self._v_ratio * self._i_ratio * cal.sign[0] * cal.v[0] * cal.i[0] * cal.p[0]
        p_mw //= 10**33  # uV^2, two ratios in thousandths, mV x mA to mW, three gains in ppm
        if i_ma <= floor_ma:
            i_ma = p_mw = 0  # indistinguishable from noise
        self._check_range(v_mv, i_ma)
        alive = v_mv > _DEAD_MV
        if alive and self._agreed < _LOCK:
            return  # figures of a wrong period would be of broken cycles
        reading = self.reading
        reading.v_mv[0] = v_mv
        reading.i_ma[0] = i_ma
        reading.p_mw[0] = p_mw
        reading.f_mhz = 16000000 * 1000 // self._period16 if alive else 0
        self._count(now, p_mw)
        self._measured(now)

    def _rms_uv(self, squares: list, mean: int) -> int:
        """RMS at the ADC, uV, without the bias."""
        offset_uv = mean * 1000 // (256 * _BINS)
        return isqrt(self._mean(squares, 16) * 1000000 // (16 * _BINS) - offset_uv * offset_uv)

    def _follow_bias(self, v_mean: int, i_mean: int) -> None:
        half = 128 * _BINS
        self._v_zero += (v_mean + half) // (256 * _BINS)
        self._i_zero += (i_mean + half) // (256 * _BINS)
        v_off = abs(self._v_zero - self._bias_mv)
        i_off = abs(self._i_zero - self._bias_mv)
        if v_off > _BIAS_OFF_MV or i_off > _BIAS_OFF_MV:
            self._v_zero = self._i_zero = self._bias_mv
            raise MeterError("bias lost")

    def _count(self, now: int, p_mw: int) -> None:
        """Power of the window times the time since the last. After a gap of unknown cause at most 2 s are counted.

        A gap of up to _HELD_MS is a hold-up, in which nothing can have opened the contactor: the power was that of before it.
        """
        if self._counted_ms is not None:
            passed_ms = clock.ticks_diff(now, self._counted_ms)
            held_ms = passed_ms - _WINDOW_MS if _GAP_MS < passed_ms <= _HELD_MS else 0
            passed_ms = min(2000, passed_ms - held_ms)
            self._add_energy(p_mw * passed_ms + self._counted_mw * held_ms, self._cal.e[0], 3600000 * UNITY)
        self._counted_ms = now
        self._counted_mw = p_mw


def create(kind: str, options: dict, entry: dict | None, buses: Any) -> CtAdc:
    """The driver on two of the chip's own analogue inputs."""
    return CtAdc(buses.adc(options["v_adc"]), buses.adc(options["i_adc"]), buses.calibrated(kind, 1, entry), options)
