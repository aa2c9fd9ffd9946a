"""Fetch zsh and fish from Debian into .toolchain/shells, in which the completion of csms.py is tested (13 MB).

They are checked by apt's own signature check and unpacked, never installed; they start through the ld.so that is unpacked
beside them, as the programs of toolchain.py do.

Exit codes: 0 done, 2 with one sentence on stderr when something outside the project is missing.
"""

import shutil
import sys

import toolchain
from toolchain import HOME, ToolchainError

FOLDER = "shells"
NAMES = ("zsh", "fish")
# What they start with, without the Python and the manual that fish depends on for its own documentation.
PACKAGES = (*NAMES, "zsh-common", "fish-common", "libc6", "libcap2", "libgcc-s1", "libpcre2-32-0", "libtinfo6")
OWN = "own"  # a prefix as fish wants one


def start() -> bool:
    """True when both are there and start."""
    try:
        return all(name in toolchain.run([str(HOME / name), "--version"]) for name in NAMES)
    except (ToolchainError, OSError):
        return False


def fetch() -> None:
    """Unpack them and prove that they start."""
    arch, (loader, triplet) = next(iter(toolchain.WORDS[64].items()))
    suite = toolchain.FALLBACK_SUITE  # one version of each, whatever this machine is: the tests hold it
    print(f"toolchain: zsh and fish from Debian {suite} into {HOME.name}/ ...", flush=True)
    env = toolchain.apt_config(suite)
    toolchain.update(env)
    toolchain.unpack_all([f"{name}:{arch}" for name in PACKAGES], arch, FOLDER, env)
    shutil.rmtree(HOME / "apt", ignore_errors=True)
    base = HOME / FOLDER
    shutil.rmtree(base / "usr" / "share" / "doc", ignore_errors=True)
    toolchain.write_launcher("zsh", FOLDER, "bin/zsh", loader, triplet)
    # fish finds its functions in the folder share beside the bin that the kernel's name of its program is in: ld.so's.
    (base / OWN / "bin").mkdir(parents=True)
    shutil.copy(base / "usr" / loader, base / OWN / "bin" / "fish")
    (base / OWN / "share").symlink_to("../usr/share")
    (base / OWN / "etc").symlink_to("../etc")
    toolchain.write_launcher("fish", FOLDER, "bin/fish", f"{OWN}/bin/fish", triplet)
    if not start():
        raise ToolchainError("Debian's zsh or fish do not start on this machine")


if __name__ == "__main__":
    sys.exit(toolchain.fetch_unless(start, fetch))
