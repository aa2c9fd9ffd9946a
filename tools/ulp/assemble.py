"""Assemble boards/common/supervisor.S for a board with the ESP32's FSM co-processor.

    python -m ulp.assemble ESP32_DEVKITC supervisor.bin
    python -m ulp.assemble ESP32_DEVKITC      # boards/ESP32_DEVKITC/coprocessor_program/__init__.py, which the firmware loads

The ESP32-S2 and S3 have the same program in another encoding, which the assembler does not know; C3 and C6 have no such
co-processor. Exit code 2 and one sentence: there is no program for this board.
"""

import re
import subprocess
import sys
from pathlib import Path

from board_definition import loading
from board_definition.chips import Chip

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "boards" / "common" / "supervisor.S"
ASSEMBLER = ROOT / ".toolchain" / "ulp"
MODULE = Path("coprocessor_program") / "__init__.py"  # in a board's folder
HEADER_BYTES = 12  # magic, offset and size of the text, sizes of data and bss
WORDS = 18  # that the firmware and the program share
ENTRY = 4 * WORDS  # what esp32.ULP().run() is given
SAR_CONTROL, SAR_START = 0x3FF48800, 0x3FF48854  # SENS_SAR_READ_CTRL_REG, SENS_SAR_MEAS_START1_REG
RTC_OUT, RTC_ENABLE = 0x3FF48400, 0x3FF4840C  # RTC_GPIO_OUT_REG, RTC_GPIO_ENABLE_REG; RTC GPIO 0 is bit 14
_RTC_FIRST_BIT = 14
_HOLD_TURNS = 1285  # of 28 cycles: 4.5 ms at 8 MHz
_PATIENCE = 1300  # passes of 1.5 ms without a beat: 2 s
_DAC_PADS = {25: 0x3FF48484, 26: 0x3FF48488}  # RTC_IO_PAD_DAC1_REG, DAC2; MUX_SEL is bit 17
_TOUCH_PADS = (4, 0, 2, 15, 13, 12, 14, 27, 33, 32)  # RTC_IO_TOUCH_PAD0_REG and so on; MUX_SEL is bit 19
_TOUCH_BASE = 0x3FF48494
_ASSEMBLE = """
import sys
sys.modules["btree"] = sys  # its cache of C headers, which the program does not include
from esp32_ulp import src_to_binary
text = sys.stdin.read()
print("BINARY", src_to_binary(text).hex())
"""


class AssembleError(Exception):
    """There is no program; the message is one sentence."""


def pad(pin: int) -> tuple[int, int]:
    """Register and bit by which the RTC takes a pad of the ESP32 from the digital part."""
    if pin in _DAC_PADS:
        return _DAC_PADS[pin], 17
    if pin in _TOUCH_PADS:
        return _TOUCH_BASE + 4 * _TOUCH_PADS.index(pin), 19
    raise AssembleError(f"GPIO{pin} is no RTC output of the ESP32, so that the co-processor cannot open a contactor on it.")


def rtc_bit(chip: Chip, pin: int) -> int:
    """The bit of a pin in the RTC's output and enable registers."""
    return _RTC_FIRST_BIT + chip.rtc.index(pin)


def source(board: dict, chip: Chip) -> str:
    """The program's text for the first outlet of a board, without comments."""
    if chip.ulp != "fsm":
        raise AssembleError(f"The {chip.name} has no FSM co-processor: nothing opens its contactor while Python is held up.")
    if chip.name != "esp32":
        raise AssembleError(f"The assembler does not know the {chip.name}'s encoding; the program is for the ESP32.")
    outlet = board["OUTLETS"][0]
    contactor = outlet["contactor"]
    register, bit = pad(contactor["out"])
    names = {
        "sar_control": SAR_CONTROL, "sar_start": SAR_START, "adc_mux": chip.adc1.index(outlet["pilot"]["adc"]) + 1,
        "pad": register, "pad_bit": bit, "rtc_out": RTC_OUT, "rtc_enable": RTC_ENABLE, "rtc_bit": rtc_bit(chip, contactor["out"]),
        "open_level": 1 - contactor["active"], "longest_hold": _HOLD_TURNS,
        "patience": _PATIENCE,
    }  # fmt: skip
    text = re.sub(r"#.*", "", SOURCE.read_text(encoding="utf-8"))
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


def of_board(name: str) -> bytes:
    """The program of a board by its name."""
    folder = loading.choose(name, "BOARD")
    return assemble(source(loading.load(folder), loading.chip_of(folder)))


def module(program: bytes) -> str:
    """The program as a module of its board: what firmware/charger/drivers/coprocessor.py imports."""
    lines = ['    b"' + "".join(f"\\x{byte:02x}" for byte in program[at : at + 24]) + '"' for at in range(0, len(program), 24)]
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
        program = of_board(words[0])
        if len(words) == 2:
            Path(words[1]).write_bytes(program)
        else:
            path = loading.BOARDS / words[0] / MODULE
            path.parent.mkdir(exist_ok=True)
            path.write_text(module(program), encoding="utf-8")
    except (AssembleError, loading.DefinitionError) as error:
        print(f"ulp: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
