"""The block device that the file system is on: what mounts it takes it from here, and what overwrites deleted data."""

import esp32
from micropython import const

from charger.drivers.erase_ahead import EraseAhead

_ENODEV = const(19)

device: EraseAhead | None = None  # once it is attached


def attach(disk, area=None) -> EraseAhead:
    """The device to mount, over the partition of the file system and the one of the spare blocks (None without one)."""
    global device
    device = EraseAhead(disk, area)
    device.prepare()
    return device


def attach_partitions() -> EraseAhead:
    """The same by the partition table, where they are called "vfs" and "spare"; the latter may be missing. OSError."""
    find, data = esp32.Partition.find, esp32.Partition.TYPE_DATA
    areas = find(data, label="spare")
    disks = find(data, label="vfs")
    if not disks:
        raise OSError(_ENODEV)
    return attach(disks[0], areas[0] if areas else None)
