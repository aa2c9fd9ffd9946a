"""What was deleted is overwritten: littlefs only forgets where a file was, its bytes stay until their block is used again.

Small files lie in their folder's log, a pair of blocks: when one is full, what still holds goes to the other, so filling
it twice leaves nothing old in either. A folder with many files has several pairs, each for a stretch of names in their
order, so every name gets a neighbour that does the filling.

Larger files have blocks of their own. littlefs takes free blocks in turn, round the whole flash, so writing a quarter more
than the flash holds, a few blocks at a time, reaches each that is free, also when others write meanwhile. All of it is gone
again at once: there is always room for others.

One block neither reaches: when the root's log has been written anew some hundred times littlefs moves it away from the
first two blocks, and the older of these keeps the log as it was, for ever. It is erased by hand, once littlefs itself has
shown that it does without.

Cost: each free block is erased once or twice, the pair of a folder twice for each of its files, of the 100,000 erases that
a block bears; a kilobyte of heap.
"""

import os
import struct

import vfs
from micropython import const

from charger.store.files import Files

MARK = "scrub"  # there while there is work to do, so that a restart takes it up again
_END = ".new"  # what has this ending is removed at each start
_BLOCKS = const(8)  # held at a time
_SMALL = const(120)  # bytes: a file of this size lies in its folder's log
_BUFFER = const(512)
_ENOSPC = const(28)
_EIO = const(5)
_ERASE = const(6)  # of vfs.AbstractBlockDev.ioctl


def wanted(files: Files) -> bool:
    """True when something was deleted that must not stay readable, and the work has not come to its end."""
    return files.exists(MARK)


def ask(files: Files) -> None:
    """What is deleted must not stay readable: on flash when this returns. OSError."""
    files.write(MARK, b"1")


def _entries(files: Files) -> list:
    """What lies in the root, without the file systems that are mounted below it."""
    mounted = [point for _, point in vfs.mount()]  # type: ignore[call-arg] - without arguments it lists
    return [entry for entry in os.ilistdir(files.root) if files.root + "/" + entry[0] not in mounted]


def delete_but(files: Files, kept) -> None:
    """Delete every file and folder of the root but these. OSError."""
    for entry in _entries(files):
        if entry[0] not in kept:
            (files.delete_folder if entry[1] & 0x4000 else files.delete)(entry[0])


def run(files: Files, device=None, spares=None):
    """Generator, a flash write at a time. Cut short, it begins anew with the next start. OSError by a dead flash.

    device: the block device that the file system is on. spares: what keeps erased blocks for it (drivers/erase_ahead.py):
    blocks that littlefs gave up while a contactor was closed still hold what they held until it has erased them.
    """
    empty = bytes(_BUFFER)
    for entry in _entries(files):
        if entry[1] & 0x4000:
            yield from _fill_log(files.path(entry[0]), empty)
    yield from _fill_log(files.root, empty)
    yield from _fill_blocks(files, empty)
    if device is not None:
        _erase_stale(files, device)
        yield
    while spares is not None and spares.stale:
        spares.step()
        yield
    files.delete(MARK)


def _fill_log(folder: str, empty: bytes):
    """Have the log of a folder written anew, twice in each of its pairs of blocks."""
    count = 2 * os.statvfs(folder)[0] // _SMALL + _BLOCKS
    names = [entry[0] for entry in os.ilistdir(folder)] or ["b"]
    for name in names:
        if name.endswith(_END):
            continue
        # just before the name in order, and so in the pair that the name is in
        last = "." if name[-1] == "0" else chr(ord(name[-1]) - 1)
        path = "%s/%s%s~%s" % (folder, name[:-1], last, _END)
        try:
            for number in range(count):
                with open(path, "wb") as file:
                    file.write(memoryview(empty)[: _SMALL - number % 2])
                yield
        finally:
            _remove(path)


def _fill_blocks(files: Files, empty: bytes):
    """Write more than the flash holds."""
    size, count = os.statvfs(files.root)[0], os.statvfs(files.root)[2]
    path = files.path(MARK + _END)
    left = count + count // 4
    while left > 0:
        try:
            with open(path, "wb") as file:
                for _ in range(_BLOCKS):
                    left -= 1
                    for _ in range(size // _BUFFER):
                        file.write(empty)
                    yield
        except OSError as error:
            if error.errno != _ENOSPC:  # a full flash: the few free blocks are those that were just written
                raise
        finally:
            _remove(path)
        yield


def _remove(path: str):
    try:
        os.remove(path)
    except OSError:
        pass  # it was never made, or the flash is dead; the next start removes it


class _Without:
    """The flash as it would be with one block erased. It takes no change."""

    def __init__(self, device, block: int):
        self._device = device
        self._block = block

    def readblocks(self, block, buf, off=0):
        if block != self._block:
            self._device.readblocks(block, buf, off)
            return
        for at in range(len(buf)):
            buf[at] = 0xFF

    def writeblocks(self, block, buf, off=0):
        raise OSError(_EIO)

    def ioctl(self, op, arg):
        if op == _ERASE:
            raise OSError(_EIO)
        return self._device.ioctl(op, arg)


def _erase_stale(files: Files, device):
    """Erase the older one of the first two blocks, if all is there without it."""
    count = bytearray(4)
    counts = []
    for block in (0, 1):
        device.readblocks(block, count, 0)
        counts.append(struct.unpack("<I", count)[0])
    older = 0 if 0 < (counts[1] - counts[0]) & 0xFFFFFFFF < 0x80000000 else 1
    there = sorted([entry[0] for entry in os.ilistdir(files.root)])
    try:
        left = vfs.VfsLfs2(_Without(device, older))  # type: ignore[arg-type] - any object with these three methods
        if sorted([entry[0] for entry in left.ilistdir("/")]) != there:
            return
    except OSError:
        return
    device.ioctl(_ERASE, older)
