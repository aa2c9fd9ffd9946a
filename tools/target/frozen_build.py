"""The target with the charger frozen as in a board's image, for counting: build/target/frozen/.

Code in ROMFS would do, but its names are then in the heap in no order, and each string that is made at run time is searched among
all of them: 20,000 instructions, where a frozen image with its sorted names takes some hundred. What stands around the charger
(the simulated board's modules, the inputs) has 600 names; for JSON of many strings they are frozen as well: firmware(around).
"""

import hashlib
import shutil
from pathlib import Path

import frozen
import toolchain

from . import build, fetch, image

PLACE = toolchain.ROOT / "build" / "target" / "frozen"
_STARTS = ("_boot.py", "boot.py", "main.py")  # the port would run them
_AROUND = "around"
AROUND = f".frozen/{_AROUND}"  # for sys.path


def firmware(around: tuple[str, ...] = ()) -> Path:
    """The image, made when one of its sources has changed; raises ToolchainError.

    around      folders of image.SOURCES that are frozen at AROUND: in an image of its own, since more modules take longer to find
    """
    build.firmware()
    folder = PLACE.with_name(f"{PLACE.name}_{_AROUND}") if around else PLACE
    with fetch.exclusive():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            found = frozen.charger(frozen.manifest(folder))
        except frozen.FrozenError as error:
            raise toolchain.ToolchainError(str(error)) from error
        files = {place: path for place, path in sorted(found.items()) if place not in _STARTS}
        files.update(_linked(folder / _AROUND, around))
        _bring_up_to_date(folder, files)
    return folder / "port" / "firmware.elf"


def _linked(links: Path, folders: tuple[str, ...]) -> dict[str, Path]:
    """The files of these folders, by place: of two with one name that of the folder that stands first, as with sys.path."""
    shutil.rmtree(links, ignore_errors=True)
    sources = image.files()
    files: dict[str, Path] = {}
    for folder in folders:
        for where in sources:
            first, _, rest = where.partition("/")
            place = f"{_AROUND}/{rest}"
            if first == folder and rest.endswith(".py") and place not in files:
                files[place] = links / rest
                files[place].parent.mkdir(parents=True, exist_ok=True)
                files[place].symlink_to(sources[where])
    return files


def _bring_up_to_date(folder: Path, files: dict[str, Path]) -> None:
    port, port_stamp, stamp = folder / "port", folder / "port.stamp", folder / "stamp"
    digest = hashlib.sha256(build.key().encode())
    for place, path in files.items():
        digest.update(place.encode() + b"\0" + path.read_bytes() + b"\0")
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    if not port_stamp.exists() or port_stamp.read_text() != build.key():
        shutil.rmtree(port, ignore_errors=True)
    # Made from file times: a module that was renamed or taken away would stay.
    shutil.rmtree(port / "frozen_mpy", ignore_errors=True)
    (port / "frozen_content.c").unlink(missing_ok=True)
    listing = folder / "manifest.py"
    listing.write_text("".join(f'freeze("{str(path)[: -len(place)].rstrip("/")}", "{place}")\n' for place, path in files.items()))
    build.make(port, listing)
    port_stamp.write_text(build.key())
    stamp.write_text(digest.hexdigest())
