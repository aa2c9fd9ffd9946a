"""The simulated ATM90E32 guards its settings and clears its energies as the real one (MET-42 to MET-44)."""

import meters
from check import equal, near, true

from sim.chips.atm90e32 import IGAIN, UGAIN, ATM90E32Chip

time = meters.Time()
setup, teardown = time.start, time.stop


def chip(load=None):
    made = ATM90E32Chip(load or meters.Load(phases=3), 0, now=time.ms)
    time.pass_ms(10)
    return made


def read(made, register):
    return int.from_bytes(made.exchange(bytes((0x80 | register >> 8, register & 0xFF)), 2), "big")


def write(made, register, value):
    made.exchange(bytes((register >> 8, register & 0xFF, value >> 8, value & 0xFF)), 0)


def running(load=None):
    made = chip(load)
    write(made, 0x7F, 0x55AA)
    write(made, 0x00, 1)
    for n in range(3):
        write(made, 0x61 + 4 * n, UGAIN)
        write(made, 0x62 + 4 * n, IGAIN)
    write(made, 0x7F, 0)
    return made


def test_settings_need_the_key():
    made = chip()
    write(made, 0x00, 1)
    equal(read(made, 0x00), 0)
    equal(len(made.violations), 1)
    write(made, 0x7F, 0x55AA)
    write(made, 0x00, 1)
    equal(read(made, 0x78), 1)
    equal(read(made, 0x00), 1)


def test_measures_only_when_enabled_and_scales_by_its_gains():
    made = chip()
    equal(read(made, 0xD9), 0)
    made = running(meters.Load(amps=16, phases=2))
    near(read(made, 0xD9), 23000, 40)
    near(read(made, 0xDE), 16000, 30)
    equal(read(made, 0xDB), 0)
    near((read(made, 0xB1) << 16 | read(made, 0xC1)) * 0.00032, 3680, 5)
    equal(read(made, 0xF8), 5000)
    equal(read(made, 0x72), 1 << 8, "phase C is missing")


def test_energy_clears_with_the_reading_and_goes_by_direction():
    load = meters.Load(phases=3, pf_milli=-1000)
    made = running(load)
    made.advance()
    time.pass_ms(3600000 // 100)
    near(read(made, 0x86), 23000 * 1000 // 3125, 3)
    true(read(made, 0x86) < 2)
    equal(read(made, 0x82), 0)


def test_reset_and_brown_out_lose_everything():
    for lose in (lambda made: write(made, 0x70, 0x789A), lambda made: made.brown_out()):
        made = running()
        lose(made)
        equal(read(made, 0x61), 0, "asleep")
        time.pass_ms(10)
        equal((read(made, 0x61), read(made, 0x00)), (0x8000, 0))


def test_odd_frames_are_violations():
    made = chip()
    made.exchange(b"\x80\xd9", 3)
    made.exchange(b"\x00\x61\x12", 0)
    made.exchange(b"\x80", 2)
    equal(len(made.violations), 3)
