"""Fetch a headless Chromium from Debian into .toolchain/browser, for the tests of the charger's page.

It comes from the suite of this machine, with the libraries it links and a font, is checked by apt's own signature check and
unpacked, never installed. Chromium starts itself again for each of its processes, so it cannot run through an ld.so of its own
as the other tools do: it takes the machine's C library, and everything else from the folder.

Exit codes: 0 done, 2 with one sentence on stderr when something outside the project is missing.
"""

import shutil
import subprocess
import sys

import toolchain
from toolchain import HOME, ToolchainError

FOLDER = "browser"
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core", "fontconfig-config")
PROGRAM = HOME / "chromium"  # the start script
OF_THE_MACHINE = ("libc6", "libc-bin", "libgcc-s1", "gcc-12-base", "gcc-14-base")  # taken from the system
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>DejaVu Sans</family></prefer></alias>
</fontconfig>
"""
START = """#!/bin/sh
here="$(dirname "$(readlink -f "$0")")/browser"
export LD_LIBRARY_PATH="$here/usr/lib/{triplet}:$here/lib/{triplet}:$here/usr/lib/{triplet}/pulseaudio"
export FONTCONFIG_FILE="$here/fonts.conf" XDG_CACHE_HOME="$here/cache"
exec "$here/usr/lib/chromium/chromium-headless-shell" "$@"
"""


def starts() -> bool:
    """True when the browser is there and starts."""
    try:
        done = subprocess.run([str(PROGRAM), "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.returncode == 0 and "Chromium" in done.stdout + done.stderr


def fetch() -> None:
    """Unpack the browser and prove that it starts."""
    arch, (_, triplet) = next(iter(toolchain.WORDS[64].items()))
    suite = toolchain.machine_suite() or toolchain.FALLBACK_SUITE
    print(f"toolchain: Chromium from Debian {suite} into {HOME.name}/ ...", flush=True)
    env = toolchain.apt_config(suite)
    toolchain.update(env)
    wanted = [name for name in toolchain.closure(PACKAGES, arch, env) if name.split(":")[0] not in OF_THE_MACHINE]
    toolchain.unpack_all(wanted, arch, FOLDER, env)
    base = HOME / FOLDER
    (base / "fonts.conf").write_text(FONTS)
    PROGRAM.write_text(START.format(triplet=triplet))
    PROGRAM.chmod(0o755)
    shutil.rmtree(HOME / "apt", ignore_errors=True)
    if not starts():
        raise ToolchainError("Debian's Chromium does not start on this machine")


if __name__ == "__main__":
    sys.exit(toolchain.fetch_unless(starts, fetch))
