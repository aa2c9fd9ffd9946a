"""The ESP32's FSM co-processor, instruction by instruction, after the tables of the reference manual (chapter ULP).

Registers of 16 bits, a stage counter of 8, RTC slow memory in words of 32 bits, peripheral registers as fields of bits.
`cycles` counts RTC_FAST_CLK: an instruction's own cycles and the fetch of the next, which takes 2 after ALU and jump
instructions and 4 after others; the instruction tables of the ESP-IDF give 4 for ALU instructions, and the slower is used.
"""

from collections.abc import Callable

MASK = 0xFFFF
RTC_BASE = 0x3FF48000  # what REG_RD and REG_WR address begins here
CLOCK_HZ = 8_000_000  # nominal; real chips have 7.5 to 9
# 23 + three waits of the amplifier + sample cycles + bits, with the waits as the chip has them after a reset
ADC_CYCLES = 23 + 10 + 10 + 10 + 9 + 12
_FETCH = 4
_FETCH_AFTER_JUMP = 2


class Illegal(Exception):
    """An instruction that the manual does not have."""


class Ulp:
    """The co-processor with its memory. `adc(channel, cycles)` gives the counts of a conversion."""

    def __init__(self, adc: Callable[[int, int], int] = lambda channel, cycles: 0) -> None:
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
        handler = _HANDLERS.get(word >> 28)
        if handler is None:
            raise Illegal(f"{word:#010x} at {at}")
        handler(self, word, at)

    def spend(self, execute: int, fetch: int = _FETCH) -> None:
        """Let time pass."""
        self.cycles += execute + fetch

    def register(self, word: int) -> int:
        """Full address of the peripheral register in bits 0 to 9: a word's number and which peripheral."""
        return RTC_BASE + ((word >> 8 & 3) << 10) + ((word & 0xFF) << 2)


def _write_register(ulp: Ulp, word: int, at: int) -> None:
    low, high = word >> 18 & 31, word >> 23 & 31
    mask = ((1 << (high - low + 1)) - 1) << low
    address = ulp.register(word)
    kept = ulp.peripheral.get(address, 0) & ~mask
    ulp.peripheral[address] = kept | ((word >> 10 & 0xFF) << low & mask)
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
    ulp.cycles += ADC_CYCLES
    ulp.registers[word & 3] = ulp.adc((word >> 2 & 15) - 1, ulp.cycles) & MASK
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
    kind, select = word >> 25 & 7, word >> 21 & 15
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


def _branch(ulp: Ulp, word: int, at: int) -> None:
    kind = word >> 25 & 7
    if kind == 0:
        taken = (True, ulp.zero, ulp.overflow)[word >> 22 & 7]
        if taken:
            ulp.pc = ulp.registers[word & 3] & 0x7FF if word >> 21 & 1 else word >> 2 & 0x7FF
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


_HANDLERS = {
    1: _write_register, 2: _read_register, 4: _wait, 5: _adc, 6: _store, 7: _alu, 8: _branch, 9: _end, 11: _halt, 13: _load,
}  # fmt: skip
