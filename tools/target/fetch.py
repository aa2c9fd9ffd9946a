"""Bring the cross compiler, the C library, the emulator and MicroPython's sources for the bare-metal target.

All come from Debian's packages as the interpreters do (toolchain.py says how), and are unpacked into
.toolchain/riscv and .toolchain/riscv-src; the system is not changed. Programs start through the unpacked ld.so.
"""

import re
import shutil
import subprocess
import tarfile
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
SOURCES = toolchain.HOME / "riscv-src"
ARCH = "amd64"
LOADER, TRIPLET = toolchain.WORDS[64][ARCH]
# What the qemu port's build reads of MicroPython's sources.
NEEDED = re.compile(
    r"(?:py|extmod|shared|drivers|tools|ports/qemu)/.*|lib/(?:[^/]+\.[ch]|(?:libm|libm_dbl|littlefs|oofatfs|re1\.5|uzlib"
    r"|micropython-lib|crypto-algorithms)/.*)|mpy-cross/.*|LICENSE"
)
# The one variant of the C library and of gcc's own that is linked; the others take a gigabyte.
MULTILIB = "rv32imac/ilp32"
_STAMP = "riscv.stamp"


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
    return f"{toolchain.FALLBACK_SUITE} {' '.join(PACKAGES)}\n{NEEDED.pattern}\n"


def fetch() -> None:
    """Bring what is missing; raises ToolchainError with a sentence for the user."""
    if ready():
        return
    print(f"target: cross compiler and emulator from Debian {toolchain.FALLBACK_SUITE} into .toolchain/{FOLDER}/ ...", flush=True)
    env = toolchain.apt_config(toolchain.FALLBACK_SUITE)
    toolchain.run(["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"], env)
    toolchain.unpack(PACKAGES, ARCH, FOLDER, env)
    _prune()
    _sources(env)
    shutil.rmtree(toolchain.HOME / "apt", ignore_errors=True)
    (toolchain.HOME / _STAMP).write_text(_key())


def _prune() -> None:
    """Remove documentation and the variants of libraries that are not linked."""
    shutil.rmtree(BASE / "usr" / "share" / "doc", ignore_errors=True)
    keep = MULTILIB.split("/")
    for variants in (*BASE.glob("usr/lib/gcc/riscv64-unknown-elf/*"), *BASE.glob("usr/lib/picolibc/riscv64-unknown-elf/*")):
        for folder in variants.glob("rv*") if variants.is_dir() else ():
            if folder.name != keep[0]:
                shutil.rmtree(folder)
    for qemu in BASE.glob("usr/bin/qemu-system-*"):
        if qemu.name != "qemu-system-riscv32":
            qemu.unlink()


def _sources(env: dict[str, str]) -> None:
    """Download MicroPython's source package and keep what NEEDED names of it."""
    folder = toolchain.HOME / "apt" / "riscv-source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["apt-get", "source", "--download-only", "-q", "micropython"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    archives = sorted(folder.glob("micropython_*.orig.tar.*"))
    if done.returncode or not archives:
        raise toolchain.ToolchainError(f"MicroPython's sources could not be downloaded: {done.stderr.strip()[-300:]}")
    shutil.rmtree(SOURCES, ignore_errors=True)
    with tarfile.open(archives[0]) as tar:
        for member in tar:
            place = member.name.partition("/")[2]
            if member.isfile() and NEEDED.fullmatch(place) and ".." not in place:
                (SOURCES / place).parent.mkdir(parents=True, exist_ok=True)
                (SOURCES / place).write_bytes(tar.extractfile(member).read())
                (SOURCES / place).chmod(member.mode & 0o755)
