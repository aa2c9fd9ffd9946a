"""The simulated ADE7953 refuses what the chip refuses, so that a careless driver fails its tests."""

import meters
from check import equal, near, raises, true

from sim.chips.ade7953 import ADE7953Chip

time = meters.Time()
setup, teardown = time.start, time.stop


def chip(load=None, seed=0):
    made = ADE7953Chip(load or meters.Load(), seed, now=time.ms)
    time.pass_ms(100)
    return made


def tuned(load=None, seed=0):
    made = chip(load, seed)
    made.write(b"\x00\xfe\xad")
    made.write(b"\x01\x20\x00\x30")
    return made


def read(chip, register, n):
    chip.write(bytes((register >> 8, register & 0xFF)))
    return int.from_bytes(chip.read(n), "big")


def test_no_acknowledge_before_power_up_time_and_when_dead():
    made = ADE7953Chip(meters.Load(), now=time.ms)
    time.pass_ms(99)
    raises(OSError, made.write, b"\x01\x02")
    time.pass_ms(1)
    made.write(b"\x01\x02")
    equal(made.read(2), b"\x80\x04")
    made.dead = True
    raises(OSError, made.read, 2)


def test_optimum_settings_need_the_unlock_directly_before():
    made = chip()
    made.write(b"\x01\x20\x00\x30")
    made.write(b"\x00\xfe\xad")
    made.write(b"\x01\x02")
    made.read(2)
    made.write(b"\x01\x20\x00\x30")
    equal(made.violations, ["0x120 without unlock"] * 2)
    made.write(b"\x00\xfe\xad")
    made.write(b"\x01\x20\x00\x30")
    equal(read(made, 0x120, 2), 0x30)


def test_width_follows_the_address():
    made = tuned(meters.Load(pf_milli=-1000))
    short = read(made, 0x212, 3)
    long = read(made, 0x312, 4)
    equal(long >> 24, 0xFF)
    near(short - 0x1000000, -2300 * 154, 2300)
    near((long & 0xFFFFFF) - 0x1000000, -2300 * 154, 2300)
    equal(made.violations, [])
    read(made, 0x212, 4)
    made.write(b"\x02\x80\x40")
    equal(len(made.violations), 2)


def test_gains_count_and_out_of_range_ones_are_refused():
    made = tuned()
    near(read(made, 0x21C, 3), 230 * 26000, 6000)
    made.write(b"\x02\x81\x44\x00\x00")
    near(read(made, 0x21C, 3), 230 * 26000 * 0x44 // 0x40, 6000)
    made.write(b"\x02\x81\x70\x00\x00")
    made.write(b"\x02\x8d\x41\x00\x00")
    equal(len(made.violations), 2)


def test_energy_clears_with_the_reading_unless_switched_off():
    made = tuned(meters.Load(amps=10))
    read(made, 0x21E, 3)
    time.pass_ms(1000)
    near(read(made, 0x21E, 3), 15152, 100)
    true(read(made, 0x21E, 3) < 20)
    made.write(b"\x00\x04\x00")
    time.pass_ms(1000)
    first = read(made, 0x21E, 3)
    true(read(made, 0x21E, 3) >= first > 15000)


def test_energy_rolls_over_at_24_bits():
    made = chip(meters.Load(amps=32))
    made.write(b"\x00\x04\x00")
    time.pass_ms(200000)
    true(read(made, 0x21E, 3) & 0x800000)  # 9.7 million counts: past full scale, so negative


def test_brown_out_loses_settings_and_counts():
    made = chip()
    made.write(b"\x02\x80\x41\x00\x00")
    made.brown_out()
    raises(OSError, made.write, b"\x02\x80")
    time.pass_ms(100)
    equal(read(made, 0x280, 3), 0x400000)


def test_first_traffic_chooses_the_interface():
    made = chip()
    equal(made.exchange(b"\x01\x02\x80", 2), b"\x80\x04")
    raises(OSError, made.write, b"\x01\x02")
