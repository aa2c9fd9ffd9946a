"""Mounting of the flash file system at start-up. A damaged one is formatted only on a person's request."""

import time

import vfs
from micropython import const

MOUNT_POINT = "/"
_ATTEMPTS = const(3)
_PAUSE_MS = const(100)
_PIECE = const(256)
_GET_BLOCK_SIZE = const(5)  # of vfs.AbstractBlockDev.ioctl
_SUPERBLOCKS = (0, 1)  # of littlefs
# Bytes of littlefs's smallest read, 32 by default; it is not on the flash, any file system can be mounted with it. To replace a
# small file takes some 5,000 reads of 32 bytes and some 400 of 128, and each goes through Python; 0.8 KiB of heap for caches.
_READ_SIZE = const(128)


def opened(device: Any):
    """The file system on a device, to be mounted. OSError when it is damaged."""
    # Without times of files, which nothing reads: to replace a file takes two thirds of the time then.
    return vfs.VfsLfs2(device, readsize=_READ_SIZE, mtime=False)


def mount(device: Any) -> bool:
    """Mount the file system; format a blank flash first. False when it is damaged or there is no device."""
    if device is None:
        return False
    for _ in range(_ATTEMPTS):
        try:
            vfs.mount(opened(device), MOUNT_POINT)
            return True
        except OSError:  # damaged, or a failed read; a later one may succeed
            time.sleep_ms(_PAUSE_MS)
    try:
        if not _is_blank(device):
            return False
        make(device)
        return True
    except OSError:
        return False


def read_text(path: str) -> str | None:
    """Read a file of the factory, which has no checksum; None when absent. Other files are read by store/files.py."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def make(device: Any) -> None:
    """Format the flash and mount the file system. OSError by the flash."""
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(opened(device), MOUNT_POINT)


def _is_blank(device: Any) -> bool:
    """True when both superblocks are erased, so the flash never had a file system."""
    erased = b"\xff" * _PIECE
    piece = bytearray(_PIECE)
    for block in _SUPERBLOCKS:
        for at in range(0, device.ioctl(_GET_BLOCK_SIZE, 0), _PIECE):
            device.readblocks(block, piece, at)
            if piece != erased:
                return False
    return True
