"""Memory, measured where it is scarce: 32-bit words as on the ESP32, the firmware frozen as on a board (tools/frozen.py).

The simulated world's own heap is not counted: the simulator measures it before the firmware starts.
"""

import functools
import tempfile
from pathlib import Path

import frozen
import image_size
import romfs

from backend import CommandRefused, Csms, Simulator, SimulatorError, WaitTimeout
from backend.simulator import free_port

from .credentials import credentials
from .inside import BenchError

_ROOMY = 512 * 1024  # for reading what is in use, so that nothing else is measured
_TARGET = 128 * 1024
_LEAST, _MOST, _STEP = 48 * 1024, 128 * 1024, 2 * 1024
_POLLS = 200
_TAG = "BENCH"


@functools.cache
def interpreter() -> str:
    """Path of the interpreter that holds the firmware, built when it is not up to date."""
    try:
        return str(frozen.interpreter())
    except frozen.FrozenError as error:
        raise BenchError(f"the frozen firmware was not built: {error}") from error


def _image_row(variant, size, product):
    """The estimated image of the smallest board."""
    board = frozen.BOARD
    image = image_size.image_bytes(size, image_size.left_out(board, product))
    free = image_size.free_share(board, size, product)
    return f"Image of {board.name}{variant}, estimated", f"{image / 1024:.0f} KiB, {100 * free:.0f} % of the slot free"


def flash_rows():
    """Frozen bytes, the estimated image of a board, and the ROMFS image that carries an update to the simulated board."""
    with tempfile.TemporaryDirectory() as folder:
        frozen_bytes = frozen.frozen_bytes(frozen.compiled(frozen.manifest(Path(folder)), Path(folder) / "mpy"))
        product_bytes = frozen.product_bytes(Path(folder))
    return [
        ("Frozen firmware, bytes of flash", f"{frozen_bytes / 1024:.0f} KiB"),
        _image_row(", PRODUCT variant", product_bytes, product=True),
        _image_row("", frozen_bytes, product=False),
        ("ROMFS image of an update in the simulator", f"{romfs.build().stat().st_size / 1024:.0f} KiB"),
    ]


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
    """A 32-bit charger with frozen firmware."""
    return Simulator(Path(folder), csms_url=csms.url, word=32, seed=1, time_scale=5,
                     options=["--frozen", interpreter(), "--heap", str(heap), *words])


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
    """Flash; heap in use after boot and while charging; the smallest heap that serves."""
    flash = flash_rows()
    used = {}
    with Csms(tags={_TAG: "Accepted"}) as csms, tempfile.TemporaryDirectory() as folder:
        with charger_with(_ROOMY, csms, folder) as charger:
            csms.wait_booted()
            used["boot"] = heap_in_use(charger)
            session(csms, charger, lambda: used.update(charging=heap_in_use(charger)))
    return [
        *flash,
        ("Heap in use after boot, 32 bit, frozen", f"{used['boot'] / 1024:.1f} KiB"),
        ("Heap in use while charging, 32 bit, frozen", f"{used['charging'] / 1024:.1f} KiB"),
        *((f"Heap in use while charging over TLS, profile {profile}, 32 bit, frozen", f"{heap_over_tls(profile) / 1024:.1f} KiB")
          for profile in (2, 3)),
        ("Heap in use while charging over TLS, profile 3, the local page listening",
         f"{heap_over_tls(3, ['--web', f'127.0.0.1:{free_port()}']) / 1024:.1f} KiB"),
        (f"Smallest heap that serves a session (goal {_TARGET // 1024} KiB)", enough()),
        *((f"Smallest heap that serves a session over TLS, profile {profile}", enough(profile)) for profile in (2, 3)),
    ]


def heap_over_tls(profile, more=()):
    """Heap in use while a car charges over a link of a security profile; `more` goes to the simulator."""
    used = []
    with tempfile.TemporaryDirectory() as folder:
        context, words = credentials(Path(folder), profile)
        with (Csms(tags={_TAG: "Accepted"}, tls=context) as csms,
              charger_with(_ROOMY, csms, folder, [*words, *more]) as charger):
            session(csms, charger, lambda: used.append(heap_in_use(charger)))
    return used[0]


def enough(profile=0):
    """least_heap() in words."""
    least = least_heap(profile)
    return f"{least // 1024} KiB" if least else f"more than {_MOST // 1024} KiB"
