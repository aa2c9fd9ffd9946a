"""Overwriting of deleted data: littlefs leaves a deleted file's bytes in its blocks until they are used again.

Small files are in their folder's log, a pair of blocks. When one block is full, the valid entries move to the other, so filling
the log twice leaves no old data in either. A folder with many files has several pairs, each for a range of names in sorted
order, so a temporary file beside each name fills its pair.

Larger files have their own blocks. littlefs allocates free blocks in turn over the whole flash, so writing 125 % of the
flash's size, a few blocks at a time, reaches each free block, also when other tasks write meanwhile. The written files
are deleted at once, so that other tasks always have space.

Neither method reaches one block: after some hundred rewrites of the root's log littlefs moves the log away from the first
two blocks, and the older of these keeps the old log. _erase_stale() erases it after a test that littlefs works without it.

Cost: one or two erases of each free block, two erases of a folder's pair for each of its files (a block bears 100,000), and
a kilobyte of heap.
"""

import os
import struct

import vfs
from micropython import const

from charger.store import file_system
from charger.store.files import Files

MARK = "scrub"  # exists while there is work to do, so that a restart continues it
_END = ".new"  # files with this ending are removed at each start
_BLOCKS = const(8)  # blocks in use at a time
_SMALL = const(120)  # bytes: a file of this size is in its folder's log
_BUFFER = const(512)
_ENOSPC = const(28)
_EIO = const(5)
_ERASE = const(6)  # of vfs.AbstractBlockDev.ioctl


def request(files: Files) -> None:
    """Request the overwriting; the request is on flash when this returns. OSError."""
    files.write(MARK, b"1")


def _entries(files: Files) -> list:
    """List the root, without the file systems mounted below it."""
    mounted = [point for _, point in vfs.mount()]  # type: ignore[call-arg] - without arguments it lists
    return [entry for entry in os.ilistdir(files.root) if files.root + "/" + entry[0] not in mounted]


def delete_but(files: Files, kept: Any) -> None:
    """Delete every file and folder of the root but these. OSError."""
    for entry in _entries(files):
        if entry[0] not in kept:
            (files.delete_folder if entry[1] & 0x4000 else files.delete)(entry[0])


def run(files: Files, device: Any | None = None, spares: Any | None = None) -> Iterator:
    """Generator that yields between flash writes. After an interruption the next start repeats it. OSError.

    device: the file system's block device. spares: the EraseAhead that keeps erased blocks for it: blocks that littlefs
    released while a contactor was closed keep their data until they are erased.
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


def _fill_log(folder: str, empty: bytes) -> Iterator:
    """Make littlefs rewrite a folder's log twice in each of its pairs of blocks."""
    count = 2 * os.statvfs(folder)[0] // _SMALL + _BLOCKS
    names = [entry[0] for entry in os.ilistdir(folder)] or ["b"]
    for name in names:
        if name.endswith(_END):
            continue
        # sorts just before the name, so it is in the same pair
        last = "." if name[-1] == "0" else chr(ord(name[-1]) - 1)
        path = "%s/%s%s~%s" % (folder, name[:-1], last, _END)
        try:
            for number in range(count):
                with open(path, "wb") as file:
                    file.write(memoryview(empty)[: _SMALL - number % 2])
                yield
        finally:
            _remove(path)


def _fill_blocks(files: Files, empty: bytes) -> Iterator:
    """Write more than the flash's size."""
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
            if error.errno != _ENOSPC:  # flash full: the remaining free blocks are those just written
                raise
        finally:
            _remove(path)
        yield


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass  # never created, or the flash failed; the next start removes it


class _Without:
    """A read-only view of the flash with one block erased."""

    def __init__(self, device: Any, block: int):
        self._device = device
        self._block = block

    def readblocks(self, block: int, buf: Any, off: int = 0) -> None:
        if block != self._block:
            self._device.readblocks(block, buf, off)
            return
        for at in range(len(buf)):
            buf[at] = 0xFF

    def writeblocks(self, block: int, buf: Any, off: int = 0) -> None:
        raise OSError(_EIO)

    def ioctl(self, op: int, arg: Any) -> int | None:
        if op == _ERASE:
            raise OSError(_EIO)
        return self._device.ioctl(op, arg)


def _erase_stale(files: Files, device: Any) -> None:
    """Erase the older of the first two blocks if the file system is complete without it."""
    count = bytearray(4)
    counts = []
    for block in (0, 1):
        device.readblocks(block, count, 0)
        counts.append(struct.unpack("<I", count)[0])
    older = 0 if 0 < (counts[1] - counts[0]) & 0xFFFFFFFF < 0x80000000 else 1
    there = sorted([entry[0] for entry in os.ilistdir(files.root)])
    try:
        left = file_system.opened(_Without(device, older))
        if sorted([entry[0] for entry in left.ilistdir("/")]) != there:
            return
    except OSError:
        return
    device.ioctl(_ERASE, older)
