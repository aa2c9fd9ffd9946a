"""`esp32.Partition` of the simulated board: the application slots, with the calls and the errors of the ESP32 port."""

import errno
import struct
import sys

from sim import bootloader, hardware_times, launch, slots, soft_irq, timebase

_VALIDATE_FAILED = -0x1503  # ESP_ERR_OTA_VALIDATE_FAILED
_DATA_OTA = 0
_NVS = 2
_NVS_KEYS = 4
_FAT = 0x81
# As boards/ESP32_DEVKITC/partitions.csv: label, type, subtype, offset, size
_TABLE = (
    ("nvs", 1, _NVS, 0x9000, 0x4000),
    ("otadata", 1, _DATA_OTA, 0xD000, 0x2000),
    ("ota_0", 0, 0x10, 0x10000, 0x1A0000),
    ("ota_1", 0, 0x11, 0x1B0000, 0x1A0000),
    ("vfs", 1, _FAT, 0x350000, 0xAF000),
    ("nvs_keys", 1, _NVS_KEYS, 0x3FF000, 0x1000),
)


class Partition:
    """A partition: Partition(Partition.BOOT), Partition(Partition.RUNNING) or Partition(label).

    Only the two application slots and the file system's part can be read and written here. The latter is larger than in
    the table: it is a chip of its own.
    """

    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id, block_size=slots.BLOCK):
        if id == self.RUNNING:
            id = slots.LABELS[bootloader.running]
        elif id == self.BOOT:
            newest = bootloader.active()
            id = slots.LABELS[(newest[1] - 1) % 2 if newest else 0]
        for row in _TABLE:
            if row[0] == id:
                self._row = row
                break
        else:
            raise OSError(errno.ENOENT)
        if block_size != slots.BLOCK:
            raise ValueError("block_size")
        self._index = slots.LABELS.index(id) if id in slots.LABELS else None

    @staticmethod
    def find(type=TYPE_APP, subtype=0xFF, label=None, block_size=slots.BLOCK):
        """All partitions that match."""
        return [
            Partition(row[0], block_size) for row in _TABLE
            if row[1] == type and subtype in (0xFF, row[2]) and label in (None, row[0])
        ]  # fmt: skip

    def info(self):
        """(type, subtype, address, size, label, encrypted)."""
        label, kind, subtype, address, size = self._row
        return (kind, subtype, address, size, label, False)

    def _device(self):
        if self._row[0] == "vfs":
            return sys.modules["sim.control"].flash
        if self._index is None:
            raise OSError(errno.EPERM)
        return slots.slots[self._index]

    def readblocks(self, block, buf, off=0):
        """Read; ota_0 as delivered reads as the image that the simulator was started with."""
        soft_irq.enter()
        try:
            self._read(block, buf, off)
        finally:
            soft_irq.leave()

    def _read(self, block, buf, off):
        device = self._device()
        if self._index == 0 and device.untouched and launch.config["romfs"]:
            _read_factory(block * slots.BLOCK + off, buf)
            return
        view = memoryview(buf)
        while view:
            part = view[: slots.BLOCK - off]
            device.readblocks(block, part, off)
            view = view[len(part) :]
            block, off = block + 1, 0

    def writeblocks(self, block, buf, off=None):
        """Write; without an offset the blocks are erased first."""
        soft_irq.enter()
        try:
            self._write(block, buf, off)
        finally:
            soft_irq.leave()

    def _write(self, block, buf, off):
        device = self._device()
        view = memoryview(buf)
        if off is not None:
            device.writeblocks(block, view, off)
            return
        if len(view) % slots.BLOCK:
            raise OSError(errno.EINVAL)
        while view:
            device.ioctl(6, block)
            device.writeblocks(block, view[: slots.BLOCK], 0)
            view = view[slots.BLOCK :]
            block += 1

    def ioctl(self, op, arg):
        """4: number of blocks, 5: their size, 6: erase one."""
        return self._device().ioctl(op, arg)

    def get_next_update(self):
        """The slot that does not run."""
        return Partition(slots.LABELS[1 - bootloader.running])

    def set_boot(self):
        """Boot this slot next, on trial; OSError when it holds no good image. The whole image is hashed."""
        soft_irq.enter()
        try:
            timebase.cost(self._row[4] // 1024 * hardware_times.SET_BOOT_US_A_KB, "set_boot")
            self._select()
        finally:
            soft_irq.leave()

    def _select(self):
        self._device()
        if not slots.is_good(self._index) and not slots.slots[self._index].untouched:
            raise OSError(_VALIDATE_FAILED, "ESP_ERR_OTA_VALIDATE_FAILED")
        if slots.slots[self._index].untouched and self._index != 0:
            raise OSError(_VALIDATE_FAILED, "ESP_ERR_OTA_VALIDATE_FAILED")
        bootloader.select(self._index)

    @classmethod
    def mark_app_valid_cancel_rollback(cls):
        """The running image has proved itself: it stays."""
        bootloader.confirm()


def _read_factory(at, buf):
    """The image file that the simulator runs, as if it lay in the slot behind its header."""
    import hashlib

    path = launch.config["romfs"]
    with open(path, "rb") as file:
        if at < slots.BLOCK:
            digest = hashlib.sha256()
            size = 0
            got = file.readinto(slots.piece)
            while got:
                digest.update(slots.piece[:got])
                size += got
                got = file.readinto(slots.piece)
            head = struct.pack(slots._HEADER, slots.MAGIC, size, digest.digest(), b"factory", 0)
            count = min(len(buf), slots.BLOCK - at)
            for i in range(count):
                buf[i] = head[at + i] if at + i < len(head) else 0
            if count == len(buf):
                return
            buf = memoryview(buf)[count:]
            at = slots.BLOCK
        file.seek(at - slots.BLOCK)
        got = file.readinto(buf)
        for i in range(got, len(buf)):
            buf[i] = 0xFF
