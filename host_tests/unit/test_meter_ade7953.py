"""ADE7953 driver against the chip at register level, over I2C and SPI (MET-10 to MET-17)."""

import meters
import micropython
from check import equal, near, true

from charger.drivers.meters import calibration
from charger.drivers.meters.ade7953 import ADE7953, I2CTransport, SPITransport
from sim.chips import wires
from sim.chips.ade7953 import ADE7953Chip

time = meters.Time()
setup, teardown = time.start, time.stop


def bench(seed=3, spi=False, calibrated=True, channel="A", load=None, export=False):
    """A started meter on one unit of the chip: (meter, chip, load, wire)."""
    load = load or meters.Load()
    options = {"channel": channel, "export": export}
    chip = ADE7953Chip(load, seed, now=time.ms)
    cal = None
    if calibrated:
        cal = calibration.from_json(chip.factory("AB".index(channel)), "ade7953")
    wire = wires.SPIWire(chip) if spi else wires.I2CWire(chip)
    transport = SPITransport(wire, wire.cs) if spi else I2CTransport(wire)
    meter = ADE7953(transport, cal, options)
    meters.run(meter.start())
    return meter, chip, load, wire


def test_figures_energy_and_no_violation_over_both_buses():
    for spi in (False, True):
        meter, chip, load, _ = bench(spi=spi)
        true(meter.reading.valid, meter.reading.fault)
        meters.polls(meter, time, 400)
        meters.check_figures(meter, load, 3000)
        near(meter.reading.f_mhz, 50000, 20)
        near(meter.reading.pf_milli[0], 1000, 4)
        energy = meters.polls(meter, time, 600000)
        near(energy, 2300 * 1000 // 6, 2300 * 1000 // 6 // 500, "mWh in ten minutes")
        equal(chip.violations, [])


def test_waits_for_the_power_up_time():
    _, chip, _, _ = bench()
    other = ADE7953(I2CTransport(wires.I2CWire(chip)), None, {})
    chip.brown_out()
    other.poll()
    equal(other.reading.fault, "starting")
    equal(chip._registers[0x120], 0)
    meters.run(other.start())
    equal(chip._registers[0x120], 0x30)


def test_energy_is_exact_at_any_pace_of_polling():
    meter, _, _, _ = bench(seed=0, load=meters.Load(amps=32))
    for step in (50, 200, 1000):
        meter.reading.take_energy()
        near(meters.polls(meter, time, 60000, step), 7360 * 1000 // 60, 60)


def test_without_calibration_never_valid_and_no_energy():
    meter, _, load, _ = bench(calibrated=False)
    meters.gives_no_energy_uncalibrated(meter, load, time)


def test_brown_out_is_detected_before_wrong_energy_is_counted():
    for seed in (0, 3):  # 0: calibrated gains equal the power-up ones, which must not hide it
        meter, chip, load, _ = bench(seed)
        meters.polls(meter, time, 1000)
        meters.brown_out_counts_nothing(meter, chip, time, 150)
        meters.polls(meter, time, 400)
        true(meter.reading.valid)
        meters.polls(meter, time, 2000)
        meters.check_figures(meter, load, 3000)
        equal(chip.violations, [])


def test_dead_chip_goes_invalid_in_two_seconds_and_comes_back():
    meter, chip, _, _ = bench()
    meters.polls(meter, time, 1000)
    chip.dead = True
    meters.polls(meter, time, 400)
    true(meter.reading.valid)  # one or two misses are nothing
    meters.polls(meter, time, 1800)
    equal(meter.reading.valid, False)
    true(not meter.reading.usable())
    chip.dead = False
    meters.polls(meter, time, 1000)
    true(meter.reading.usable(), meter.reading.fault)


def test_line_that_is_silent_for_a_while_loses_no_energy():
    """All ones on an open SPI line are no chip that has lost its settings: what it counts meanwhile is taken afterwards."""
    for spi in (False, True):
        meter, chip, _, _ = bench(spi=spi)
        meters.polls(meter, time, 10000)
        meter.reading.take_energy()
        chip.dead = True
        meters.polls(meter, time, 10000)
        equal(meter.reading.valid, False)
        chip.dead = False
        near(meters.polls(meter, time, 50000), 2300 * 1000 // 60, 200, "mWh in a minute")
        true(meter.reading.valid)


def test_chip_missing_from_the_start():
    for spi in (False, True):
        _, chip, _, _ = bench(spi=spi)
        chip.dead = True
        wire = wires.SPIWire(chip) if spi else wires.I2CWire(chip)
        lost = ADE7953(SPITransport(wire, wire.cs) if spi else I2CTransport(wire), None, {})
        meters.run(lost.start())
        meters.polls(lost, time, 2400)
        equal((lost.reading.valid, lost.reading.fault), (False, "no answer"))


def test_usable_ends_when_polling_stops():
    meter, _, _, _ = bench()
    true(meter.reading.usable())
    time.pass_ms(2001)
    usable = meter.reading.usable
    micropython.heap_lock()  # the control tick asks
    answer = usable()
    micropython.heap_unlock()
    equal(answer, False)


def test_bus_error_in_any_transfer_is_survived():
    meter, chip, load, wire = bench()
    for good in range(6):
        meters.polls(meter, time, 200)
        wire.fail_after = good
        time.pass_ms(200)
        meter.poll()
        equal(wire.fail_after, None, "the fault was met")
        true(meter.reading.valid, "transfer %d" % good)
    meters.polls(meter, time, 1000)
    meters.check_figures(meter, load, 3000)
    equal(chip.violations, [])


def test_a_count_that_cannot_be_is_not_billed():
    meter, chip, _, _ = bench(seed=0)
    meters.polls(meter, time, 1000)
    meter.reading.take_energy()
    chip._channels[0].energy += 0x400000  # 177 Wh out of nowhere
    energy = meters.polls(meter, time, 2000)
    near(energy, 2300 * 2000 // 3600, 200)


def test_register_that_may_have_rolled_over_is_rejected():
    meter, _, _, _ = bench(seed=0, load=meters.Load(amps=32))
    meters.polls(meter, time, 1000)
    meter.reading.take_energy()
    time.pass_ms(200000)  # nobody polled: 9.7 million counts, which look like export
    meter.poll()
    equal((meter.reading.take_energy(), meter.reading.take_export()), (0, 0))
    near(meters.polls(meter, time, 2000), 7360 * 2000 // 3600, 100)


def test_turned_channel_is_a_fault_until_the_calibration_knows_it():
    for channel in "AB":
        load = meters.Load(phases=2)
        meter, chip, load, _ = bench(channel=channel, load=load)
        chip.turn_round("AB".index(channel))
        energy = meters.polls(meter, time, 3000)
        equal((meter.reading.valid, meter.reading.fault), (False, "reversed current"))
        true(energy < 300, energy)
        cal = calibration.from_json(chip.factory("AB".index(channel)), "ade7953")
        equal(cal.sign[0], -1)
        right = ADE7953(meter._bus, cal, {"channel": channel})
        meters.run(right.start())
        meters.polls(right, time, 1000)
        meters.check_figures(right, load, 3000)


def test_export_is_counted_apart_where_allowed():
    meter, _, _, _ = bench(export=True, load=meters.Load(pf_milli=-1000))
    energy = meters.polls(meter, time, 60000)
    equal(energy, 0)
    near(meter.reading.take_export(), 2300 * 1000 // 60, 100)
    true(meter.reading.valid)


def test_no_load_does_not_creep():
    meter, _, _, _ = bench(load=meters.Load(amps=0.01))
    equal(meters.polls(meter, time, 60000), 0)
    true(meter.reading.i_ma[0] < 20)


def test_poll_costs_little_heap():
    import gc

    meter, _, _, _ = bench()

    class Bus:
        """The registers as they stand, without the chip's own arithmetic."""

        def __init__(self, values):
            self.values = values

        def read(self, register):
            return self.values[register]

    registers = (0x281, 0x21C, 0x21A, 0x212, 0x10E, 0x21E)
    meter._bus = Bus({register: meter._bus.read(register) for register in registers})
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(50):
        meter.poll()
    used = (gc.mem_alloc() - before) // 50
    gc.enable()
    true(used <= 400, "%d bytes a poll" % used)
