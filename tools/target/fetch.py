"""Bring the cross compiler, the C library and the emulator for the bare-metal target.

All come from Debian's packages as the interpreters do (toolchain.py says how), and are unpacked into .toolchain/riscv; the
system is not changed. Programs start through the unpacked ld.so.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import toolchain

FOLDER = "riscv"
PACKAGES = (
    "gcc-riscv64-unknown-elf",
    "binutils-riscv64-unknown-elf",
    "picolibc-riscv64-unknown-elf",
    "qemu-system-riscv",
)
BASE = toolchain.HOME / FOLDER
SOURCES = toolchain.HOME / "src"  # MicroPython, as tools/toolchain.py unpacks it
ARCH = "amd64"
LOADER, TRIPLET = toolchain.WORDS[64][ARCH]
# The one variant of the C library and of gcc's own that is linked; the others take a gigabyte.
MULTILIB = "rv32imac/ilp32"
_STAMP = "riscv.stamp"


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """One process at a time fetches, builds, or makes the image."""
    with (toolchain.HOME / "riscv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def loader() -> Path:
    """The unpacked ld.so."""
    found = next((p for p in (BASE / "usr" / LOADER, BASE / LOADER) if p.exists()), None)
    if found is None:
        raise toolchain.ToolchainError(f"the unpacked packages in {FOLDER} hold no {LOADER}")
    return found


def libraries() -> str:
    """The search path for the unpacked libraries."""
    return f"{BASE}/usr/lib/{TRIPLET}:{BASE}/lib/{TRIPLET}"


def started(program: str) -> list[str]:
    """The command that starts an unpacked program, given below usr/."""
    return [str(loader()), "--library-path", libraries(), str(BASE / "usr" / program)]


def ready() -> bool:
    """True when nothing is to be fetched."""
    stamp = toolchain.HOME / _STAMP
    return stamp.exists() and stamp.read_text() == _key()


def _key() -> str:
    return f"{toolchain.FALLBACK_SUITE} {' '.join(PACKAGES)}\n"


def fetch() -> None:
    """Bring what is missing; raises ToolchainError with a sentence for the user."""
    if ready():
        return
    print(f"target: cross compiler and emulator from Debian {toolchain.FALLBACK_SUITE} into .toolchain/{FOLDER}/ ...", flush=True)
    env = toolchain.apt_config(toolchain.FALLBACK_SUITE)
    toolchain.run(["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"], env)
    toolchain.unpack(PACKAGES, ARCH, FOLDER, env)
    _prune()
    shutil.rmtree(toolchain.HOME / "apt", ignore_errors=True)
    (toolchain.HOME / _STAMP).write_text(_key())


def _prune() -> None:
    """Remove documentation and the variants of libraries that are not linked."""
    shutil.rmtree(BASE / "usr" / "share" / "doc", ignore_errors=True)
    keep = MULTILIB.partition("/")[0]
    compiler = BASE.glob("usr/lib/gcc/riscv64-unknown-elf/*")
    library = BASE.glob("usr/lib/picolibc/riscv64-unknown-elf/lib")
    for variants in (*compiler, *library, BASE / "usr/lib/picolibc/riscv64-unknown-elf/lib/release"):
        for folder in variants.glob("rv*") if variants.is_dir() else ():
            if folder.name != keep:
                shutil.rmtree(folder)
    for qemu in BASE.glob("usr/bin/qemu-system-*"):
        if qemu.name != "qemu-system-riscv32":
            qemu.unlink()
