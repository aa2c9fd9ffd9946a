"""Memory, measured where it is scarce: 32-bit words as on the ESP32, the code in a ROMFS image that runs in place.

The simulated world's own heap is not counted: the simulator measures it before the firmware starts.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from backend import CommandRefused, Csms, Simulator, SimulatorError, WaitTimeout
from backend.simulator import ROOT

from .credentials import credentials
from .inside import BenchError

_IMAGE = ROOT / "build" / "firmware.romfs"
_ROOMY = 512 * 1024  # for reading what is in use, so that nothing else is measured
_TARGET = 128 * 1024
_LEAST, _MOST, _STEP = 64 * 1024, 256 * 1024, 8 * 1024
_POLLS = 200
_TAG = "BENCH"


def image():
    """Build the ROMFS image and return its path."""
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "romfs.py"), "-o", str(_IMAGE)], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the ROMFS image was not built: {(done.stdout + done.stderr).strip()[-500:]}")
    return _IMAGE


def heap_in_use(charger):
    """Least of many readings: right after a collection nothing but what lives is in use."""
    return min(charger.status()["heap"]["used"] for _ in range(_POLLS))


def session(csms, charger, visit=lambda: None):
    """Boot, and one session as far as the back end sees it; visit() is called while the car charges."""
    csms.wait_booted(timeout_s=10)
    charger.plug_in()
    charger.swipe(_TAG)
    csms.record.wait("StatusNotification", where=lambda p: p["status"] == "Charging", timeout_s=10)
    visit()
    charger.plug_out()
    csms.record.wait("StopTransaction", "out", 3, timeout_s=10)


def serves_in(heap, profile=0):
    """True when a charger with this much heap gets through a session, of a security profile."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            context, words = credentials(Path(folder), profile)
            with Csms(tags={_TAG: "Accepted"}, tls=context) as csms, charger_with(heap, csms, folder, words) as charger:
                session(csms, charger)
        return True
    except (WaitTimeout, SimulatorError, CommandRefused, OSError):
        return False


def charger_with(heap, csms, folder, words=()):
    """A 32-bit charger from ROMFS."""
    return Simulator(Path(folder), csms_url=csms.url, word=32, seed=1, time_scale=5,
                     options=["--romfs", str(_IMAGE), "--heap", str(heap), *words])


def least_heap(profile=0):
    """The smallest heap, in steps, that serves a session; None when not even the largest does."""
    low, high = _LEAST // _STEP, _MOST // _STEP
    if not serves_in(high * _STEP, profile):
        return None
    while low < high:
        middle = (low + high) // 2
        if serves_in(middle * _STEP, profile):
            high = middle
        else:
            low = middle + 1
    return high * _STEP


def rows():
    """Image size; heap in use after boot and while charging; the smallest heap that serves."""
    size = image().stat().st_size
    used = {}
    with Csms(tags={_TAG: "Accepted"}) as csms, tempfile.TemporaryDirectory() as folder:
        with charger_with(_ROOMY, csms, folder) as charger:
            csms.wait_booted()
            used["boot"] = heap_in_use(charger)
            session(csms, charger, lambda: used.update(charging=heap_in_use(charger)))
    for profile in (2, 3):
        used[profile] = heap_over_tls(profile)
    return [
        ("ROMFS image", f"{size / 1024:.0f} KiB"),
        ("Heap in use after boot, 32 bit, ROMFS", f"{used['boot'] / 1024:.1f} KiB"),
        ("Heap in use while charging, 32 bit, ROMFS", f"{used['charging'] / 1024:.1f} KiB"),
        (f"Smallest heap that serves a session (goal {_TARGET // 1024} KiB)", enough()),
        *((f"Heap in use while charging over TLS, profile {profile}, 32 bit, ROMFS", f"{used[profile] / 1024:.1f} KiB")
          for profile in (2, 3)),
        *((f"Smallest heap that serves a session over TLS, profile {profile}", enough(profile)) for profile in (2, 3)),
    ]


def heap_over_tls(profile):
    """Heap in use while a car charges over a link of a security profile."""
    used = []
    with tempfile.TemporaryDirectory() as folder:
        context, words = credentials(Path(folder), profile)
        with Csms(tags={_TAG: "Accepted"}, tls=context) as csms, charger_with(_ROOMY, csms, folder, words) as charger:
            session(csms, charger, lambda: used.append(heap_in_use(charger)))
    return used[0]


def enough(profile=0):
    """least_heap() in words."""
    least = least_heap(profile)
    return f"{least // 1024} KiB" if least else f"more than {_MOST // 1024} KiB"
