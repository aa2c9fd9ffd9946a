"""Apply boards/common/micropython.patch to a source tree of MicroPython 1.25.

The patch lets mpy-tool freeze the functions and classes of the modules in boards/common/resident_modules.txt as constant objects,
counts frozen bytes completely, and lets a board leave out parts of the ESP32 port that the port fixes (docs/ARCHITECTURE.md).
"""

import hashlib
import os
import subprocess
from pathlib import Path

COMMON = Path(__file__).resolve().parent.parent / "boards" / "common"
PATCH = COMMON / "micropython.patch"
RESIDENT = COMMON / "resident_modules.txt"
MPY_TOOL_OPTION = f"--rom-definitions={RESIDENT}"


class PatchError(Exception):
    """The tree is another than the patch is for; the message is for the user."""


def key() -> str:
    """Hash of the patch and of the list that it reads."""
    return hashlib.sha256(PATCH.read_bytes() + RESIDENT.read_bytes()).hexdigest()


def _git(tree: Path, *words: str) -> str:
    """The errors of `git apply`, "" for none; the project's own repository around the tree is not looked at."""
    around = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.resolve().parent)}
    try:
        done = subprocess.run(["git", "apply", *words, str(PATCH)], cwd=tree, env=around, capture_output=True, text=True,
                              check=False)
    except FileNotFoundError as error:
        raise PatchError("git is not on this machine") from error
    return done.stderr.strip() or ("git apply failed" if done.returncode else "")


def apply(tree: Path) -> bool:
    """Patch the tree; False when it is patched already. Raises PatchError, and changes nothing then."""
    if not _git(tree, "--reverse", "--check"):
        return False
    problem = _git(tree)
    if problem:
        raise PatchError(f"{PATCH.name} does not fit the sources in {tree}: {problem.splitlines()[0]}")
    return True
