"""The owner's three views of 13 months with three sessions a day: how long each takes to answer, on both word sizes."""

from .inside import run

VIEWS = (("page", "one page of 20 sessions"), ("months", "sums of 13 months"), ("year", "sum of twelve months"))


def rows():
    """A row a view and word size; and what the journals take to open at the start."""
    found = []
    for word in (64, 32):
        f = run("inside_history.py", word)
        for name, words in VIEWS:
            found.append((f"History of {f['sessions']} sessions: {words}, {word} bit", f"{f[name + '_us'] / 1000:.1f} ms"))
        found.append((f"Opening that history after a power cut, {word} bit", f"{f['open_us'] / 1000:.1f} ms"))
    return found
