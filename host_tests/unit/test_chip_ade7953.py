"""The simulated ADE7953 refuses what the chip refuses, so that a careless driver fails its tests."""

import meters
from check import equal, near, raises, true

from sim.chips.ade7953 import ADE7953Chip

WORDS = (64, 32)

time = meters.Time()
setup, teardown = time.start, time.stop


def new_chip(load=None, seed=0):
    chip = ADE7953Chip(load or meters.Load(), seed, now=time.ms)
    time.pass_ms(100)
    return chip


def tuned(load=None, seed=0):
    chip = new_chip(load, seed)
    chip.write(b"\x00\xfe\xad")
    chip.write(b"\x01\x20\x00\x30")
    return chip


def read(chip, register, n):
    chip.write(bytes((register >> 8, register & 0xFF)))
    return int.from_bytes(chip.read(n), "big")


def test_no_acknowledge_before_power_up_time_and_when_dead():
    chip = ADE7953Chip(meters.Load(), now=time.ms)
    time.pass_ms(99)
    raises(OSError, chip.write, b"\x01\x02")
    time.pass_ms(1)
    chip.write(b"\x01\x02")
    equal(chip.read(2), b"\x80\x04")
    chip.dead = True
    raises(OSError, chip.read, 2)


def test_optimum_settings_need_the_unlock_directly_before():
    chip = new_chip()
    chip.write(b"\x01\x20\x00\x30")
    chip.write(b"\x00\xfe\xad")
    chip.write(b"\x01\x02")
    chip.read(2)
    chip.write(b"\x01\x20\x00\x30")
    equal(chip.violations, ["0x120 without unlock"] * 2)
    chip.write(b"\x00\xfe\xad")
    chip.write(b"\x01\x20\x00\x30")
    equal(read(chip, 0x120, 2), 0x30)


def test_width_follows_the_address():
    chip = tuned(meters.Load(pf_milli=-1000))
    short = read(chip, 0x212, 3)
    long = read(chip, 0x312, 4)
    equal(long >> 24, 0xFF)
    near(short - 0x1000000, -2300 * 154, 2300)
    near((long & 0xFFFFFF) - 0x1000000, -2300 * 154, 2300)
    equal(chip.violations, [])
    read(chip, 0x212, 4)
    chip.write(b"\x02\x80\x40")
    equal(len(chip.violations), 2)


def test_gains_count_and_out_of_range_ones_are_refused():
    chip = tuned()
    near(read(chip, 0x21C, 3), 230 * 26000, 6000)
    chip.write(b"\x02\x81\x44\x00\x00")
    near(read(chip, 0x21C, 3), 230 * 26000 * 0x44 // 0x40, 6000)
    chip.write(b"\x02\x81\x70\x00\x00")
    chip.write(b"\x02\x8d\x41\x00\x00")
    equal(len(chip.violations), 2)


def test_energy_clears_with_the_reading_unless_switched_off():
    chip = tuned(meters.Load(amps=10))
    read(chip, 0x21E, 3)
    time.pass_ms(1000)
    near(read(chip, 0x21E, 3), 15152, 100)
    true(read(chip, 0x21E, 3) < 20)
    chip.write(b"\x00\x04\x00")
    time.pass_ms(1000)
    first = read(chip, 0x21E, 3)
    true(read(chip, 0x21E, 3) >= first > 15000)


def test_energy_rolls_over_at_24_bits():
    chip = new_chip(meters.Load(amps=32))
    chip.write(b"\x00\x04\x00")
    time.pass_ms(200000)
    true(read(chip, 0x21E, 3) & 0x800000)  # 9.7 million counts: past full scale, so negative


def test_brown_out_loses_settings_and_counts():
    chip = new_chip()
    chip.write(b"\x02\x80\x41\x00\x00")
    chip.brown_out()
    raises(OSError, chip.write, b"\x02\x80")
    time.pass_ms(100)
    equal(read(chip, 0x280, 3), 0x400000)


def test_first_traffic_chooses_the_interface():
    chip = new_chip()
    equal(chip.exchange(b"\x01\x02\x80", 2), b"\x80\x04")
    raises(OSError, chip.write, b"\x01\x02")
