#!/usr/bin/env python3
"""From the sources to a running board, one step a command; `make firmware`, `make flash` ... call it.

  device.py firmware --board ESP32_S3_DEVKITC [--mpy-dir DIR] [--variant PRODUCT]    build the image with the ESP-IDF
  device.py flash --board ESP32_S3_DEVKITC --port PORT [--variant PRODUCT]           write it with esptool, keeping nvs and vfs
  device.py deploy --board ESP32_S3_DEVKITC --port PORT                              copy the compiled files to a dev board
  device.py provision --board BOARD --port PORT -- --serial PL1 --labels labels                    give the unit its credentials
  device.py calibrate --port PORT -- --outlet 1                                      calibrate a meter against a reference
  device.py eol --port PORT --jig PORT -- --network HALL                             test a unit at the end of the line
  device.py monitor --port PORT                                                      show the console
  device.py hil --port PORT --jig PORT                                               the scenarios on a board beside a jig

BOARD is a folder of boards/, or a path with a / to a board's folder elsewhere.

Each step checks what it needs before it does anything. Exit code 2 and one sentence: something is missing. 1: it failed.
"""

import argparse
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import check_board
import frozen
import image_size
import micropython_patch
from board_definition import loading, staging
from cli import failed

ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / "build" / "deploy"
MICROPYTHON = (1, 25)
IDF = ((5, 2), (5, 4))  # oldest and newest that MicroPython 1.25 takes
IDF_WORDS = "ESP-IDF 5.2, 5.2.2, 5.3 or 5.4"
VARIANTS = ("", "PRODUCT")
_BOOT_OFFSET = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0, "esp32c3": 0, "esp32c6": 0}
_RISCV = ("esp32c3", "esp32c6")
# Development boards that ran the firmware have an armed watchdog; the bare-metal target has none.
FEED = "try:\n from machine import WDT\n WDT(timeout=8000).feed()\nexcept ImportError:\n pass"
_BATCH = 20  # files a call of mpremote


class MissingError(Exception):
    """A missing need, as one sentence."""


class FailedError(Exception):
    """A step that was begun and failed."""


class EndedError(Exception):
    """A tool has ended with this exit code and said why."""


# --- what a step needs ---


def board(name: str | None) -> Path:
    """The folder of a board without faults; of one elsewhere, given by a path with a /, a copy that can be built."""
    if not name:
        raise MissingError(f"BOARD is missing: one of {', '.join(loading.names())}, or a path with a /.")
    try:
        folder = loading.choose(name, "BOARD", anywhere=True)
        found = check_board.sentences(name)
    except loading.DefinitionError as error:
        raise MissingError(str(error)) from error
    if found:
        raise MissingError(f"The definition of {name} is wrong: {found[0]}")
    return staging.in_tree(folder)


_PORTS = {"PORT": "the serial port of the board", "JIG": "the serial port of the second board, which plays the car"}


def port(name: str | None, word: str = "PORT") -> str:
    """A serial port that can be opened; `word` is how the command line calls it."""
    if not name:
        raise MissingError(f"{word} is missing, {_PORTS[word]}, for example /dev/ttyUSB0.")
    if not os.path.exists(name):
        raise MissingError(f"There is no {name}; perhaps the board is not plugged in.")
    if not stat.S_ISCHR(os.stat(name).st_mode):
        raise MissingError(f"{name} is no serial port.")
    if not os.access(name, os.R_OK | os.W_OK):
        raise MissingError(f"{name} must not be opened: on Debian its users are in the group dialout.")
    return name


def module(name: str) -> list[str]:
    """The command line of a Python tool of the environment."""
    done = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, check=False)
    if done.returncode:
        raise MissingError(f"{name} is missing: run 'make setup'.")
    return [sys.executable, "-m", name]


def micropython(folder: Path) -> Path:
    """A source tree of the right version with the port in it."""
    for part in ("ports/esp32/Makefile", "mpy-cross/Makefile", "py/mpconfig.h"):
        if not (folder / part).exists():
            raise MissingError(f"{folder} is no source tree of MicroPython: it has no {part}.")
    text = (folder / "py" / "mpconfig.h").read_text(encoding="utf-8")
    version = tuple(int(re.search(rf"#define MICROPY_VERSION_{part} (\d+)", text)[1]) for part in ("MAJOR", "MINOR"))
    if version != MICROPYTHON:
        raise MissingError(f"{folder} is MicroPython {version[0]}.{version[1]}, and the charger is built with 1.25.")
    return folder


def compiler(chip: str) -> str:
    """idf.py of an ESP-IDF that fits, with the chip's compiler."""
    gcc = "riscv32-esp-elf-gcc" if chip in _RISCV else f"xtensa-{chip}-elf-gcc"
    if not shutil.which("idf.py"):
        raise MissingError(f"The compiler is missing: install {IDF_WORDS} and source its export.sh (idf.py, {gcc}).")
    done = subprocess.run(["idf.py", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"v(\d+)\.(\d+)", done.stdout)
    version = (int(found[1]), int(found[2])) if found else None
    if version is None or not IDF[0] <= version <= IDF[1]:
        raise MissingError(f"{done.stdout.strip() or 'idf.py'} does not fit: MicroPython 1.25 takes {IDF_WORDS}.")
    if not shutil.which(gcc):
        raise MissingError(f"The compiler {gcc} is missing: run the ESP-IDF's install.sh for the {chip}.")
    return "idf.py"


# --- firmware ---


def estimate(folder: Path, variant: str) -> tuple[int, int]:
    """(estimated bytes of the image, bytes of the slot), from the modules that this variant of the board freezes."""
    with tempfile.TemporaryDirectory() as work:
        if variant:
            size = frozen.product_bytes(Path(work), folder)
        else:
            modules = frozen.compiled(frozen.manifest(Path(work), folder), Path(work) / "mpy")
            size = frozen.frozen_bytes(modules)
    return image_size.image_bytes(size, image_size.left_out(folder, bool(variant))), image_size.slot_bytes(folder)


def pins(folder: Path, source: Path) -> None:
    """The port's own generator takes pins.csv."""
    tool = source / "ports" / "esp32" / "boards" / "make-pins.py"
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, str(tool), "--board-csv", str(folder / "pins.csv"),
                   "--prefix", str(tool.with_name("pins_prefix.c")), "--output-source", f"{work}/pins.c",
                   "--output-header", f"{work}/pins.h"]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=source / "ports" / "esp32")
    if done.returncode:
        raise FailedError(f"pins.csv is refused: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def build_folder(folder: Path, variant: str, source: Path) -> Path:
    """The folder in which the port's Makefile builds a board."""
    return source / "ports" / "esp32" / ("build-" + folder.name + (f"-{variant}" if variant else ""))


def firmware(given: argparse.Namespace) -> None:
    """All checks, the frozen modules, the pins; then the compiler."""
    folder = board(given.board)
    source = micropython(given.mpy_dir)
    print(f"{folder.name}: definition without faults, {loading.chip_of(folder).name}, sources in {source}")
    image, slot = estimate(folder, given.variant)
    print(f"image: {image:,} bytes estimated from the frozen modules, slot {slot:,}, {100 * (slot - image) / slot:.1f} % free")
    if image > slot:
        raise MissingError(f"The image would not fit: {image:,} bytes estimated, the slot has {slot:,}.")
    try:
        patched = micropython_patch.apply(source)
    except micropython_patch.PatchError as error:
        raise MissingError(f"{error}. A checkout of MicroPython 1.25 without changes takes it.") from error
    print(f"{micropython_patch.PATCH.name}: {'applied to the sources' if patched else 'the sources have it'}")
    pins(folder, source)
    print("pins.csv: taken by the port's generator")
    compiler(loading.chip_of(folder).name)
    esp32 = source / "ports" / "esp32"
    options = [f"BOARD_DIR={folder}", *([f"BOARD_VARIANT={given.variant}"] if given.variant else [])]
    for command in (["make", "-C", str(source / "mpy-cross")], ["make", "-C", str(esp32), *options, "submodules"],
                    ["make", "-C", str(esp32), *options]):
        _run(command)
    built = build_folder(folder, given.variant, source) / "micropython.bin"
    size = built.stat().st_size
    print(f"{built}: {size:,} of {slot:,} bytes, {100 * (slot - size) / slot:.1f} % free")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise FailedError(f"{command[0]} ended with exit code {done.returncode}.")


# --- flash ---


def flash_command(name: str, folder: Path, built: Path, chip: str, where: str) -> list[str]:
    """esptool's words: each part at its own place, so that nvs, phy_init and vfs stay; firmware.bin would erase them.

    `name` is the board's as the command line has it.
    """
    rows = image_size.partition_rows(folder)
    otadata, slot = rows["otadata"], rows["ota_0"]
    parts = {_BOOT_OFFSET[chip]: "bootloader/bootloader.bin", 0x8000: "partition_table/partition-table.bin",
             otadata: "ota_data_initial.bin", slot: "micropython.bin"}  # fmt: skip
    for part in parts.values():
        if not (built / part).exists():
            variant = built.name.removeprefix(f"build-{folder.name}").replace("-", " VARIANT=")
            raise MissingError(f"{built / part} is missing: run 'make firmware BOARD={name}{variant}' first.")
    words = [word for offset, part in parts.items() for word in (f"{offset:#x}", str(built / part))]
    return ["--chip", chip, "--port", where, "write_flash", *words]


def flash(given: argparse.Namespace) -> None:
    """Write a built image."""
    folder = board(given.board)
    chip = loading.chip_of(folder).name
    words = flash_command(given.board, folder, build_folder(folder, given.variant, given.mpy_dir), chip, port(given.port))
    tool = shutil.which("esptool.py") or shutil.which("esptool")
    if tool is None:
        raise MissingError("esptool is missing: it comes with the ESP-IDF (source its export.sh), or by 'pip install esptool'.")
    _run([tool, *words])


# --- deploy, provision, calibrate, monitor ---


def stage(folder: Path) -> list[str]:
    """Compile what a board's image would freeze into build/deploy/BOARD; names of the files, main.py last."""
    shutil.rmtree(STAGE / folder.name, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        files = frozen.manifest(Path(work), folder)
        own = {place: path for place, path in frozen.charger(files, folder).items()
               if not place.startswith(("asyncio/", "uasyncio", "_boot"))}
        own |= {place: path for place, path in files.items() if folder in path.parents}  # board.py, the co-processor's program
        scripts = {place: own.pop(place) for place in ("boot.py", "main.py")}  # the port runs them as sources only
        made = frozen.compiled(own, STAGE / folder.name)
        for place, path in scripts.items():
            shutil.copy(path, STAGE / folder.name / place)
    return [*(str(path.relative_to(STAGE / folder.name)) for path in made.values()), "boot.py", "main.py"]


def deploy_commands(folder: Path, names: list[str]) -> list[list[str]]:
    """Batches of mpremote's words: folders first, then the files, the watchdog fed before each."""
    parents = sorted({str(parent) for name in names for parent in Path(name).parents if str(parent) != "."})
    make = "import os\nfor folder in %r:\n try:\n  os.mkdir(folder)\n except OSError:\n  pass" % (parents,)
    batches = [["exec", make]]
    for at in range(0, len(names), _BATCH):
        words: list[str] = []
        for name in names[at : at + _BATCH]:
            words += [*(["+"] if words else []), "exec", FEED, "+", "fs", "cp", str(STAGE / folder.name / name), f":{name}"]
        batches.append(words)
    return batches


def deploy(given: argparse.Namespace) -> None:
    """Copy the compiled firmware to a board that runs plain MicroPython, and read the version back."""
    folder, where, tool = board(given.board), port(given.port), module("mpremote")
    names = stage(folder)
    connect = [*tool, "connect", where]
    for number, words in enumerate(deploy_commands(folder, names)):
        resume = ["resume"] if number or given.resume else []  # one soft reset at most: it ends a firmware that runs
        done = subprocess.run([*connect, *resume, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines() or ["no word from it"]
            raise FailedError(f"mpremote: {words[-1].removeprefix('mpremote: ')}.")
    ask = "import sys\nsys.path[:0] = ['']\nfrom charger import version\nprint('version', version.VERSION)"
    done = subprocess.run([*connect, "resume", "exec", ask], capture_output=True, text=True, check=False)
    if "version " not in done.stdout:
        raise FailedError(f"The board does not read what was written: {(done.stderr or done.stdout).strip()[-200:]}")
    print(f"{len(names)} files, {done.stdout.strip()}; it starts with the next reset")


def other_tool(given: argparse.Namespace) -> None:
    """provision.py, calibrate.py and eol.py with their ports."""
    where = ["--port", port(given.port)]
    if given.step == "eol":
        where += ["--jig", port(given.jig, "JIG")]
    module("mpremote")
    if given.step == "provision":
        board(given.board)
        where += ["--board", given.board]
        given.more = given.more or ["--labels", "labels"]
    done = subprocess.run([sys.executable, str(ROOT / "tools" / f"{given.step}.py"), *where, *given.more], check=False)
    if done.returncode:
        raise EndedError(done.returncode)


def hil(given: argparse.Namespace) -> None:
    """host_tests/hil on a board; without ports on the simulator, and all of it on the bare-metal target."""
    environment = {**os.environ, "PILOTLIGHT_TARGET": "all"}
    if given.port or given.jig:
        environment.update(PILOTLIGHT_HIL_PORT=port(given.port), PILOTLIGHT_HIL_JIG=port(given.jig, "JIG"))
    done = subprocess.run([*module("pytest"), str(ROOT / "host_tests" / "hil"), "-v", *given.more], cwd=ROOT, env=environment,
                          check=False)
    if done.returncode:
        raise FailedError(f"pytest ended with exit code {done.returncode}.")


def monitor(given: argparse.Namespace) -> None:
    """The console, until Ctrl-]."""
    where, tool = port(given.port), module("mpremote")
    _run([*tool, "connect", where, "resume", "repl"])


STEPS = {
    "firmware": firmware, "flash": flash, "deploy": deploy, "provision": other_tool, "calibrate": other_tool, "eol": other_tool,
    "monitor": monitor, "hil": hil,
}  # fmt: skip


def _source_tree(text: str) -> Path:
    return Path(text).expanduser().absolute() if text else frozen.SOURCES


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        sys.exit(failed("device", message[0].upper() + message[1:] + ".", 2))


def main(words: list[str] | None = None) -> int:
    """Exit code."""
    words = sys.argv[1:] if words is None else words
    more = words[words.index("--") + 1 :] if "--" in words else []
    parser = _Parser(
        prog="device.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("step", choices=list(STEPS))
    parser.add_argument("--board", default="")
    parser.add_argument("--port", default="")
    parser.add_argument("--jig", default="")
    parser.add_argument("--variant", default="")
    parser.add_argument("--mpy-dir", type=_source_tree, default=frozen.SOURCES, help="(default: the tool chain's own sources)")
    parser.add_argument("--resume", action="store_true", help="deploy without a soft reset first")
    given = parser.parse_args(words[: words.index("--")] if "--" in words else words)
    given.more = more
    try:
        if given.variant not in VARIANTS:
            raise MissingError(f"VARIANT must be PRODUCT or be left away, not '{given.variant}'.")
        STEPS[given.step](given)
    except MissingError as error:
        return failed(f"make {given.step}", error, 2)
    except EndedError as ended:
        return ended.args[0]
    except (FailedError, frozen.FrozenError, OSError) as error:
        return failed(f"make {given.step}", error, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
