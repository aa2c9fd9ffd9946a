# The power fails before and after every write to littlefs and to the non-volatile storage, which share it.
import esp32
import flashrig
from check import equal

from charger.update import BROKEN, COUNTER, IMAGE, TRIAL
from sim import flash, slots

MODES = (flash.DROP, flash.HALF, flash.LATE)
CUT = -0x6001  # errno of every operation without power
KEYS = ("device_key", "next_key", "provisioned", "serial", "log_key", "log_from", COUNTER, BROKEN, IMAGE, TRIAL,
        "has_limits", "has_tamper")  # fmt: skip


def power_on(device=None, at=None, mode=flash.DROP):
    """The chip after a start: littlefs and non-volatile storage on one power, which fails in operation `at`."""
    device = flashrig.fresh() if device is None else flashrig.restart(device)
    device.power.left, device.power.mode = -1 if at is None else at, mode
    slots.power = device.power
    esp32.restart()
    return device


def empty():
    """Nothing in the non-volatile storage."""
    power_on()
    storage = esp32.NVS("pilotlight")
    for key in KEYS:
        try:
            storage.erase_key(key)
        except OSError:
            pass
    storage.commit()


def cuts(prepare, job, check, modes=MODES):
    """Run job() with the power failing in every single operation, in each way (None: in turn); after a start check()."""
    total = 0
    for way in modes:
        at = 0
        while True:
            empty()
            device = power_on(None)
            mode = way or MODES[at % 3]
            prepare()
            device.power.left, device.power.mode = at, mode
            try:
                job()
            except OSError as error:
                equal(error.errno, CUT)
            cut = not device.powered
            device = power_on(device)
            check(cut, "operation %d, %s" % (at, mode))
            equal(device.violation, "")
            if not cut:
                break
            at += 1
        total += at
    return total


def teardown():
    slots.power = flash.Power()
    esp32.restart()
    flash.unmount()
