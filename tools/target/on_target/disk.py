"""A RAM disk for the tests' files, outside of the heap."""

import uctypes
import vfs

_BLOCK = 4096


class Disk:
    """A block device over memory that nothing else uses."""

    def __init__(self, address, size):
        self._memory = memoryview(uctypes.bytearray_at(address, size))
        self._blocks = size // _BLOCK

    def readblocks(self, block, buf, off=0):
        """Copy out."""
        start = block * _BLOCK + off
        buf[:] = self._memory[start : start + len(buf)]

    def writeblocks(self, block, buf, off=0):
        """Copy in."""
        start = block * _BLOCK + off
        self._memory[start : start + len(buf)] = buf

    def ioctl(self, op, arg):
        """Number of blocks (4), size of one (5), erase (6)."""
        if op == 4:
            return self._blocks
        return _BLOCK if op == 5 else 0


def mount(address, size, place):
    """Format it and mount it."""
    device = Disk(address, size)
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(vfs.VfsLfs2(device), place)
