"""An update's way through the engine against the plain cost of reading and hashing as many bytes, in the same run."""

from .inside import run


def rows():
    """A row a word size."""
    found = []
    for word in (64, 32):
        f = run("inside_update.py", word)
        ratio = f["engine_us"] / f["plain_us"]
        rate = f["kib"] * 1000000 / f["engine_us"]
        found.append((f"Update of {f['kib']} KiB: receive, write, hash, read back, {word} bit",
                      f"{rate:.0f} KiB/s, {ratio:.1f} x the cost of reading and hashing it once"))  # fmt: skip
    return found
