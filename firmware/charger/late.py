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
            if hasattr(sys.modules[package], last):
                delattr(sys.modules[package], last)
    if dropped:
        gc.collect()
