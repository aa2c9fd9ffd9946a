"""A RAM disk, outside of the heap."""

import counting
import vfs


def mount(address, size, place):
    """Format it and mount it."""
    device = counting.Disk(address, size)
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(vfs.VfsLfs2(device), place)
