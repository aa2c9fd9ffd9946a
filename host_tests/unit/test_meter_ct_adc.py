"""CT and voltage channel on the ADC: whole cycles out of short bursts, skew, bias, noise floor (MET-50 to MET-53)."""

import meters
from check import equal, near, true

from charger import clock
from charger.drivers.meters import calibration
from charger.drivers.meters.ct_adc import CtAdc, isqrt
from sim.chips.ct_adc import CtFrontEnd

time = meters.Time()
setup, teardown = time.start, time.stop


def spend(us):
    time.us += us


def bench(seed=0, load=None, calibrated=True, options=None, noise_mv=3.0, convert_us=45):
    """A started meter on one front end: (meter, front, load)."""
    load = load or meters.Mains()
    front = CtFrontEnd(load, time.read_us, spend, seed, convert_us, noise_mv)
    cal = None
    if calibrated:
        cal = calibration.from_json(front.factory(), "ct_adc")
        cal.floor_ma[0] = 150
    meter = CtAdc(front.v, front.i, cal, options or {})
    meters.run(meter.start())
    return meter, front, load


def test_square_root():
    for n in (0, 1, 2, 3, 4, 15, 16, 17, 999999, 1 << 40, (1 << 41) - 1):
        root = isqrt(n)
        true(root * root <= n < (root + 1) * (root + 1), n)
    equal(isqrt(-5), 0)


def test_figures_energy_and_short_bursts():
    meter, _, load = bench()
    longest = 0
    for _ in range(200):
        time.pass_ms(meter.poll_ms)
        before = time.us
        meter.poll()
        longest = max(longest, time.us - before)
    true(longest <= 5000, "%d us a poll" % longest)
    true(meter.reading.valid, meter.reading.fault)
    meters.check_figures(meter, load, 10000)
    near(meter.reading.f_mhz, 50000, 40)
    meter.reading.take_energy()
    start = time.ms()
    while time.ms() - start < 30000:
        time.pass_ms(meter.poll_ms)
        meter.poll()
    near(meter.reading.take_energy(), 2300 * 1000 // 120, 400)


def test_gathering_allocates_nothing():
    import micropython

    class Adc:
        """A ramp through the middle, without a float in it."""

        def __init__(self):
            self.n = 0

        def read_uv(self):
            self.n = (self.n + 1) % 20
            time.us += 45
            return 1500000 + self.n * 15000

    meter = CtAdc(Adc(), Adc(), None, {})
    start = clock.ticks_us()
    time.pass_ms(50)
    micropython.heap_lock()
    try:
        pairs = meter._burst(start + 50000)
        meter._follow_mains(start + 50000, pairs)
        meter._sort(start + 50000, pairs)
        meter._clear()
    finally:
        micropython.heap_unlock()
    true(pairs > 40)


def test_first_figures_within_two_seconds():
    meter, _, load = bench()
    meters.polls(meter, time, 1400)
    true(meter.reading.usable(), meter.reading.fault)
    meters.check_figures(meter, load, 10000)


def test_both_mains_frequencies_and_their_tolerance():
    for hertz, at in ((50, 49500), (50, 50500), (50, 48000), (60, 59500), (60, 60500)):
        load = meters.Mains(hertz_milli=at)
        meter, _, _ = bench(load=load, options={"hertz": hertz})
        meters.polls(meter, time, 4000)
        true(meter.reading.valid, at)
        near(meter.reading.f_mhz, at, 60)
        meters.check_figures(meter, load, 10000)


def _valid_after(load, hertz, seed):
    """The meter and the ms until it is valid, polled as the meter task does, at most 5 s."""
    meter, _, _ = bench(seed, load, options={"hertz": hertz})
    began_us = time.us
    time.pass_ms(seed * 7)
    while not meter.reading.valid and time.us - began_us < 5000000:
        time.pass_ms(meter.poll_ms)
        meter.poll()
    return meter, (time.us - began_us) // 1000


def test_a_generators_mains_are_metered_from_47_to_53_hz():
    """Whenever the sampling begins: without figures a unit charges nothing."""
    for hertz, at, seeds in ((50, 47000, 20), (50, 47500, 3), (50, 53000, 3), (60, 56600, 3), (60, 63400, 3)):
        load = meters.Mains(hertz_milli=at)
        for seed in range(seeds):
            meter, took_ms = _valid_after(load, hertz, seed)
            true(meter.reading.valid, (at, seed, meter.reading.fault))
            true(took_ms < 4000, (at, seed, took_ms))
        for _ in range(40):
            time.pass_ms(meter.poll_ms)
            meter.poll()
        near(meter.reading.f_mhz, at, 150)
        meters.check_figures(meter, load, 20000)


def test_transformer_lead_is_corrected():
    for seed in (1, 2, 3):
        load = meters.Mains(amps=16, pf_milli=500)
        meter, front, _ = bench(seed, load)
        true(front.unit.skew_ns < -50000)
        meters.polls(meter, time, 3000)
        meters.check_figures(meter, load, 20000)
        meter._cal.skew_ns[0] = 0  # and without, it would not do
        meters.polls(meter, time, 3000)
        true(abs(meter.reading.p_mw[0] - load.p_mw[0]) > load.p_mw[0] // 50)


def test_slow_and_fast_converters():
    for convert_us in (20, 80):
        meter, _, load = bench(convert_us=convert_us)
        meters.polls(meter, time, 3000)
        true(meter.reading.valid, convert_us)
        meters.check_figures(meter, load, 10000)


def test_noise_floor_is_taken_off_in_quadrature_and_nothing_creeps():
    load = meters.Mains(amps=0)
    meter, _, _ = bench(load=load)
    energy = meters.polls(meter, time, 20000)
    equal((meter.reading.i_ma[0], meter.reading.p_mw[0], energy), (0, 0, 0))
    load.set(amps=1)
    meter, _, _ = bench(load=load, noise_mv=6.0)
    meter._cal.floor_ma[0] = 0
    meters.polls(meter, time, 3000)
    raw = meter.reading.i_ma[0]
    true(raw > 1040, raw)
    meter._cal.floor_ma[0] = 364  # 6 mV
    meters.polls(meter, time, 3000)
    near(meter.reading.i_ma[0], 1000, 25)


def test_bias_is_followed_and_a_lost_one_is_a_fault():
    meter, front, load = bench()
    for _ in range(20):
        front.i_bias += 5
        front.v_bias -= 5
        meters.polls(meter, time, 600)
    true(meter.reading.valid)
    meters.check_figures(meter, load, 10000)
    front.i_bias = 900.0
    meters.polls(meter, time, 6000)
    equal((meter.reading.valid, meter.reading.fault), (False, "bias lost"))
    front.i_bias = 1650.0
    meters.polls(meter, time, 3000)
    true(meter.reading.valid)


def test_clipping_is_a_fault():
    meter, _, load = bench()
    load.set(amps=90)
    meters.polls(meter, time, 3000)
    equal((meter.reading.valid, meter.reading.fault), (False, "out of range"))


def test_turned_transformer():
    meter, front, load = bench()
    front.turned = True
    energy = meters.polls(meter, time, 5000)
    equal((meter.reading.valid, meter.reading.fault), (False, "reversed current"))
    equal(energy, 0)
    right = CtAdc(front.v, front.i, calibration.from_json(front.factory(), "ct_adc"), {})
    meters.polls(right, time, 3000)
    true(right.reading.valid)
    meters.check_figures(right, load)


def test_without_calibration_never_valid_and_no_energy():
    meter, _, load = bench(calibrated=False)
    equal(meters.polls(meter, time, 5000), 0)
    equal((meter.reading.valid, meter.reading.fault), (False, "not calibrated"))
    meters.check_figures(meter, load, 40000)


def test_no_mains_is_a_measurement_too():
    load = meters.Mains(volts=0, amps=0)
    meter, _, _ = bench(load=load)
    meters.polls(meter, time, 3000)
    true(meter.reading.usable(), meter.reading.fault)
    true(meter.reading.v_mv[0] < 3000)
    equal((meter.reading.i_ma[0], meter.reading.f_mhz), (0, 0))


def test_polls_locked_to_the_mains_are_invalid_rather_than_wrong():
    meter, _, load = bench()
    meters.polls(meter, time, 3000)
    for _ in range(400):
        time.us += 20000 - time.us % 20000  # each burst sees the same part of the cycle
        meter.poll()
    equal(meter.reading.valid, False)
    meters.polls(meter, time, 3000)
    true(meter.reading.valid)
    meters.check_figures(meter, load, 10000)


def test_being_held_up_in_a_burst_spoils_nothing():
    load = meters.Mains(amps=16, pf_milli=500)
    meter, front, _ = bench(load=load)
    calls = [0]
    real = front._spend

    def interrupted(us):
        calls[0] += 1
        real(us + (700 if calls[0] % 50 == 0 else 0))

    front._spend = interrupted
    meters.polls(meter, time, 5000)
    true(meter.reading.valid, meter.reading.fault)
    meters.check_figures(meter, load, 15000)
