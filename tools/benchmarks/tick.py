"""The control tick: time and allocation, measured inside the interpreter while a car charges."""

from .inside import run


def rows():
    """Both word sizes; an allocation in a tick ends the measurement with MemoryError."""
    found = []
    for word in (64, 32):
        f = run("inside_tick.py", word)
        found.append((f"Control tick, {word} bit",
                      f"{f['median_us']} us median, {f['p99_us']} us 99 %, {f['worst_us']} us worst"))
        found.append((f"Allocated by control ticks, {word} bit", f"0 bytes: all {f['ticks']:,} ran under heap_lock"))
    return found
