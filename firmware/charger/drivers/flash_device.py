"""The block device of the file system, for mounting it and for overwriting deleted data."""

import esp32
from micropython import const

from charger.drivers.erase_ahead import EraseAhead

_ENODEV = const(19)

device: EraseAhead | None = None  # None until it is attached


def attach(disk: Any, area: Any | None = None) -> EraseAhead:
    """Return the device to mount, over the file system's partition and that of the spare blocks (None without one)."""
    global device
    device = EraseAhead(disk, area)
    device.prepare()
    return device


def attach_partitions() -> EraseAhead:
    """Attach the partitions "vfs" and "spare" of the partition table; "spare" may be missing. OSError."""
    find, data = esp32.Partition.find, esp32.Partition.TYPE_DATA
    areas = find(data, label="spare")
    disks = find(data, label="vfs")
    if not disks:
        raise OSError(_ENODEV)
    return attach(disks[0], areas[0] if areas else None)
