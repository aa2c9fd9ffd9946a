"""The ESP32's binary in the encoding of the ESP32-S2 and S3, instruction by instruction: the same program of the same size.

Both layouts are those of the ESP-IDF's esp32/ulp.h and esp32s3/ulp.h. Refused is what has no instruction of one word there, and
JUMPS, for whose conditions esp32s3/ulp.h and the assembler in Espressif's binutils have different codes.
"""

from collections.abc import Callable

_LOW_HALF_WORD = 3 << 7  # ST's wr_way: the lower half alone
_LESS, _GREATER = 0, 1  # conditions of JUMPR; the ESP32's 1 is greater or equal


class EncodingError(Exception):
    """There is no such instruction; the message is one sentence."""


def _same(word: int) -> int:
    return word


def _store(word: int) -> int:
    if word >> 25 & 7 != 4 or word & 0x3F0:
        raise EncodingError(f"ST {word:#010x} is not the plain one.")
    return word | _LOW_HALF_WORD


def _alu(word: int) -> int:
    return word & ~(7 << 25) | (word >> 25 & 7) << 26


def _branch(word: int) -> int:
    kind = word >> 25 & 7
    if kind == 0:
        return word & ~(7 << 25) | 1 << 26
    if kind == 2:
        raise EncodingError("JUMPS has no known code on the ESP32-S3; count in a word of the memory.")
    condition, threshold = word >> 16 & 1, word & 0xFFFF
    if condition and not threshold:
        raise EncodingError("JUMPR on 0 or more always jumps: use JUMP.")
    step = word >> 17 & 0xFF  # and its sign
    return 8 << 28 | step << 18 | (_GREATER if condition else _LESS) << 16 | threshold - condition


def _wake(word: int) -> int:
    if word >> 25 & 7:
        raise EncodingError("SLEEP does not exist on the ESP32-S3.")
    return word


# REG_WR, REG_RD, WAIT, ADC, ST, ALU, branches, WAKE, HALT, LD
_OPCODES: dict[int, Callable[[int], int]] = {
    1: _same, 2: _same, 4: _same, 5: _same, 6: _store, 7: _alu, 8: _branch, 9: _wake, 11: _same, 13: _same,
}  # fmt: skip


def instruction(word: int) -> int:
    """One instruction of the ESP32 in the other encoding."""
    convert = _OPCODES.get(word >> 28)
    if convert is None:
        raise EncodingError(f"{word:#010x} is no instruction of the ESP32 that is used here.")
    return convert(word)


def program(binary: bytes, header: int, data_words: int) -> bytes:
    """A whole binary: its header and the first `data_words` words of its text stay as they are."""
    start = header + 4 * data_words
    words = [int.from_bytes(binary[at : at + 4], "little") for at in range(start, len(binary), 4)]
    return binary[:start] + b"".join(instruction(word).to_bytes(4, "little") for word in words)
