"""ATM90E32 driver against the chip at register level, three phases (MET-40 to MET-44)."""

import meters
from check import equal, near, true

from charger.drivers.meters import calibration
from charger.drivers.meters.atm90e32 import ATM90E32, Registers
from sim.chips.atm90e32 import ATM90E32Chip
from sim.chips.wires import SPIWire

time = meters.Time()
setup, teardown = time.start, time.stop


def bench(seed=3, calibrated=True, load=None, options=None):
    """A started meter on one unit of the chip: (meter, chip, load, wire)."""
    load = load or meters.Load(phases=3)
    chip = ATM90E32Chip(load, seed, now=time.ms)
    time.pass_ms(20)
    meter, wire = started(chip, calibrated, options or {})
    return meter, wire, chip, load


def started(chip, calibrated=True, options=None):
    wire = SPIWire(chip)
    cal = calibration.from_json(chip.factory(), "atm90e32", 3) if calibrated else None
    meter = ATM90E32(Registers(wire, wire.cs), cal, options or {})
    meters.run(meter.start())
    return meter, wire


def check_figures(meter, load, ppm=3000):
    r = meter.reading
    for n in range(3):
        near(r.v_mv[n], load.v_mv[n], load.v_mv[n] * ppm // 1000000 + 10, "mV")
        near(r.i_ma[n], load.i_ma[n], load.i_ma[n] * ppm // 1000000 + 8, "mA")
        near(r.p_mw[n], load.p_mw[n], abs(load.p_mw[n]) * ppm // 1000000 + 100, "mW")


def test_figures_and_energy_of_three_phases():
    meter, _, chip, load = bench()
    true(meter.reading.valid, meter.reading.fault)
    meters.polls(meter, time, 400)
    check_figures(meter, load)
    near(meter.reading.f_mhz, 50000, 10)
    near(meter.reading.total_mw(), 6900000, 20000)
    near(meters.polls(meter, time, 120000), 6900 * 1000 // 30, 700)
    load.set(amps=16, pf_milli=500, phases=2)
    meters.polls(meter, time, 1000)
    check_figures(meter, load)
    equal(chip.violations, [])


def test_angles_are_corrected():
    load = meters.Load(amps=32, pf_milli=500, phases=3)
    meter, _, chip, load = bench(load=load)
    meters.polls(meter, time, 400)
    check_figures(meter, load)
    true(max(abs(unit.skew_ns) for unit in chip.units) > 10000)


def test_without_calibration_never_valid_and_no_energy():
    meter, _, _, load = bench(calibrated=False)
    meters.gives_no_energy_uncalibrated(meter, load, time)
    check_figures(meter, load, 60000)


def test_brown_out_is_detected_and_repaired():
    meter, _, chip, load = bench()
    meters.polls(meter, time, 1000)
    meters.brown_out_counts_nothing(meter, chip, time, 50)
    meters.polls(meter, time, 1000)
    true(meter.reading.usable(), meter.reading.fault)
    check_figures(meter, load)
    equal(chip.violations, [])


def test_one_turned_transformer_is_a_fault_until_the_calibration_knows_it():
    meter, _, chip, load = bench()
    chip.units[1].sign = -1
    meters.polls(meter, time, 3000)
    equal((meter.reading.valid, meter.reading.fault), (False, "reversed current"))
    equal(meter.reading.p_mw[1] < 0, True)
    right, _ = started(chip)
    meters.polls(right, time, 1000)
    true(right.reading.valid)
    check_figures(right, load)


def test_a_count_that_cannot_be_is_not_billed():
    meter, _, chip, _ = bench(seed=0)
    meters.polls(meter, time, 1000)
    meter.reading.take_energy()
    chip._forward[2] += 40000  # 125 Wh out of nowhere
    near(meters.polls(meter, time, 2000), 6900 * 2000 // 3600, 300)
    time.pass_ms(120000)  # nobody polled: 16 bits may have rolled over
    meter.poll()
    equal(meter.reading.take_energy(), 0)


def test_export_is_counted_apart_where_allowed():
    meter, _, _, _ = bench(seed=0, options={"export": True}, load=meters.Load(pf_milli=-1000, phases=3))
    equal(meters.polls(meter, time, 60000), 0)
    near(meter.reading.take_export(), 6900 * 1000 // 60, 300)


def test_dead_chip_goes_invalid_and_comes_back():
    meter, _, chip, _ = bench()
    meters.dies_and_comes_back(meter, chip, time, 2000)


def test_never_answered():
    chip = ATM90E32Chip(meters.Load(phases=3), 1, now=time.ms)
    chip.dead = True
    meter, _ = started(chip, calibrated=False)
    meters.polls(meter, time, 2200)
    equal((meter.reading.valid, meter.reading.fault), (False, "no answer"))


def test_energy_survives_one_damaged_transfer():
    meter, wire, _, _ = bench(seed=0)
    meters.polls(meter, time, 400)
    meter.reading.take_energy()
    real = wire.readinto
    hits = [0]

    def damage_energy(buf, write=0):
        energy = wire._sent == b"\x80\x81"
        real(buf, write)
        if energy:
            hits[0] += 1
            buf[1] ^= 0x55

    wire.readinto = damage_energy
    near(meters.polls(meter, time, 60000), 6900 * 1000 // 60, 300)
    equal(hits[0], 300)
