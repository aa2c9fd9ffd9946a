"""Puts every contactor output to open, by the board's data (CP-30).

On a chip startup.c and _boot.py have done so before, by pin numbers and names: the board's data may come from a file.
"""

import sys

for place in ("", "/lib"):  # the file system: no file there may take the place of what is in the image (SEC-8)
    if place in sys.path:
        sys.path.remove(place)

import board  # noqa: E402
import machine  # noqa: E402

for wiring in board.OUTLETS:
    for contactor in (wiring["contactor"], wiring.get("phase_switch")):
        if contactor is not None:
            machine.Pin(contactor["out"], machine.Pin.OUT, value=1 - contactor.get("active", 1))

from charger.drivers import console  # noqa: E402
from charger.runtime import memory  # noqa: E402

memory.limit_garbage()
console.close()
