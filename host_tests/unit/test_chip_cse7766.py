"""The simulated CSE7766 sends the frames of the datasheet at their pace (MET-35, MET-36)."""

import meters
from check import equal, near, true

from sim.chips.cse7766 import CSE7766Chip
from sim.chips.uart import UARTWire

time = meters.Time()
setup, teardown = time.start, time.stop


def bench(load=None):
    chip = CSE7766Chip(load or meters.Load(), 0, now=time.ms)
    return chip, UARTWire(chip, time.ms, bits=11)


def big(frame, at, n=3):
    return int.from_bytes(frame[at : at + n], "big")


def test_frame_layout_sum_and_pace():
    _, wire = bench()
    time.pass_ms(90)
    true(0 < wire.any() < 24)
    time.pass_ms(30)
    frame = wire.read(24)
    equal(frame[:2], b"\x55\x5a")
    equal(frame[23], sum(frame[2:23]) & 0xFF)
    near(big(frame, 2) * 1000 // big(frame, 5), 230000, 700)
    near(big(frame, 8) * 1000 // big(frame, 11), 10000, 30)
    near(big(frame, 14) // big(frame, 17), 2300, 10)
    equal(frame[20], 0x70)
    time.pass_ms(940)
    near(wire.any() // 24, 15, 1)


def test_pulses_are_energy():
    chip, _ = bench(meters.Load(amps=16))
    chip.advance(time.ms())
    before = chip._count
    time.pass_ms(60000)
    chip.advance(time.ms())
    near(int(chip._count - before), 3680 * 60 * 1000000 // 5195000, 5)


def test_overflows_stand_in_the_status_nibble():
    load = meters.Load(amps=0)
    _, wire = bench(load)
    time.pass_ms(120)
    frame = wire.read(24)
    equal((frame[0], frame[20] & 0x10), (0xF2, 0))
    load.set(volts=0, amps=0)
    time.pass_ms(240)
    frame = wire.read()[-24:]
    equal(frame[0] & 0x0A, 0x0A)


def test_power_has_no_sign():
    _, wire = bench(meters.Load(pf_milli=-1000))
    time.pass_ms(120)
    frame = wire.read(24)
    near(big(frame, 14) // big(frame, 17), 2300, 10)
