"""Assemble boards/common/supervisor.S for a board with the FSM co-processor of ESP32 or ESP32-S3.

    python -m ulp.assemble ESP32_DEVKITC supervisor.bin
    python -m ulp.assemble ESP32_DEVKITC      # boards/ESP32_DEVKITC/coprocessor_program/__init__.py, which the firmware loads
    python -m ulp.assemble ../MY_BOARD        # the same in a board's folder elsewhere, given by a path with a /

micropython-esp32-ulp assembles for the ESP32; for the S3 the binary is then put into that chip's encoding. The S2 has the S3's
encoding, but no board here uses its program; C3 and C6 have no such co-processor. Exit code 2 and one sentence: there is no
program for this board.
"""

import re
import subprocess
import sys
from pathlib import Path

from board_definition import loading
from board_definition.chips import Chip

from ulp import s3_encoding
from ulp.registers import CHIPS, Bits, Registers

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "boards" / "common" / "supervisor.S"
ASSEMBLER = ROOT / ".toolchain" / "ulp"
MODULE = Path("coprocessor_program") / "__init__.py"  # in a board's folder
HEADER_BYTES = 12  # magic, offset and size of the text, sizes of data and bss
WORDS = 18  # that the firmware and the program share
ENTRY = 4 * WORDS  # what esp32.ULP().run() is given
_HOLD_US, _HOLD_CYCLES = 4500, 28  # ADC1 is lent for so long; cycles of a turn of the loop that waits
_SILENCE_US = 2_080_000  # without a beat
_ASSEMBLE = """
import sys
sys.modules["btree"] = sys  # its cache of C headers, which the program does not include
from esp32_ulp import src_to_binary
text = sys.stdin.read()
print("BINARY", src_to_binary(text).hex())
"""


class AssembleError(Exception):
    """There is no program; the message is one sentence."""


def registers(chip: Chip) -> Registers:
    """The registers of a chip that has a program."""
    if chip.ulp != "fsm":
        raise AssembleError(f"The {chip.name} has no FSM co-processor: nothing opens its contactor while Python is held up.")
    if chip.name not in CHIPS:
        raise AssembleError(f"There is no program for the {chip.name}: it is for {' and '.join(CHIPS)}.")
    return CHIPS[chip.name]


def pad(chip: Chip, pin: int) -> tuple[int, int]:
    """Register and bit by which the RTC takes a pad from the digital part."""
    if pin not in registers(chip).pads:
        raise AssembleError(f"GPIO{pin} is no RTC output of the {chip.name}: the co-processor cannot open a contactor on it.")
    return registers(chip).pads[pin]


def rtc_bit(chip: Chip, pin: int) -> int:
    """The bit of a pin in the RTC's output and enable registers."""
    return registers(chip).rtc_first_bit + chip.rtc.index(pin)


def source(board: dict, chip: Chip) -> str:
    """The program's text for the first outlet of a board, without comments."""
    known = registers(chip)
    outlet = board["OUTLETS"][0]
    contactor = outlet["contactor"]
    register, bit = pad(chip, contactor["out"])
    level = rtc_bit(chip, contactor["out"])
    bits = {
        "channel_force": Bits(known.sar_start, 31, 31), "start_force": Bits(known.sar_start, 18, 18),
        "sar_digital": known.sar_digital, "power": known.power, "clocks": known.clocks, "pad": Bits(register, bit, bit),
        "rtc_out": Bits(known.rtc_out, level, level), "rtc_enable": Bits(known.rtc_enable, level, level),
    }  # fmt: skip
    names = {name: f"{(at.register - known.base) // 4}, {at.high}, {at.low}" for name, at in bits.items() if at is not None}
    names |= {
        "adc_mux": chip.adc1.index(outlet["pilot"]["adc"]) + 1, "open_level": 1 - contactor["active"], "pairs": known.pairs,
        "longest_hold": _HOLD_US * (known.clock_hz // 1000) // (1000 * _HOLD_CYCLES), "patience": _SILENCE_US // known.pass_us,
    }  # fmt: skip
    text = re.sub(r"#.*", "", SOURCE.read_text(encoding="utf-8"))
    text = re.sub(r"^@(\w+)(.*)$", lambda found: found[2] if found[1] == chip.name else "", text, flags=re.M)
    return re.sub(r"\{(\w+)\}", lambda found: str(names[found[1]]), text)


def assemble(text: str) -> bytes:
    """The binary, with the header that esp32.ULP().load_binary() wants."""
    interpreter = ROOT / ".toolchain" / "micropython64"
    if not (ASSEMBLER / "esp32_ulp").is_dir() or not interpreter.exists():
        raise AssembleError("The assembler is missing: run 'make setup'.")
    done = subprocess.run(
        [str(interpreter), "-c", _ASSEMBLE], input=text, capture_output=True, text=True, check=False, timeout=60,
        env={"MICROPYPATH": f"{ASSEMBLER}:.frozen"},
    )  # fmt: skip
    found = re.search(r"^BINARY ([0-9a-f]+)$", done.stdout, re.M)
    if found is None:
        raise AssembleError(f"The program does not assemble: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return bytes.fromhex(found[1])


def encode(binary: bytes, chip: Chip) -> bytes:
    """The assembler's binary in the encoding of a chip."""
    if chip.name == "esp32":
        return binary
    try:
        return s3_encoding.program(binary, HEADER_BYTES, WORDS)
    except s3_encoding.EncodingError as error:
        raise AssembleError(str(error)) from error


def program(board: dict, chip: Chip) -> bytes:
    """The program of a board's data, with its header."""
    return encode(assemble(source(board, chip)), chip)


def of_board(name: str) -> bytes:
    """The program of a board by its name."""
    folder = loading.choose(name, "BOARD", anywhere=True)
    return program(loading.load(folder), loading.chip_of(folder))


def module(binary: bytes) -> str:
    """The program as a module of its board: what firmware/charger/drivers/coprocessor.py imports."""
    lines = ['    b"' + "".join(f"\\x{byte:02x}" for byte in binary[at : at + 24]) + '"' for at in range(0, len(binary), 24)]
    return (
        '"""The co-processor\'s program for this board; `python -m ulp.assemble` (in tools/) writes this file."""\n\n'
        f"ENTRY = {ENTRY}\nPROGRAM = (\n" + "\n".join(lines) + "\n)\n"
    )


def main(words: list[str]) -> int:
    """Exit code."""
    if len(words) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        binary = of_board(words[0])
        if len(words) == 2:
            Path(words[1]).write_bytes(binary)
        else:
            path = loading.choose(words[0], "BOARD", anywhere=True) / MODULE
            path.parent.mkdir(exist_ok=True)
            path.write_text(module(binary), encoding="utf-8")
    except (AssembleError, loading.DefinitionError) as error:
        print(f"ulp: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
