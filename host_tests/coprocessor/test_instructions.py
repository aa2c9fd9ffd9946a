"""The emulator, instruction by instruction: results, flags and cycles as the manual's tables have them."""

import pytest
from coprocessor.emulator import ADC_CYCLES, Illegal, Ulp
from ulp import assemble

ENTRY = 0


def ran(text, steps=None, memory=(), adc=lambda channel, cycles: 0):
    """A co-processor after a short program, by HALT or after a number of instructions."""
    ulp = Ulp(adc)
    ulp.load(assemble.assemble(f".text\n.global entry\nentry:\n{text}\nhalt\n"), ENTRY)
    for address, value in memory:
        ulp.memory[address] = value
    for _ in range(steps or 100):
        ulp.step()
        if ulp.halted:
            break
    return ulp


@pytest.mark.parametrize(("text", "result", "zero", "overflow"), [
    ("move r1, 7\nmove r2, 5\nadd r0, r1, r2", 12, False, False),
    ("move r1, 65535\nadd r0, r1, 1", 0, True, True),
    ("move r1, 5\nmove r2, 5\nsub r0, r1, r2", 0, True, False),
    ("move r1, 4\nsub r0, r1, 5", 65535, False, True),
    ("move r1, 0x0ff0\nand r0, r1, 0x00ff", 0x00F0, False, False),
    ("move r1, 0x0f00\nmove r2, 0x000f\nor r0, r1, r2", 0x0F0F, False, False),
    ("move r1, 3\nlsh r0, r1, 4", 48, False, False),
    ("move r1, 0x8001\nlsh r0, r1, 1", 2, False, False),
    ("move r1, 48\nmove r2, 4\nrsh r0, r1, r2", 3, False, False),
    ("move r1, 48\nmove r0, r1", 48, False, False),
])  # fmt: skip
def test_alu(text, result, zero, overflow):
    """Sixteen bits; zero after every operation but MOVE, overflow as carry and borrow."""
    ulp = ran(text)
    assert (ulp.registers[0], ulp.zero, ulp.overflow) == (result, zero, overflow)


def test_move_leaves_the_flags_alone():
    """A flag of SUB is still there after MOVE."""
    assert ran("move r1, 1\nsub r2, r1, 1\nmove r0, 9").zero


def test_stage_counter():
    """Reset, up, down, and eight bits of it."""
    assert ran("stage_rst\nstage_inc 250\nstage_inc 10\nstage_dec 1").stage == 3


@pytest.mark.parametrize(("text", "taken"), [
    ("move r0, 5\njumpr there, 5, ge", True), ("move r0, 4\njumpr there, 5, ge", False),
    ("move r0, 4\njumpr there, 5, lt", True), ("move r0, 5\njumpr there, 5, lt", False),
    ("move r0, 5\njumpr there, 5, eq", True), ("move r0, 6\njumpr there, 5, eq", False),
    ("move r0, 4\njumpr there, 5, eq", False),
    ("move r0, 6\njumpr there, 5, gt", True), ("move r0, 5\njumpr there, 5, le", True),
    ("stage_rst\nstage_inc 3\njumps there, 4, lt", True), ("stage_rst\nstage_inc 4\njumps there, 4, lt", False),
    ("stage_rst\nstage_inc 4\njumps there, 4, le", True), ("stage_rst\nstage_inc 4\njumps there, 4, ge", True),
    ("stage_rst\nstage_inc 4\njumps there, 4, eq", True), ("stage_rst\nstage_inc 5\njumps there, 4, eq", False),
    ("stage_rst\nstage_inc 5\njumps there, 4, gt", True),
    ("move r1, 1\nsub r1, r1, 1\njump there, eq", True), ("move r1, 2\nsub r1, r1, 1\njump there, eq", False),
    ("move r1, 1\nsub r1, r1, 2\njump there, ov", True), ("move r1, 2\nsub r1, r1, 2\njump there, ov", False),
    ("jump there", True), ("move r1, there\njump r1", True),
])  # fmt: skip
def test_jumps(text, taken):
    """Absolute, by register, by flags, by R0 and by the stage counter."""
    ulp = ran(f"{text}\nmove r3, 1\nhalt\nthere:\nmove r3, 2")
    assert ulp.registers[3] == (2 if taken else 1)


def test_jump_backwards():
    """A loop that counts down to zero."""
    ulp = ran("move r0, 3\nmove r1, 0\nloop:\nadd r1, r1, 1\nsub r0, r0, 1\njumpr loop, 1, ge")
    assert ulp.registers[1] == 3


def test_load_and_store():
    """The lower half is data; ST writes its own place and its address register above it."""
    ulp = ran("move r1, 0x1234\nmove r2, 100\nst r1, r2, 8\nld r3, r2, 8\nld r0, r2, 12", memory=[(103, 0xABCD5678)])
    assert ulp.registers[3] == 0x1234 and ulp.registers[0] == 0x5678
    assert ulp.memory[102] == 2 << 21 | 2 << 16 | 0x1234


def test_peripheral_registers():
    """A field is written and read; the bits beside it stay."""
    ulp = ran("reg_wr 0x3ff48488, 17, 17, 1\nreg_wr 0x3ff48488, 7, 4, 0xa\nreg_rd 0x3ff48488, 19, 4")
    assert ulp.peripheral == {0x3FF48488: 1 << 17 | 0xA0}
    assert ulp.registers[0] == 1 << 13 | 0xA
    assert ran("reg_wr 0x3ff48854, 31, 31, 0\nreg_wr 0x3ff48800, 27, 27, 1").peripheral == {0x3FF48854: 0, 0x3FF48800: 1 << 27}


def test_adc_gives_the_channel_of_mux_less_one():
    """Mux 7 is channel 6; ADC2 is Wi-Fi's."""
    seen = []
    ulp = ran("adc r2, 0, 7", adc=lambda channel, cycles: seen.append(channel) or 1234)
    assert seen == [6] and ulp.registers[2] == 1234
    with pytest.raises(Illegal):
        ran("adc r2, 1, 7")


@pytest.mark.parametrize(("text", "cycles"), [
    ("nop", 6), ("wait 10", 16), ("add r0, r1, r2", 6), ("move r0, 1", 6), ("stage_rst", 6), ("st r0, r1, 0", 8),
    ("ld r0, r1, 0", 8), ("jump here\nhere:", 4), ("jumpr here, 1, lt\nhere:", 4), ("jumps here, 1, lt\nhere:", 4),
    ("reg_wr 0x3ff48488, 17, 17, 1", 12), ("reg_rd 0x3ff48488, 17, 17", 8), ("adc r0, 0, 1", ADC_CYCLES + 4), ("wake", 6),
    ("sleep 1", 6),
])  # fmt: skip
def test_cycles(text, cycles):
    """Cycles to execute and to fetch the next; HALT has 2 of its own."""
    assert ran(text).cycles == cycles + 2


def test_wake_and_halt():
    """WAKE is told to the main CPU, HALT ends the program."""
    ulp = ran("wake")
    assert ulp.woken == 1 and ulp.halted


def test_unknown_instruction_is_refused():
    """Nothing is guessed."""
    ulp = Ulp()
    with pytest.raises(Illegal):
        ulp.step()


def test_binary_without_header_is_refused():
    """As esp32.ULP().load_binary() refuses it."""
    with pytest.raises(OSError, match="header"):
        Ulp().load(b"\0" * 16, 0)
