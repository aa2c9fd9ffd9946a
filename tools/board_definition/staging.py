"""A board's folder from elsewhere, laid out for a build as those of boards/.

Its files name ../common and ../../manifest.py, as the tools do, so it is copied beside links to these.
"""

import hashlib
import shutil
from pathlib import Path

from board_definition import loading
from board_definition.loading import ROOT

TREES = ROOT / "build" / "boards"
_LINKS = ("manifest.py", "firmware", "boards/common")


def in_tree(folder: Path) -> Path:
    """The folder to build in: the given one where it is in boards/, else a fresh copy."""
    if folder.parent == loading.BOARDS:
        return folder
    tree = TREES / hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    copy = tree / "boards" / folder.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    for name in _LINKS:
        if not (tree / name).exists():
            (tree / name).symlink_to(ROOT / name)
    return copy
