"""BL0942 driver against the chip on a simulated line of 4800 baud (MET-20 to MET-25)."""

import meters
from check import equal, near, true

from charger.drivers.meters import calibration
from charger.drivers.meters.bl0942 import BL0942
from sim.chips.bl0942 import BL0942Chip
from sim.chips.uart import UARTWire

time = meters.Time()
setup, teardown = time.start, time.stop


def bench(seed=3, calibrated=True, load=None, options=None):
    """A started meter on one unit of the chip: (meter, chip, load, wire)."""
    load = load or meters.Load()
    options = options or {}
    chip = BL0942Chip(load, seed, options.get("address", 0), now=time.ms)
    wire = UARTWire(chip, time.ms)
    cal = calibration.from_json(chip.factory(), "bl0942") if calibrated else None
    meter = BL0942(wire, cal, options)
    meters.run(meter.start())
    return meter, chip, load, wire


def test_figures_and_energy():
    for options in ({}, {"address": 2}, {"hertz": 60}):
        meter, chip, load, _ = bench(options=options)
        true(meter.reading.valid, meter.reading.fault)
        meters.polls(meter, time, 1000)
        meters.check_figures(meter, load)
        near(meter.reading.f_mhz, 50000, 20)
        energy = meters.polls(meter, time, 300000)
        near(energy, 2300 * 1000 // 12, 800, "mWh in five minutes, counted in steps of 0.19 Wh")
        equal(chip.violations, [])


def test_without_calibration_never_valid_and_no_energy():
    meter, _, load, _ = bench(calibrated=False)
    meters.gives_no_energy_uncalibrated(meter, load, time)


def test_settings_are_written_and_read_back():
    _, chip, _, _ = bench(options={"hertz": 60})
    equal((chip._registers[0x19], chip._registers[0x14]), (0xA7, 0x0C))
    equal(chip._registers[0x1D], 0, "protected again")


def test_counter_wrap_loses_nothing():
    meter, chip, _, _ = bench(seed=0, load=meters.Load(amps=32))
    chip.preset_count(0xFFFFFF - 100)
    meters.polls(meter, time, 1000)
    meter.reading.take_energy()
    energy = meters.polls(meter, time, 60000)
    near(energy, 7360 * 1000 // 60, 400)
    true(chip._count > 0x1000000)


def test_brown_out_is_distinguished_from_a_wrap():
    meter, chip, load = meters.bench_at_full_load(bench, time, 30000)
    chip.brown_out()
    energy = meters.polls(meter, time, 3000)
    near(energy, 7360 * 3000 // 3600, 1200, "all but what came before the cut and after the last frame")
    equal(chip._registers[0x14], 0x0C, "settings are back")
    true(meter.reading.valid, meter.reading.fault)
    meters.check_figures(meter, load)


def test_one_damaged_frame_changes_nothing_and_five_are_a_failure():
    meter, _, load, wire = bench()
    meters.polls(meter, time, 1000)
    broken = [0]

    def flip(byte):
        broken[0] += 1
        return byte ^ 0x10 if broken[0] == 7 else byte

    wire.mangle = flip
    meters.polls(meter, time, 600)
    true(meter.reading.valid)
    meters.check_figures(meter, load)
    wire.mangle = lambda byte: byte ^ 0x10
    meters.goes_invalid(meter, time, 800, 800, "checksum")
    wire.mangle = None
    meters.polls(meter, time, 1000)
    true(meter.reading.valid)


def test_resynchronises_after_noise_before_between_and_after():
    meter, chip, load, wire = bench()
    for noise in (b"\x00", b"\x55", b"\x55" * 30, b"\x58\xaa\x55\x00", bytes(range(40)), b"\xff" * 300):
        meters.polls(meter, time, 400)
        wire.inject(noise)
        meters.polls(meter, time, 800)
        true(meter.reading.valid, noise)
        meters.check_figures(meter, load)
    lost = [0]

    def lose(byte):
        lost[0] += 1
        return None if lost[0] % 31 == 0 else byte

    wire.mangle = lose
    meters.polls(meter, time, 10000)
    true(meter.reading.valid)
    meters.check_figures(meter, load)
    equal(chip.violations, [])


def test_silence_is_stale_within_two_seconds():
    meter, chip, _, _ = bench()
    meters.dies_and_comes_back(meter, chip, time, 1000)


def test_never_answered():
    wire = UARTWire(None, time.ms)
    wire.write = len
    meter = BL0942(wire, None, {})
    meters.run(meter.start())
    meters.polls(meter, time, 2000)
    equal((meter.reading.valid, meter.reading.fault), (False, "no answer"))


def test_turned_shunt():
    meter, chip, load, _ = bench()
    chip.unit.sign = -1
    energy = meters.polls(meter, time, 3000)
    equal((meter.reading.valid, meter.reading.fault), (False, "reversed current"))
    true(energy < 400, energy)
    right = BL0942(meter._uart, calibration.from_json(chip.factory(), "bl0942"), {})
    meters.run(right.start())
    meters.polls(right, time, 1000)
    meters.check_figures(right, load)
    true(right.reading.valid)


def test_export_is_counted_apart_where_allowed():
    meter, _, _, _ = bench(seed=0, options={"export": True}, load=meters.Load(pf_milli=-1000))
    equal(meters.polls(meter, time, 60000), 0)
    near(meter.reading.take_export(), 2300 * 1000 // 60, 700)


def test_works_polled_once_a_second():
    meter, _, load, _ = bench()
    meters.polls(meter, time, 20000, 1000)
    true(meter.reading.usable())
    meters.check_figures(meter, load)
