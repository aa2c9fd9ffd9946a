"""Which boards there are, their chips, and their data as MicroPython reads them. A board is a folder of boards/ and no more."""

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
_DRIVERS = ROOT / "firmware" / "charger" / "drivers"
SHOW = """
import json, sys
class machine:
    unique_id = staticmethod(lambda: bytes((0x24, 0x0a, 0xc4)))
if sys.argv[-1] != "SIM":
    sys.modules["machine"] = machine
import board
print(json.dumps({name: getattr(board, name) for name in dir(board) if name.isupper() and name[0] != "_"}))
"""


class DefinitionError(Exception):
    """The board's files cannot be read; the message is one sentence."""


def names() -> list[str]:
    """Boards that can be built: the folders with a mpconfigboard.cmake."""
    return sorted(path.name for path in BOARDS.iterdir() if (path / "mpconfigboard.cmake").exists())


def chip_of(folder: Path) -> Chip:
    """The chip that mpconfigboard.cmake builds for, without the pins of a PSRAM that it switches on."""
    text = (folder / "mpconfigboard.cmake").read_text(encoding="utf-8")
    found = re.search(r"set\(IDF_TARGET (\w+)\)", text)
    name = found.group(1) if found else "esp32"
    if name not in CHIPS:
        raise DefinitionError(f"{folder.name}/mpconfigboard.cmake names the chip {name}; known are {', '.join(CHIPS)}.")
    return CHIPS[name].with_psram() if "sdkconfig.spiram" in text else CHIPS[name]


def without_ethernet(folder: Path, data: dict) -> list[str]:
    """The lines that the build files of a board with Ethernet lack: a sentence each. By default all boards are built without."""
    lan = data.get("LAN")
    if not isinstance(lan, dict):
        return []
    wanted = [("mpconfigboard.h", "#define MICROPY_PY_NETWORK_LAN (1)")]
    if lan.get("kind") == "w5500":
        wanted += [("sdkconfig.board", "CONFIG_ETH_USE_SPI_ETHERNET=y"), ("sdkconfig.board", "CONFIG_ETH_SPI_ETHERNET_W5500=y")]
    return [f"board.LAN needs the line '{line}' in {name}." for name, line in wanted
            if line not in (folder / name).read_text(encoding="utf-8").splitlines()]


def load(folder: Path, interpreter: Path | None = None) -> dict:
    """The data of board.py in a folder, read by MicroPython as the board would read it; tuples are lists here."""
    command = [str(interpreter or ROOT / ".toolchain" / "micropython32"), "-c", SHOW, folder.name]
    path = f"{folder}:{COMMON}:{ROOT / 'firmware'}:.frozen"
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
            env={"MICROPYPATH": path, "PATH": os.environ.get("PATH", "")},
        )  # fmt: skip
    except OSError as error:
        raise DefinitionError("There is no MicroPython in .toolchain; run 'make setup' first.") from error
    if done.returncode:
        raise DefinitionError(f"{folder.name}/board.py fails: {(done.stderr or done.stdout).strip().splitlines()[-1]}.")
    return json.loads(done.stdout.splitlines()[-1])


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


def choose(name: str | None, flag: str) -> Path:
    """The folder of a board by name; DefinitionError with the list for an unknown one."""
    if name not in names():
        raise DefinitionError(f"{flag} must be one of {', '.join(names())}, not '{name}'.")
    return BOARDS / name
