"""`esp32` of the simulated board: heap figures, chip temperature, the non-volatile storage, and the slots."""

import json
import os
import sys

from sim import hardware_times, launch, soft_irq, timebase
from sim.partition import Partition  # noqa: F401

HEAP_DATA = 4
HEAP_EXEC = 1
_NOT_FOUND = -0x1102  # ESP_ERR_NVS_NOT_FOUND
_BAD_LENGTH = -0x110C  # ESP_ERR_NVS_INVALID_LENGTH
_FLASH_OP_FAIL = -0x6001  # ESP_ERR_FLASH_OP_FAIL
_OUTSIDE = 150000
_stored = None  # values on flash
_staged = {}  # values as the firmware reads them
_changes = []  # (namespace, key), in their order, that commit() writes


def idf_heap_info(capabilities):
    """[(size, free, largest free block, least free ever)] of the memory outside MicroPython's heap: --tls-heap says how much.

    Else it is the host's: as much as a WROOM-32 has to spare at the most.
    """
    tls = sys.modules.get("sim.tls_costs")
    if tls is not None and launch.config["tls_heap"] is not None:
        size = launch.config["tls_heap"]
        return [(size, tls.left(), tls.left(), size - tls.peak)]
    return [(_OUTSIDE, _OUTSIDE, _OUTSIDE, _OUTSIDE)]


def mcu_temperature():
    """Chip temperature in degC."""
    from sim import world

    return world.current().outlets[0].temperature_mc // 1000 + 10


def _path():
    folder = launch.config["state_dir"]
    return None if folder is None else folder + "/nvs.json"


def _load():
    global _stored
    if _stored is None:
        _stored = {}
        if _path() is not None:
            try:
                with open(_path()) as file:
                    _stored = json.load(file)
            except OSError:
                pass
    return _stored


def _power():
    """The supply of the chip; None where there is no simulated flash."""
    slots = sys.modules.get("sim.slots")
    return None if slots is None else slots.power


def restart():
    """Restart the chip: uncommitted values are lost. For tests; a simulator's restart is a new process."""
    _staged.clear()
    _changes.clear()


def _write():
    path = _path()
    if path is None:
        return
    with open(path + ".new", "w") as file:
        json.dump(_stored, file)
    os.rename(path + ".new", path)


def __getattr__(name):
    """`ULP`, for boards whose data ask for the co-processor."""
    if name == "ULP":
        from sim.coprocessor import ULP

        return ULP
    raise AttributeError(name)


class NVS:
    """A namespace of 32-bit integers and blobs; nothing is kept before commit().

    commit() writes one key after the other, each as a whole or not at all: the power can fail before each of them, and
    after it, without a report (sim/flash.py's modes; half an entry counts as none).
    """

    def __init__(self, namespace):
        self._namespace = namespace

    @property
    def _values(self):
        if self._namespace not in _staged:
            _staged[self._namespace] = dict(_load().get(self._namespace, {}))
        return _staged[self._namespace]

    def _change(self, key):
        if (self._namespace, key) in _changes:
            _changes.remove((self._namespace, key))
        _changes.append((self._namespace, key))

    def set_i32(self, key, value):
        """Store an integer."""
        self._values[key] = value
        self._change(key)

    def get_i32(self, key):
        """An integer; OSError when there is none."""
        value = self._values.get(key)
        if type(value) is not int:
            raise OSError(_NOT_FOUND)
        return value

    def set_blob(self, key, value):
        """Store bytes."""
        self._values[key] = bytes(value).hex()
        self._change(key)

    def get_blob(self, key, buffer):
        """Copy bytes into buffer and return their number; OSError when there are none or too many."""
        value = self._values.get(key)
        if type(value) is not str:
            raise OSError(_NOT_FOUND)
        data = bytes.fromhex(value)
        if len(data) > len(buffer):
            raise OSError(_BAD_LENGTH)
        buffer[: len(data)] = data
        return len(data)

    def erase_key(self, key):
        """Remove; OSError when it is not there."""
        if key not in self._values:
            raise OSError(_NOT_FOUND)
        del self._values[key]
        self._change(key)

    def commit(self):
        """Write the values set since the last commit to flash."""
        soft_irq.enter()
        try:
            timebase.cost(hardware_times.NVS_COMMIT_US[launch.config["flash_time"]], "NVS commit")
            self._commit()
        finally:
            soft_irq.leave()

    def _commit(self):
        power = _power()
        if power is not None and not power.on:
            raise OSError(_FLASH_OP_FAIL)
        while _changes:
            fails = power is not None and power.left == 0
            namespace, key = _changes.pop(0)
            if not fails or power.mode == "late":
                kept = _load().setdefault(namespace, {})
                if key in _staged[namespace]:
                    kept[key] = _staged[namespace][key]
                else:
                    kept.pop(key, None)
                _write()
            if fails:
                power.on = False
                raise OSError(_FLASH_OP_FAIL)
            if power is not None:
                power.left -= 1
