"""The emulator in both encodings, instruction by instruction: results, flags and cycles as the manual's tables have them; and
the ESP32-S3's words, which are made from the ESP32's.
"""

import pytest
from coprocessor.emulator import ADC_CYCLES, Illegal, Ulp, UlpS3
from ulp import assemble, s3_encoding

ENTRY = 0


@pytest.fixture(params=[Ulp, UlpS3], ids=["esp32", "esp32s3"])
def kind(request):
    """Each emulator."""
    return request.param


def assembled(text):
    """A short program of the ESP32, with its header."""
    return assemble.assemble(f".text\n.global entry\nentry:\n{text}\nhalt\n")


def ran(kind, text, steps=None, memory=(), adc=lambda channel, cycles: 0):
    """A co-processor after a short program, by HALT or after a number of instructions."""
    ulp = kind(adc)
    binary = assembled(text)
    ulp.load(binary if kind is Ulp else s3_encoding.program(binary, assemble.HEADER_BYTES, 0), ENTRY)
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
def test_alu(kind, text, result, zero, overflow):
    """Sixteen bits; zero after every operation but MOVE, overflow as carry and borrow."""
    ulp = ran(kind, text)
    assert (ulp.registers[0], ulp.zero, ulp.overflow) == (result, zero, overflow)


def test_move_leaves_the_flags_alone(kind):
    """A flag of SUB is still there after MOVE."""
    assert ran(kind, "move r1, 1\nsub r2, r1, 1\nmove r0, 9").zero


def test_stage_counter(kind):
    """Reset, up, down, and eight bits of it."""
    assert ran(kind, "stage_rst\nstage_inc 250\nstage_inc 10\nstage_dec 1").stage == 3


@pytest.mark.parametrize(("text", "taken"), [
    ("move r0, 5\njumpr there, 5, ge", True), ("move r0, 4\njumpr there, 5, ge", False),
    ("move r0, 4\njumpr there, 5, lt", True), ("move r0, 5\njumpr there, 5, lt", False),
    ("move r0, 5\njumpr there, 5, eq", True), ("move r0, 6\njumpr there, 5, eq", False),
    ("move r0, 4\njumpr there, 5, eq", False),
    ("move r0, 6\njumpr there, 5, gt", True), ("move r0, 5\njumpr there, 5, le", True),
    ("move r1, 1\nsub r1, r1, 1\njump there, eq", True), ("move r1, 2\nsub r1, r1, 1\njump there, eq", False),
    ("move r1, 1\nsub r1, r1, 2\njump there, ov", True), ("move r1, 2\nsub r1, r1, 2\njump there, ov", False),
    ("jump there", True), ("move r1, there\njump r1", True),
])  # fmt: skip
def test_jumps(kind, text, taken):
    """Absolute, by register, by flags and by R0."""
    ulp = ran(kind, f"{text}\nmove r3, 1\nhalt\nthere:\nmove r3, 2")
    assert ulp.registers[3] == (2 if taken else 1)


@pytest.mark.parametrize(("count", "condition", "taken"), [
    (3, "lt", True), (4, "lt", False), (4, "le", True), (4, "ge", True), (4, "eq", True), (5, "eq", False), (5, "gt", True),
])  # fmt: skip
def test_jump_by_the_stage_counter_of_the_esp32(count, condition, taken):
    """The S3's words for it are not known."""
    text = f"stage_rst\nstage_inc {count}\njumps there, 4, {condition}\nmove r3, 1\nhalt\nthere:\nmove r3, 2"
    assert ran(Ulp, text).registers[3] == (2 if taken else 1)
    with pytest.raises(s3_encoding.EncodingError, match="JUMPS"):
        ran(UlpS3, text)


def test_jump_backwards(kind):
    """A loop that counts down to zero."""
    ulp = ran(kind, "move r0, 3\nmove r1, 0\nloop:\nadd r1, r1, 1\nsub r0, r0, 1\njumpr loop, 1, ge")
    assert ulp.registers[1] == 3


def test_load_and_store(kind):
    """The lower half is data. ST of the ESP32 writes its own place and its address register above it, the S3's nothing."""
    memory = [(102, 0x55550000), (103, 0xABCD5678)]
    ulp = ran(kind, "move r1, 0x1234\nmove r2, 100\nst r1, r2, 8\nld r3, r2, 8\nld r0, r2, 12", memory=memory)
    assert ulp.registers[3] == 0x1234 and ulp.registers[0] == 0x5678
    assert ulp.memory[102] == (2 << 21 | 2 << 16 | 0x1234 if kind is Ulp else 0x55551234)


def test_peripheral_registers(kind):
    """A field is written and read; the bits beside it stay. 0x241 is the S3's clock of RTC_IO."""
    clock = "reg_wr 0x241, 31, 31, 1\n" if kind is UlpS3 else ""
    ulp = ran(kind, clock + "reg_wr 0x122, 17, 17, 1\nreg_wr 0x122, 7, 4, 0xa\nreg_rd 0x122, 19, 4")
    assert ulp.peripheral[ulp.base + 0x488] == 1 << 17 | 0xA0
    assert ulp.registers[0] == 1 << 13 | 0xA
    ulp = ran(kind, "reg_wr 0x203, 31, 31, 0\nreg_wr 0x3ff, 27, 27, 1\nreg_wr 0, 0, 0, 1")
    assert ulp.peripheral == {ulp.base + 0x80C: 0, ulp.base + 0xFFC: 1 << 27, ulp.base: 1}


def test_rtc_io_of_the_s3_takes_no_writes_without_its_clock():
    """The other peripherals do."""
    ulp = ran(UlpS3, "reg_wr 0x122, 17, 17, 1\nreg_wr 0x203, 0, 0, 1\nreg_wr 6, 0, 0, 1")
    assert ulp.peripheral == {0x6000880C: 1, 0x60008018: 1}


POWER = {Ulp: "reg_wr 0x203, 19, 18, {}\n", UlpS3: "reg_wr 0x20f, 30, 29, {}\nreg_wr 0x241, 30, 30, 1\n"}


def test_adc_gives_the_channel_of_mux_less_one(kind):
    """Mux 7 is channel 6; ADC2 is Wi-Fi's. A converter without power gives nothing."""
    seen = []

    def adc(channel, cycles):
        seen.append(channel)
        return 1234

    for power, counts in ((3, 1234), (2, 0), (0, 0)):
        assert ran(kind, POWER[kind].format(power) + "adc r2, 0, 7", adc=adc).registers[2] == counts
    assert seen == [6, 6, 6]
    with pytest.raises(Illegal):
        ran(kind, "adc r2, 1, 7")


@pytest.mark.parametrize(("text", "cycles"), [
    ("nop", 6), ("wait 10", 16), ("add r0, r1, r2", 6), ("move r0, 1", 6), ("stage_rst", 6), ("st r0, r1, 0", 8),
    ("ld r0, r1, 0", 8), ("jump here\nhere:", 4), ("jumpr here, 1, lt\nhere:", 4),
    ("reg_wr 0x122, 17, 17, 1", 12), ("reg_rd 0x122, 17, 17", 8), ("adc r0, 0, 1", ADC_CYCLES + 4), ("wake", 6),
])  # fmt: skip
def test_cycles(kind, text, cycles):
    """Cycles to execute and to fetch the next; HALT has 2 of its own. The ESP-IDF gives the same for both chips."""
    assert ran(kind, text).cycles == cycles + 2


def test_wake_and_halt(kind):
    """WAKE is told to the main CPU, HALT ends the program."""
    ulp = ran(kind, "wake")
    assert ulp.woken == 1 and ulp.halted


@pytest.mark.parametrize("text", ["jumps here, 1, lt\nhere:", "sleep 1"])
def test_cycles_of_what_only_the_esp32_has(text):
    """JUMPS as a jump, SLEEP as the others."""
    assert ran(Ulp, text).cycles == (6 if "jumps" in text else 8)


@pytest.mark.parametrize(("word", "encoding"), [
    (0, Ulp), (0, UlpS3), (10 << 28, Ulp), (10 << 28, UlpS3),  # no instruction; TSENS
    (0x680000_89, UlpS3), (0x680001_99 & ~0x100, UlpS3), (0x680001_C9, UlpS3), (0x620001_89, UlpS3),  # ST32, STL, STH, STI
    (0x72000000, UlpS3), (0x88008001, UlpS3), (0x92000001, UlpS3),  # the ESP32's MOVE; JUMPS; SLEEP
])  # fmt: skip
def test_unknown_instruction_is_refused(word, encoding):
    """Nothing is guessed."""
    ulp = encoding()
    ulp.memory[0] = word
    with pytest.raises(Illegal):
        ulp.step()


# The words that Espressif's assembler in binutils makes of each instruction, as the tests of micropython-esp32-ulp list them.
@pytest.mark.parametrize(("text", "word"), [
    ("reg_wr 0x123, 1, 2, 3", 0x10880D23), ("reg_rd 0x321, 2, 1", 0x21040321), ("nop", 0x40000000), ("wait 7", 0x40000007),
    ("adc r3, 0, 1", 0x50000007), ("st r3, r2, 0", 0x6800018B), ("st r1, r2, 32", 0x68002189), ("add r2, r1, r0", 0x70000006),
    ("sub r2, r1, r0", 0x70200006), ("and r2, r1, r0", 0x70400006), ("or r2, r1, r0", 0x70600006), ("move r2, r1", 0x70800016),
    ("lsh r2, r1, r0", 0x70A00006), ("rsh r2, r1, r0", 0x70C00006), ("add r2, r1, 0", 0x74000006), ("sub r2, r1, 0", 0x74200006),
    ("and r2, r1, 0", 0x74400006), ("or r2, r1, 0", 0x74600006), ("move r1, 0", 0x74800001), ("lsh r2, r1, 0", 0x74A00006),
    ("rsh r2, r1, 0", 0x74C00006), ("stage_rst", 0x78400000), ("stage_inc 7", 0x78000070), ("stage_dec 3", 0x78200030),
    ("jump r0", 0x84200000), ("jump r1, eq", 0x84600001), ("jump r2, ov", 0x84A00002), ("jump 0", 0x84000000),
    ("jump 0, eq", 0x84400000), ("jump 0, ov", 0x84800000), ("jumpr 0, 1, lt", 0x80000001), ("jumpr 4, 5, gt", 0x80050005),
    ("wake", 0x90000001), ("halt", 0xB0000000), ("ld r2, r1, 0", 0xD0000006), ("ld r1, r2, 32", 0xD0002009),
])  # fmt: skip
def test_words_of_the_s3_are_those_of_its_assembler(text, word):
    """One instruction for one."""
    binary = assembled(text)[assemble.HEADER_BYTES :]
    assert [s3_encoding.instruction(int.from_bytes(binary[at : at + 4], "little")) for at in (0, 4)] == [word, 0xB0000000]


@pytest.mark.parametrize(("text", "says"), [
    ("jumps 4, 3, lt", "JUMPS has no known code"), ("jumpr 4, 0, ge", "JUMPR on 0 or more always jumps"),
    ("sleep 1", "SLEEP does not exist"), ("tsens r1, 2", "is no instruction"), (".long 1610612737", "is not the plain one"),
])  # fmt: skip
def test_what_the_s3_does_not_have_is_refused(text, says):
    """One sentence."""
    with pytest.raises(s3_encoding.EncodingError, match=says):
        s3_encoding.program(assembled(text), assemble.HEADER_BYTES, 0)


def test_binary_without_header_is_refused():
    """As esp32.ULP().load_binary() refuses it."""
    with pytest.raises(OSError, match="header"):
        Ulp().load(b"\0" * 16, 0)
