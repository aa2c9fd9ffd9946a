"""The application slots of the flash and the record of which one boots, in files of their own beside the littlefs part.

ota_0 and ota_1 are as large as in the partition table of boards/ESP32_DEVKITC. A slot's file appears with its first
write: until then ota_0 holds what the factory put there, which is the firmware the simulator was started with.

An image for this board is one block of header, then a ROMFS with the compiled application:

    0   8  magic "PLIMG1\\0\\0"      8   4  size of the ROMFS       12  32  its SHA-256
    44 32  version, ASCII, 0-padded  76   4  anti-rollback counter; the rest of the block is 0
"""

import hashlib
import os
import struct

from micropython import const

from sim import flash

BLOCK = const(4096)
SLOT_BLOCKS = const(416)  # 0x1a0000 bytes
MAGIC = b"PLIMG1\0\0"
_HEADER = "<8sI32s32sI"
LABELS = ("ota_0", "ota_1")


class Slot(flash.Flash):
    """A partition in the file `path`, or in memory for None; erased until something is written."""

    def __init__(self, path, blocks, power):
        super().__init__(None, BLOCK, blocks, power=power)
        self.path = path
        self.untouched = True
        if path is not None and flash._exists(path):
            self._open()

    def _open(self):
        self._file = open(self.path, "r+b")
        self.image = None
        self.untouched = False

    def _put(self, block, off, data):
        if self.untouched and self.path is not None:
            with open(self.path + ".new", "wb") as file:
                for _ in range(self.blocks):
                    file.write(self._blank)
            os.rename(self.path + ".new", self.path)
            self._open()
        self.untouched = False
        super()._put(block, off, data)


power = flash.Power()
otadata = None
slots = []  # ota_0, ota_1


def attach(folder):
    """Open the chip's files in a state directory; None keeps everything in memory (tests)."""
    global power, otadata

    def path(name):
        return None if folder is None else "%s/%s.bin" % (folder, name)

    power = flash.Power()
    otadata = Slot(path("otadata"), 2, power)
    slots[:] = [Slot(path(label), SLOT_BLOCKS, power) for label in LABELS]


def watch(closed):
    """Let closed() say whether a contactor is closed."""
    otadata.closed = slots[0].closed = slots[1].closed = closed


def erases_closed():
    """Erases in the slots and in their record while a contactor was closed."""
    return otadata.erases_closed + slots[0].erases_closed + slots[1].erases_closed


piece = memoryview(bytearray(512))  # what the bootloader reads with: the heap is the firmware's


def header(index):
    """(size, sha256, version, counter) of the image in a slot as its header has it; None without one."""
    raw = bytearray(struct.calcsize(_HEADER))
    slots[index].readblocks(0, raw, 0)
    magic, size, digest, version, counter = struct.unpack(_HEADER, raw)
    if magic != MAGIC or not 0 < size <= (SLOT_BLOCKS - 1) * BLOCK:
        return None
    return size, digest, version.rstrip(b"\0").decode(), counter


def is_good(index):
    """True when the slot's ROMFS is what its header says, as the chip's bootloader checks at each start."""
    found = header(index)
    if found is None:
        return False
    left, digest = found[0], hashlib.sha256()
    at = BLOCK
    while left > 0:
        slots[index].readblocks(at // BLOCK, piece, at % BLOCK)
        digest.update(piece[: min(left, len(piece))])
        left -= len(piece)
        at += len(piece)
    return digest.digest() == found[1]
