"""From the launch of the simulator to the BootNotification in the back end's hands."""

import statistics
import tempfile
import time
from pathlib import Path

from backend import Csms, Simulator

_RUNS = 5


def one_boot(csms, folder, word):
    """(ms to BootNotification, ms to the last StatusNotification) of one start on an existing flash."""
    mark = len(csms.record)
    charger = Simulator(folder, csms_url=csms.url, word=word, seed=1)
    begin = time.monotonic()
    try:
        charger.start()
        boot = csms.record.wait("BootNotification", since=mark)
        csms.wait_booted(since=mark)
        ready = csms.record.wait("StatusNotification", since=mark, where=lambda p: p["connectorId"] == 1)
        charger.stop()
        return (boot.at - begin) * 1000, (ready.at - begin) * 1000
    finally:
        charger.close()


def rows():
    """Medians over some boots, both word sizes."""
    found = []
    for word in (64, 32):
        with Csms() as csms, tempfile.TemporaryDirectory() as folder:
            one_boot(csms, Path(folder), word)  # makes and formats the flash, as the factory does
            runs = [one_boot(csms, Path(folder), word) for _ in range(_RUNS)]
        boots, ready = (round(statistics.median(values)) for values in zip(*runs, strict=True))
        found.append((f"Boot to BootNotification, {word} bit", f"{boots} ms (median of {_RUNS})"))
        found.append((f"Boot to connector 1 Available at the back end, {word} bit", f"{ready} ms"))
    return found
