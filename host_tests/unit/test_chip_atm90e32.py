"""The simulated ATM90E32 guards its settings and clears its energies as the real one (MET-42 to MET-44)."""

import meters
from check import equal, near, true

from sim.chips.atm90e32 import IGAIN, UGAIN, ATM90E32Chip

time = meters.Time()
setup, teardown = time.start, time.stop


def new_chip(load=None):
    chip = ATM90E32Chip(load or meters.Load(phases=3), 0, now=time.ms)
    time.pass_ms(10)
    return chip


def read(chip, register):
    return int.from_bytes(chip.exchange(bytes((0x80 | register >> 8, register & 0xFF)), 2), "big")


def write(chip, register, value):
    chip.exchange(bytes((register >> 8, register & 0xFF, value >> 8, value & 0xFF)), 0)


def running(load=None):
    chip = new_chip(load)
    write(chip, 0x7F, 0x55AA)
    write(chip, 0x00, 1)
    for n in range(3):
        write(chip, 0x61 + 4 * n, UGAIN)
        write(chip, 0x62 + 4 * n, IGAIN)
    write(chip, 0x7F, 0)
    return chip


def test_settings_need_the_key():
    chip = new_chip()
    write(chip, 0x00, 1)
    equal(read(chip, 0x00), 0)
    equal(len(chip.violations), 1)
    write(chip, 0x7F, 0x55AA)
    write(chip, 0x00, 1)
    equal(read(chip, 0x78), 1)
    equal(read(chip, 0x00), 1)


def test_measures_only_when_enabled_and_scales_by_its_gains():
    chip = new_chip()
    equal(read(chip, 0xD9), 0)
    chip = running(meters.Load(amps=16, phases=2))
    near(read(chip, 0xD9), 23000, 40)
    near(read(chip, 0xDE), 16000, 30)
    equal(read(chip, 0xDB), 0)
    near((read(chip, 0xB1) << 16 | read(chip, 0xC1)) * 0.00032, 3680, 5)
    equal(read(chip, 0xF8), 5000)
    equal(read(chip, 0x72), 1 << 8, "phase C is missing")


def test_energy_clears_with_the_reading_and_goes_by_direction():
    load = meters.Load(phases=3, pf_milli=-1000)
    chip = running(load)
    chip.advance()
    time.pass_ms(3600000 // 100)
    near(read(chip, 0x86), 23000 * 1000 // 3125, 3)
    true(read(chip, 0x86) < 2)
    equal(read(chip, 0x82), 0)


def test_reset_and_brown_out_lose_everything():
    for lose in (lambda chip: write(chip, 0x70, 0x789A), lambda chip: chip.brown_out()):
        chip = running()
        lose(chip)
        equal(read(chip, 0x61), 0, "asleep")
        time.pass_ms(10)
        equal((read(chip, 0x61), read(chip, 0x00)), (0x8000, 0))


def test_odd_frames_are_violations():
    chip = new_chip()
    chip.exchange(b"\x80\xd9", 3)
    chip.exchange(b"\x00\x61\x12", 0)
    chip.exchange(b"\x80", 2)
    equal(len(chip.violations), 3)
