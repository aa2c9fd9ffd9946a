"""The target with the charger frozen as in a board's image, for counting: build/target/frozen/.

Code in ROMFS would do, but its names are then in the heap in no order, and each string that is made at run time is searched among
all of them: 20,000 instructions, where a frozen image with its sorted names takes some hundred.
"""

import hashlib
import shutil
from pathlib import Path

import frozen
import toolchain

from . import build, fetch

PLACE = toolchain.ROOT / "build" / "target" / "frozen"
_PORT = PLACE / "port"
_STARTS = ("_boot.py", "boot.py", "main.py")  # the port would run them


def firmware() -> Path:
    """The image, made when the firmware or the port has changed; raises ToolchainError."""
    build.firmware()
    with fetch.exclusive():
        PLACE.mkdir(parents=True, exist_ok=True)
        try:
            found = frozen.charger(frozen.manifest(PLACE))
        except frozen.FrozenError as error:
            raise toolchain.ToolchainError(str(error)) from error
        files = {place: path for place, path in sorted(found.items()) if place not in _STARTS}
        _bring_up_to_date(files)
    return _PORT / "firmware.elf"


def _bring_up_to_date(files: dict[str, Path]) -> None:
    port_stamp, stamp = PLACE / "port.stamp", PLACE / "stamp"
    digest = hashlib.sha256(build.key().encode())
    for place, path in files.items():
        digest.update(place.encode() + b"\0" + path.read_bytes() + b"\0")
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    if not port_stamp.exists() or port_stamp.read_text() != build.key():
        shutil.rmtree(_PORT, ignore_errors=True)
    # Made from file times: a module that was renamed or taken away would stay.
    shutil.rmtree(_PORT / "frozen_mpy", ignore_errors=True)
    (_PORT / "frozen_content.c").unlink(missing_ok=True)
    listing = PLACE / "manifest.py"
    listing.write_text("".join(f'freeze("{str(path)[: -len(place)].rstrip("/")}", "{place}")\n' for place, path in files.items()))
    build.make(_PORT, listing)
    port_stamp.write_text(build.key())
    stamp.write_text(digest.hexdigest())
