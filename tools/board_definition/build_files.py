"""Contradictions between board.py and the files that the port's build reads beside it: one sentence each."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from ulp import assemble

from board_definition import checks
from board_definition.chips import Chip
from board_definition.loading import DefinitionError

FILES = ("mpconfigboard.cmake", "mpconfigboard.h", "mpconfigvariant_PRODUCT.cmake", "partitions.csv", "pins.csv",
         "sdkconfig.board")  # fmt: skip
_PARTITIONS = ("nvs", "otadata", "ota_0", "ota_1", "vfs", "spare", "nvs_keys")  # by these names
_HEAP = "#define MICROPY_GC_INITIAL_HEAP_SIZE "


def faults(folder: Path, data: dict, chip: Chip) -> list[str]:
    """Sentences about a board whose board.py has no fault."""
    lacking = [name for name in FILES if not (folder / name).is_file()]
    if lacking:
        return [f"The folder lacks {', '.join(lacking)}."]
    text = {name: (folder / name).read_text(encoding="utf-8", errors="replace") for name in FILES}
    parts = (_start_up(text["mpconfigboard.h"], data), _pins(folder.name, text["pins.csv"], data, chip), _heap(text, data),
             _ethernet(text, data), _partitions(text["partitions.csv"]), _program(folder, data, chip))  # fmt: skip
    return [sentence for part in parts for sentence in part]


def _start_up(header: str, data: dict) -> Iterator[str]:
    """The start-up code opens the contactors before anything else runs (CP-30): its pins and levels are those of board.py."""
    contactors = [outlet[part] for outlet in data["OUTLETS"] for part in ("contactor", "phase_switch") if outlet[part]]
    levels = [1 - one["active"] for one in contactors]
    for name, values in (("PINS", [one["out"] for one in contactors]), ("OPEN_LEVELS", levels)):
        found = re.search(rf"(?m)^#define PILOTLIGHT_CONTACTOR_{name} \{{([\d, ]+)\}}", header)
        if found is None or [int(one) for one in re.findall(r"\d+", found[1])] != values:
            line = f"#define PILOTLIGHT_CONTACTOR_{name} {{{', '.join(map(str, values))}}}"
            yield f"mpconfigboard.h needs '{line}', with which the start-up code opens the contactors of board.py."


def _pins(name: str, text: str, data: dict, chip: Chip) -> Iterator[str]:
    """pins.csv names exactly the pins of board.py; _boot.py takes contactors, button and LED from it."""
    found = {row[0]: row[1].strip() for row in csv.reader(text.splitlines()) if len(row) > 1}
    wanted = {use: f"GPIO{pin}" for use, pin in checks.pins_of(name, data, chip).items()}
    for use in sorted({*found, *wanted}):
        if found.get(use) != wanted.get(use):
            if use in wanted:
                yield f"pins.csv needs the line '{use},{wanted[use]}', as board.py has it."
            else:
                yield f"pins.csv has '{use}', which is not in board.py."


def _heap(text: dict, data: dict) -> Iterator[str]:
    """HEAP_GROWS is True unless mpconfigboard.h fixes the heap's size; that takes a PSRAM."""
    fixed = _HEAP in text["mpconfigboard.h"]
    if fixed == data["HEAP_GROWS"]:
        yield (f"board.HEAP_GROWS is {data['HEAP_GROWS']} and must be {not fixed}, since mpconfigboard.h "
               f"{'fixes' if fixed else 'does not fix'} the heap's size (MICROPY_GC_INITIAL_HEAP_SIZE).")
    if fixed and "sdkconfig.spiram" not in text["mpconfigboard.cmake"]:
        yield "mpconfigboard.h fixes the heap's size, and mpconfigboard.cmake names no PSRAM (boards/sdkconfig.spiram...)."


def _ethernet(text: dict, data: dict) -> Iterator[str]:
    """By default all boards are built without."""
    if not isinstance(data.get("LAN"), dict):
        return
    wanted = [("mpconfigboard.h", "#define MICROPY_PY_NETWORK_LAN (1)")]
    if data["LAN"]["kind"] == "w5500":
        wanted += [("sdkconfig.board", "CONFIG_ETH_USE_SPI_ETHERNET=y"), ("sdkconfig.board", "CONFIG_ETH_SPI_ETHERNET_W5500=y")]
    for name, line in wanted:
        if line not in text[name].splitlines():
            yield f"board.LAN needs the line '{line}' in {name}."


def _partitions(text: str) -> Iterator[str]:
    """The names that firmware and tools look for, and two equal slots."""
    rows = [[field.strip() for field in row] for row in csv.reader(text.splitlines()) if row and not row[0].startswith("#")]
    sizes = {}
    for row in rows:
        try:
            sizes[row[0]] = (int(row[3], 0), int(row[4], 0))[1]
        except (IndexError, ValueError):
            yield f"partitions.csv has no offset and size in bytes for '{row[0]}'."
            return
    lacking = [name for name in _PARTITIONS if name not in sizes]
    if lacking:
        yield f"partitions.csv lacks {', '.join(lacking)}."
    elif sizes["ota_0"] != sizes["ota_1"]:
        yield "partitions.csv has slots of two sizes: an update goes to either."
    if any(row[2] == "factory" for row in rows):
        yield "partitions.csv has a partition 'factory', to which the boot loader would fall back."


def _program(folder: Path, data: dict, chip: Chip) -> Iterator[str]:
    """The co-processor's program is the one for this board.py."""
    path = folder / assemble.MODULE
    if not data.get("COPROCESSOR"):
        return
    try:
        wanted = assemble.module(assemble.program(data, chip))
    except (assemble.AssembleError, DefinitionError) as error:
        yield str(error)
        return
    if not path.is_file() or path.read_text(encoding="utf-8") != wanted:
        yield f"{assemble.MODULE} is not the program for this board.py: run 'python -m ulp.assemble {folder.name}' in tools/."
