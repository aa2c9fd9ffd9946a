"""Memory, measured where it is scarce: 32-bit words as on the ESP32, the code in a ROMFS image, a heap of 128 KiB."""

import subprocess
import sys
import tempfile
from pathlib import Path

from backend import Csms, Simulator
from backend.simulator import ROOT

from .inside import BenchError

HEAP = 131072
_POLLS = 200


def image():
    """Build the ROMFS image and return its path."""
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "romfs.py")], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    found = sorted((ROOT / "build").glob("*.romfs"))
    if done.returncode or not found:
        raise BenchError(f"the ROMFS image was not built: {(done.stdout + done.stderr).strip()[-500:]}")
    return found[0]


def heap_in_use(charger):
    """Least of many readings: right after a collection nothing but what lives is in use."""
    return min(charger.status()["heap"]["used"] for _ in range(_POLLS))


def rows():
    """Booted and idle, then in a session; the simulated world's own heap is not counted."""
    rom = image()
    with Csms(tags={"BENCH": "Accepted"}) as csms, tempfile.TemporaryDirectory() as folder:
        charger = Simulator(Path(folder), csms_url=csms.url, word=32, seed=1,
                            options=["--romfs", str(rom), "--heap", str(HEAP)])
        with charger:
            csms.wait_booted()
            charger.wait_ocpp_status("Available")
            booted = heap_in_use(charger)
            charger.plug_in()
            charger.swipe("BENCH")
            charger.wait_ocpp_status("Charging")
            charging = heap_in_use(charger)
            heap = charger.status()["heap"]
    return [
        ("ROMFS image", f"{rom.stat().st_size / 1024:.0f} KiB"),
        ("Heap in use after boot, 32 bit, ROMFS", f"{booted / 1024:.1f} KiB of {HEAP // 1024} KiB"),
        ("Heap in use while charging", f"{charging / 1024:.1f} KiB"),
        ("Highest heap use seen, garbage included", f"{heap['peak'] / 1024:.1f} KiB"),
    ]
