"""Which boards there are, their chips, and their data as MicroPython reads them. A board is a folder of boards/ and no more."""

import argparse
import ast
import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path

from board_definition.chips import CHIPS, Chip

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ROOT / "boards"
COMMON = BOARDS / "common"  # what several boards share
SIMULATED = "SIM"
_LONGEST_S = 60  # a busy computer
_DRIVERS = ROOT / "firmware" / "charger" / "drivers"
SHOW = """
import json, sys
class machine:
    unique_id = staticmethod(lambda: bytes((0x24, 0x0a, 0xc4)))
if sys.argv[-1] != "SIM":
    sys.modules["machine"] = machine
import board
def plain(where, value):
    if isinstance(value, dict):
        return {name if isinstance(name, str) else repr(name): plain("%s.%s" % (where, name), value[name]) for name in value}
    if isinstance(value, (tuple, list)):
        return [plain("%s[%d]" % (where, n), one) for n, one in enumerate(value)]
    if isinstance(value, bytes):
        return repr(value)
    if value is None or isinstance(value, (bool, int, str)) or isinstance(value, float) and value - value == 0:
        return value
    raise TypeError("%s is %r, which is no value of board data" % (where, value))
print(json.dumps({name: plain(name, getattr(board, name)) for name in dir(board) if name.isupper() and name[0] != "_"}))
"""


class DefinitionError(Exception):
    """The board's files cannot be read; the message is one sentence."""


def names() -> list[str]:
    """Boards that can be built: the folders with a mpconfigboard.cmake."""
    return sorted(path.name for path in BOARDS.iterdir() if (path / "mpconfigboard.cmake").exists())


def chip_of(folder: Path) -> Chip:
    """The chip that mpconfigboard.cmake builds for, without the pins of a PSRAM that it switches on."""
    text = (folder / "mpconfigboard.cmake").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"set\(IDF_TARGET (\w+)\)", text)
    name = found.group(1) if found else "esp32"
    if name not in CHIPS:
        raise DefinitionError(f"{folder.name}/mpconfigboard.cmake names the chip {name}; known are {', '.join(CHIPS)}.")
    return CHIPS[name].with_psram() if "sdkconfig.spiram" in text else CHIPS[name]


def load(folder: Path, interpreter: Path | None = None) -> dict:
    """The data of board.py in a folder, read by MicroPython as the board would read it; tuples are lists here."""
    command = [str(interpreter or ROOT / ".toolchain" / "micropython32"), "-c", SHOW, folder.name]
    path = f"{folder}:{COMMON}:{ROOT / 'firmware'}:.frozen"
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=_LONGEST_S, check=False,
            errors="replace", env={"MICROPYPATH": path, "PATH": os.environ.get("PATH", "")},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DefinitionError(f"{folder.name}/board.py does not end within {_LONGEST_S} s.") from error
    except OSError as error:
        raise DefinitionError("There is no MicroPython in .toolchain; run 'make setup' first.") from error
    if done.returncode:
        raise DefinitionError(f"{folder.name}/board.py{_failure(done.stderr or done.stdout)}.")
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise DefinitionError(f"{folder.name}/board.py ends, or prints something, before its data are read.") from error


def _failure(output: str) -> str:
    """Line of board.py and error of a traceback, as the end of a sentence."""
    lines = re.findall(r'board\.py", line (\d+)', output)
    return (f", line {lines[-1]}," if lines else "") + f" fails: {(output.strip().splitlines() or ['it ends'])[-1]}"


def literal(path: Path, name: str):
    """The value of a constant of a MicroPython file, const() around it or not; DefinitionError when there is none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            value = node.value
            if isinstance(value, ast.Call):
                value = value.args[0]
            return ast.literal_eval(value)
    raise DefinitionError(f"{path.name} has no {name}.")


@cache
def meter_kinds() -> dict[str, tuple[str, int, dict]]:
    """Meter drivers by their name in board data: (bus, phases, options with their bounds), as the drivers' files say."""
    return {kind: (bus, phases, options) for (kind, bus, phases), options in _kinds(_DRIVERS / "meters")}


@cache
def reader_kinds() -> dict[str, tuple[str, dict]]:
    """Card reader drivers by their name in board data: (bus, options with their bounds), as the drivers' files say."""
    return {kind: (bus, options) for (kind, bus), options in _kinds(_DRIVERS / "readers")}


@cache
def display_kinds() -> dict[str, tuple[str, dict]]:
    """Display drivers by their name in board data: (bus, options with their bounds), as the drivers' files say."""
    return {kind: (bus, options) for (kind, bus), options in _kinds(_DRIVERS / "displays")}


def _kinds(folder: Path):
    """(row of _KINDS, options with their bounds) of each driver in a folder."""
    for path in sorted(folder.glob("*.py")):
        if "\n_KINDS = " not in path.read_text(encoding="utf-8"):
            continue
        options = {option: bounds for option, *bounds in literal(path, "_OPTIONS")}
        for row in literal(path, "_KINDS"):
            yield row, options


def choose(name: str | None, flag: str, anywhere: bool = False) -> Path:
    """The folder of a board by name; DefinitionError with the list for an unknown one.

    anywhere: a name with a / is the path of a board's folder that is not in boards/.
    """
    if anywhere and name and "/" in name:
        folder = Path(name).resolve()
        for file in ("board.py", "mpconfigboard.cmake"):
            if not (folder / file).is_file():
                raise DefinitionError(f"{flag} {name} is no folder of a board: it has no {file}.")
        return folder
    if name not in names():
        raise DefinitionError(f"{flag} must be one of {', '.join(names())}, not '{name}'.")
    return BOARDS / name


def argument(name: str) -> str:
    """For argparse: a board's name, also the simulated one's, or the path of its folder elsewhere."""
    known = (SIMULATED, *names())
    if name not in known and "/" not in name:
        raise argparse.ArgumentTypeError(f"it must be one of {', '.join(known)} or a path with a /, not '{name}'")
    if "/" in name:
        try:
            choose(name, "the folder", anywhere=True)
        except DefinitionError as error:
            raise argparse.ArgumentTypeError(str(error).removesuffix(".")) from error
    return name
