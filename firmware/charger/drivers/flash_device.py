"""The flash below the file system, for what only the one who overwrites deleted data has to do there."""

import esp32


def find():
    """The block device of the file system, None on a board that has no such partition."""
    try:
        return esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0]
    except (OSError, IndexError):
        return None
