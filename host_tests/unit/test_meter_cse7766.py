"""CSE7766 / HLW8032 driver against the chip on a simulated line of 4800 baud with parity (MET-35 to MET-37)."""

import meters
from check import equal, near, true

from charger.drivers.meters import calibration
from charger.drivers.meters.cse7766 import CSE7766
from sim.chips.cse7766 import CSE7766Chip
from sim.chips.uart import UARTWire

time = meters.Time()
setup, teardown = time.start, time.stop


def bench(seed=3, calibrated=True, load=None):
    """A started meter on one unit of the chip: (meter, chip, load, wire)."""
    load = load or meters.Load()
    chip = CSE7766Chip(load, seed, now=time.ms)
    wire = UARTWire(chip, time.ms, bits=11, rxbuf=1024)
    cal = calibration.from_json(chip.factory(), "cse7766") if calibrated else None
    meter = CSE7766(wire, cal, {})
    meters.run(meter.start())
    return meter, chip, load, wire


def test_figures_and_energy():
    meter, _, load, wire = bench()
    meters.polls(meter, time, 400)
    true(meter.reading.valid, meter.reading.fault)
    meters.check_figures(meter, load)
    near(meters.polls(meter, time, 120000), 2300 * 1000 // 30, 300)
    equal(meter.reading.f_mhz, 0, "this chip does not tell")
    equal(wire.lost, 0)


def test_the_first_second_counts_however_long_the_board_has_run():
    """The first poll finds frames already; the count of the next ones is that of the time since then."""
    time.pass_ms(300000)
    meter, _, _, _ = bench()
    near(meters.polls(meter, time, 1000), 2300 * 1000 // 3600, 60)


def test_without_calibration_never_valid_and_no_energy():
    meter, _, load, _ = bench(calibrated=False)
    meters.gives_no_energy_uncalibrated(meter, load, time)


def test_counter_wrap_loses_nothing():
    meter, chip, _, _ = bench(seed=0, load=meters.Load(amps=32))
    chip.preset_count(0xFFFF - 300)
    meters.polls(meter, time, 400)
    meter.reading.take_energy()
    near(meters.polls(meter, time, 30000), 7360 * 1000 // 120, 150)
    true(chip._count > 0x10000)


def test_brown_out_is_distinguished_from_a_wrap():
    meter, chip, load = meters.bench_at_full_load(bench, time, 10000)
    chip.brown_out()
    near(meters.polls(meter, time, 3000), 7360 * 3000 // 3600, 700)
    true(meter.reading.valid)
    meters.check_figures(meter, load)


def test_no_current_and_no_voltage_are_measurements_too():
    meter, _, load, _ = bench()
    load.set(amps=0)
    meters.polls(meter, time, 3000)
    true(meter.reading.usable())
    equal((meter.reading.i_ma[0], meter.reading.p_mw[0]), (0, 0))
    load.set(volts=0, amps=0)
    meters.polls(meter, time, 3000)
    true(meter.reading.usable())
    equal(meter.reading.v_mv[0], 0)


def test_chip_without_coefficients_is_invalid():
    for fault, words in (("uncalibrated", "chip not calibrated"), ("bad_coefficients", "coefficients bad")):
        meter, chip, _, _ = bench()
        meters.polls(meter, time, 400)
        setattr(chip, fault, True)
        meters.polls(meter, time, 2600)
        equal((meter.reading.valid, meter.reading.fault), (False, words))


def test_damage_resynchronises_and_never_shows():
    meter, _, load, wire = bench()
    meters.polls(meter, time, 400)
    passed = [0]

    def every(period, change):
        def mangle(byte):
            passed[0] += 1
            return change(byte) if passed[0] % period == 0 else byte

        return mangle

    for mangle in (
        every(97, lambda byte: byte ^ 0x40),
        every(61, lambda byte: None),
        every(53, lambda byte: bytes((byte, 0x55))),
        every(50, lambda byte: b"\x55\x5a"),
        every(45, lambda byte: b"\xf2"),
    ):
        wire.mangle = mangle
        for _ in range(50):
            meters.polls(meter, time, 200)
            meters.check_figures(meter, load)
        true(meter.reading.valid)


def test_five_damaged_polls_are_a_failure():
    meter, _, _, wire = bench()
    meters.polls(meter, time, 400)
    wire.mangle = lambda byte: byte ^ 0x04 if byte not in (0x55, 0x5A) else byte
    meters.goes_invalid(meter, time, 600, 600, "checksum")
    wire.mangle = None
    meters.polls(meter, time, 400)
    true(meter.reading.usable())


def test_silence_is_stale_and_a_long_one_leaves_the_energy_unknown():
    meter, chip, load, _ = bench(load=meters.Load(amps=32))
    meters.polls(meter, time, 1000)
    chip.dead = True
    meters.polls(meter, time, 1800)
    true(meter.reading.valid)
    meters.polls(meter, time, 600)  # the last frame was still on the line
    equal((meter.reading.valid, meter.reading.fault), (False, "stale"))
    meters.polls(meter, time, 20000)
    chip.dead = False
    energy = meters.polls(meter, time, 1000)
    true(0 < energy < 2100, energy)
    meters.check_figures(meter, load)


def test_meter_that_never_sends_is_invalid():
    meter = CSE7766(UARTWire(None, time.ms), None, {})
    meters.run(meter.start())
    meters.polls(meter, time, 2200)
    equal((meter.reading.valid, meter.reading.fault), (False, "no answer"))


def test_works_polled_once_a_second():
    meter, _, load, wire = bench()
    meters.polls(meter, time, 10000, 1000)
    true(meter.reading.usable())
    meters.check_figures(meter, load)
    equal(wire.lost, 0)
