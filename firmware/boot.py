"""Runs before everything: puts every contactor output to open, so that no later failure can leave one floating (CP-30)."""

import sys

for place in ("", "/lib"):  # the file system: no file there may take the place of what is in the image (SEC-8)
    if place in sys.path:
        sys.path.remove(place)

import board  # noqa: E402
import machine  # noqa: E402

for wiring in board.OUTLETS:
    machine.Pin(wiring["contactor"]["out"], machine.Pin.OUT, value=0)

from charger.drivers import console  # noqa: E402
from charger.runtime import memory  # noqa: E402

memory.limit_garbage()
console.close()
