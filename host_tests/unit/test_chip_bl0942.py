"""The simulated BL0942 answers as the datasheet says and ignores what it says is wrong (MET-20 to MET-22)."""

import meters
from check import equal, near, true

from sim.chips.bl0942 import BL0942Chip
from sim.chips.uart import UARTWire

time = meters.Time()
setup, teardown = time.start, time.stop


def bench(load=None, address=0):
    chip = BL0942Chip(load or meters.Load(), 0, address, now=time.ms)
    return chip, UARTWire(chip, time.ms)


def query(wire, data, wait_ms=100):
    wire.write(data)
    time.pass_ms(wait_ms)
    return wire.read()


def write(register, value, address=0):
    data = bytes((0xA8 | address, register)) + value.to_bytes(3, "little")
    return data + bytes((sum(data) & 0xFF ^ 0xFF,))


def test_frame_layout_checksum_and_pace():
    _, wire = bench(address=1)
    wire.write(b"\x59\xaa")
    time.pass_ms(40)
    true(0 < wire.any() < 23, "still on the line")
    time.pass_ms(20)
    frame = wire.read()
    equal(len(frame), 23)
    equal(frame[0], 0x55)
    near(int.from_bytes(frame[4:7], "little"), 230 * 15873, 12000)
    near(int.from_bytes(frame[10:13], "little"), 2300 * 623, 6000)
    equal(int.from_bytes(frame[16:18], "little"), 20000)
    equal(frame[22], (0x59 + sum(frame[:22])) & 0xFF ^ 0xFF)


def test_other_addresses_and_half_commands_are_not_answered():
    _, wire = bench(address=1)
    equal(query(wire, b"\x58\xaa"), None)
    equal(query(wire, b"\x59"), None)
    equal(len(query(wire, b"\x59\xaa")), 23)  # the half command was forgotten after the pause


def test_write_protection_and_write_checksum():
    chip, wire = bench()
    query(wire, write(0x14, 5))
    equal(chip._registers[0x14], 0x0B)
    query(wire, write(0x1D, 0x55))
    query(wire, write(0x14, 5)[:-1] + b"\x00")
    equal(chip._registers[0x14], 0x0B)
    equal(len(chip.violations), 2)
    query(wire, write(0x14, 5))
    equal(query(wire, b"\x58\x14"), b"\x05\x00\x00" + bytes(((0x58 + 0x14 + 5) & 0xFF ^ 0xFF,)))
    query(wire, write(0x1C, 0x5A5A5A))
    equal(chip._registers[0x14], 0x0B)


def test_negative_power_is_24_bit_twos_complement():
    _, wire = bench(meters.Load(pf_milli=-500))
    frame = query(wire, b"\x58\xaa")
    near(int.from_bytes(frame[10:13], "little") - 0x1000000, -1150 * 623, 3000)


def test_counts_follow_the_energy():
    chip, wire = bench(meters.Load(amps=32))
    chip.advance()
    before = chip._count
    time.pass_ms(3600000)
    chip.advance()
    near(chip._count - before, 7.36 * 5347, 40)
    chip.brown_out()
    true(query(wire, b"\x58\x07")[0] < 3)
