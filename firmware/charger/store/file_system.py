"""Mounting of the flash file system at start-up. A damaged one is never formatted without somebody's order."""

import time

import vfs
from micropython import const

MOUNT_POINT = "/"
_ATTEMPTS = const(3)
_PAUSE_MS = const(100)
_PIECE = const(256)
_GET_BLOCK_SIZE = const(5)  # of vfs.AbstractBlockDev.ioctl
_SUPERBLOCKS = (0, 1)  # of littlefs


def mount(device) -> bool:
    """Mount the file system, made before if the flash was never written. False when it is damaged or there is no device."""
    if device is None:
        return False
    for _ in range(_ATTEMPTS):
        try:
            vfs.mount(device, MOUNT_POINT)
            return True
        except OSError:  # damaged, or a read that failed: a later one may succeed
            time.sleep_ms(_PAUSE_MS)
    try:
        if not _is_blank(device):
            return False
        make(device)
        return True
    except OSError:
        return False


def read_text(path: str) -> str | None:
    """A file that the factory wrote, as it is, or None when there is none; everything else is read by store/files.py."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def make(device) -> None:
    """Make an empty file system, whatever was there, and mount it. OSError by the flash."""
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(vfs.VfsLfs2(device), MOUNT_POINT)


def _is_blank(device) -> bool:
    """True when both superblocks are erased: a flash on which there never was a file system."""
    erased = b"\xff" * _PIECE
    piece = bytearray(_PIECE)
    for block in _SUPERBLOCKS:
        for at in range(0, device.ioctl(_GET_BLOCK_SIZE, 0), _PIECE):
            device.readblocks(block, piece, at)
            if piece != erased:
                return False
    return True
