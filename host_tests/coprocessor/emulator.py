"""The FSM co-processor, instruction by instruction: the ESP32's after the tables of the reference manual (chapter ULP), the
ESP32-S3's after the layouts of the ESP-IDF's esp32s3/ulp.h.

Registers of 16 bits, a stage counter of 8, RTC slow memory in words of 32 bits, peripheral registers as fields of bits.
`cycles` counts RTC_FAST_CLK: an instruction's own cycles and the fetch of the next, which takes 2 after ALU and jump
instructions and 4 after others; the instruction tables of the ESP-IDF give 4 for ALU instructions, and the slower is used.
"""

from collections.abc import Callable

MASK = 0xFFFF
# 23 + three waits of the amplifier + sample cycles + bits, with the waits as the chip has them after a reset
ADC_CYCLES = 23 + 10 + 10 + 10 + 9 + 12
_FETCH = 4
_FETCH_AFTER_JUMP = 2


class Illegal(Exception):
    """An instruction that the manual does not have."""


class Ulp:
    """The ESP32's with its memory. `adc(channel, cycles)` gives the counts of a conversion."""

    base = 0x3FF48000  # what REG_RD and REG_WR address begins here
    adc_cycles = ADC_CYCLES
    power = (0x3FF4880C, 18)  # FORCE_XPD_SAR, two bits

    def __init__(self, adc: Callable[[int, int], int] = lambda channel, cycles: 0) -> None:
        self._handlers = self.handlers()
        self.memory = [0] * 2048
        self.registers = [0, 0, 0, 0]
        self.peripheral: dict[int, int] = {}  # full address -> 32 bits
        self.adc = adc
        self.pc = 0
        self.stage = 0
        self.zero = self.overflow = False
        self.halted = False
        self.woken = 0
        self.cycles = 0

    def load(self, binary: bytes, entry: int) -> None:
        """As esp32.ULP().load_binary(0, binary) and run(entry); OSError for a binary without its header."""
        if binary[:4] != b"ulp\0":
            raise OSError("no header")
        offset, size, data = (int.from_bytes(binary[at : at + 2], "little") for at in (4, 6, 8))
        code = binary[offset : offset + size + data]
        for at in range(0, len(code), 4):
            self.memory[at // 4] = int.from_bytes(code[at : at + 4], "little")
        self.pc = entry // 4

    def run(self, until: int) -> None:
        """Execute until the clock has reached `until`, or HALT."""
        while self.cycles < until and not self.halted:
            self.step()

    def step(self) -> None:
        """One instruction."""
        word = self.memory[self.pc]
        at, self.pc = self.pc, (self.pc + 1) & 0x7FF
        handler = self._handlers.get(word >> 28)
        if handler is None:
            raise Illegal(f"{word:#010x} at {at}")
        handler(self, word, at)

    def handlers(self) -> dict:
        """The instructions by their opcodes."""
        return _ESP32

    def write(self, address: int, value: int) -> None:
        """A peripheral register gets 32 bits."""
        self.peripheral[address] = value

    def powered(self) -> bool:
        """True while software keeps the converter on. Otherwise the conversions' own power-up is not relied on."""
        register, low = self.power
        return self.peripheral.get(register, 0) >> low & 3 == 3

    def spend(self, execute: int, fetch: int = _FETCH) -> None:
        """Let time pass."""
        self.cycles += execute + fetch

    def register(self, word: int) -> int:
        """Full address of the peripheral register in bits 0 to 9: a word's number and which peripheral."""
        return self.base + ((word >> 8 & 3) << 10) + ((word & 0xFF) << 2)


def _write_register(ulp: Ulp, word: int, at: int) -> None:
    low, high = word >> 18 & 31, word >> 23 & 31
    mask = ((1 << (high - low + 1)) - 1) << low
    address = ulp.register(word)
    kept = ulp.peripheral.get(address, 0) & ~mask
    ulp.write(address, kept | ((word >> 10 & 0xFF) << low & mask))
    ulp.spend(8)


def _read_register(ulp: Ulp, word: int, at: int) -> None:
    low, high = word >> 18 & 31, word >> 23 & 31
    value = ulp.peripheral.get(ulp.register(word), 0) >> low & ((1 << (high - low + 1)) - 1)
    ulp.registers[0] = value & MASK
    ulp.spend(4)


def _wait(ulp: Ulp, word: int, at: int) -> None:
    ulp.spend(2 + (word & MASK))


def _adc(ulp: Ulp, word: int, at: int) -> None:
    if word >> 6 & 1:
        raise Illegal("ADC2 belongs to Wi-Fi")
    ulp.cycles += ulp.adc_cycles
    counts = ulp.adc((word >> 2 & 15) - 1, ulp.cycles)
    ulp.registers[word & 3] = counts & MASK if ulp.powered() else 0
    ulp.cycles += _FETCH


def _signed11(value: int) -> int:
    return value - 0x800 if value & 0x400 else value


def _store(ulp: Ulp, word: int, at: int) -> None:
    if word >> 25 & 7 != 4:
        raise Illegal(f"store {word:#010x}")
    address_register = word >> 2 & 3
    target = ulp.registers[address_register] + _signed11(word >> 10 & 0x7FF) & 0x7FF
    ulp.memory[target] = at << 21 | address_register << 16 | ulp.registers[word & 3]
    ulp.spend(4)


def _load(ulp: Ulp, word: int, at: int) -> None:
    source = ulp.registers[word >> 2 & 3] + _signed11(word >> 10 & 0x7FF) & 0x7FF
    ulp.registers[word & 3] = ulp.memory[source] & MASK
    ulp.spend(4)


def _alu(ulp: Ulp, word: int, at: int) -> None:
    _calculate(ulp, word, word >> 25 & 7)


def _calculate(ulp: Ulp, word: int, kind: int) -> None:
    select = word >> 21 & 15
    if kind == 2:
        value = word >> 4 & 0xFF
        if select > 2:
            raise Illegal(f"stage counter {word:#010x}")
        ulp.stage = (ulp.stage + value & 0xFF, ulp.stage - value & 0xFF, 0)[select]
    elif kind in (0, 1):
        first = ulp.registers[word >> 2 & 3]
        second = ulp.registers[word >> 4 & 3] if kind == 0 else word >> 4 & MASK
        if kind == 0 and select == 4:
            second = first  # MOVE has its source in the first operand
        result = _operate(select, first, second)
        ulp.registers[word & 3] = result & MASK
        if select != 4:  # MOVE leaves the flags alone
            ulp.zero = result & MASK == 0
        if select < 2:
            ulp.overflow = not 0 <= result <= MASK
    else:
        raise Illegal(f"ALU {word:#010x}")
    ulp.spend(2)


def _operate(select: int, first: int, second: int) -> int:
    if select == 0:
        return first + second
    if select == 1:
        return first - second
    if select == 2:
        return first & second
    if select == 3:
        return first | second
    if select == 4:
        return second
    if select == 5:
        return first << second & MASK
    if select == 6:
        return first >> second
    raise Illegal(f"ALU operation {select}")


def _jump(ulp: Ulp, word: int) -> None:
    """JUMP: to a word or to where a register points, always or by a flag."""
    if (True, ulp.zero, ulp.overflow)[word >> 22 & 7]:
        ulp.pc = ulp.registers[word & 3] & 0x7FF if word >> 21 & 1 else word >> 2 & 0x7FF


def _branch(ulp: Ulp, word: int, at: int) -> None:
    kind = word >> 25 & 7
    if kind == 0:
        _jump(ulp, word)
    elif kind in (1, 2):
        step = word >> 17 & 0x7F
        if kind == 1:
            value, threshold, compare = ulp.registers[0], word & MASK, word >> 16 & 1
        else:
            value, threshold, compare = ulp.stage, word & 0xFF, word >> 15 & 3
        if (value < threshold, value >= threshold, value <= threshold)[compare]:
            ulp.pc = at + (-step if word >> 24 & 1 else step) & 0x7FF
    else:
        raise Illegal(f"branch {word:#010x}")
    ulp.spend(2, _FETCH_AFTER_JUMP)


def _end(ulp: Ulp, word: int, at: int) -> None:
    if word >> 25 & 7 == 0:
        ulp.woken += word & 1
    ulp.spend(2)


def _halt(ulp: Ulp, word: int, at: int) -> None:
    ulp.halted = True
    ulp.cycles += 2


def _store_s3(ulp: Ulp, word: int, at: int) -> None:
    if word >> 25 & 7 != 4 or word >> 7 & 3 != 3 or word >> 6 & 1:
        raise Illegal(f"store {word:#010x}")  # with a label, of the upper half, or with an offset that counts up
    target = ulp.registers[word >> 2 & 3] + _signed11(word >> 10 & 0x7FF) & 0x7FF
    ulp.memory[target] = ulp.memory[target] & ~MASK | ulp.registers[word & 3]
    ulp.spend(4)


def _load_s3(ulp: Ulp, word: int, at: int) -> None:
    source = ulp.registers[word >> 2 & 3] + _signed11(word >> 10 & 0x7FF) & 0x7FF
    ulp.registers[word & 3] = ulp.memory[source] >> (16 if word >> 27 & 1 else 0) & MASK
    ulp.spend(4)


def _alu_s3(ulp: Ulp, word: int, at: int) -> None:
    if word >> 25 & 1:
        raise Illegal(f"ALU {word:#010x}")
    _calculate(ulp, word, word >> 26 & 3)


def _branch_s3(ulp: Ulp, word: int, at: int) -> None:
    kind = word >> 26 & 3
    if kind == 1:
        _jump(ulp, word)
    elif kind == 0:
        value, threshold, step = ulp.registers[0], word & MASK, word >> 18 & 0x7F
        if (value < threshold, value > threshold, value == threshold)[word >> 16 & 3]:
            ulp.pc = at + (-step if word >> 25 & 1 else step) & 0x7FF
    else:
        raise Illegal(f"branch {word:#010x}")  # JUMPS: the sources differ about its conditions
    ulp.spend(2, _FETCH_AFTER_JUMP)


def _end_s3(ulp: Ulp, word: int, at: int) -> None:
    if word & ~1 != 9 << 28:
        raise Illegal(f"end {word:#010x}")
    _end(ulp, word, at)


_ESP32 = {
    1: _write_register, 2: _read_register, 4: _wait, 5: _adc, 6: _store, 7: _alu, 8: _branch, 9: _end, 11: _halt, 13: _load,
}  # fmt: skip
_ESP32S3 = _ESP32 | {6: _store_s3, 7: _alu_s3, 8: _branch_s3, 9: _end_s3, 13: _load_s3}


class UlpS3(Ulp):
    """The ESP32-S3's. RTC_IO, from 0x400 to 0x7FF behind its base, takes no writes without IOMUX_CLK_EN."""

    base = 0x60008000
    power = (0x6000883C, 29)
    clocks = 0x60008904  # bit 31 IOMUX_CLK_EN, bit 30 SARADC_CLK_EN

    def handlers(self) -> dict:
        """The instructions by their opcodes."""
        return _ESP32S3

    def write(self, address: int, value: int) -> None:
        """A peripheral register gets 32 bits."""
        if address - self.base >> 10 == 1 and not self.peripheral.get(self.clocks, 0) >> 31:
            return
        self.peripheral[address] = value

    def powered(self) -> bool:
        """True while software keeps the converter on and its clock runs."""
        return Ulp.powered(self) and bool(self.peripheral.get(self.clocks, 0) >> 30 & 1)
