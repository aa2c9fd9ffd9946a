"""Modules that are in RAM only while they are needed: who needs one imports it there and then, and gives it back here."""

import gc
import sys


def drop(*names: str) -> None:
    """Give the memory of modules back. Who still uses one keeps it; the next import reads it anew."""
    dropped = False
    for name in names:
        package, _, last = name.rpartition(".")
        if sys.modules.pop(name, None) is not None:
            dropped = True
            parent = sys.modules.get(package)  # it may have been dropped itself
            if hasattr(parent, last):
                delattr(parent, last)
    if dropped:
        gc.collect()
