"""Counts instructions of calls and prints them, one line each: count.py reads them."""

import gc

import counting

_WARM = 16

_own = 0


def _nothing():
    pass


def begin():
    """Start. First collect, so that a count does not depend on the garbage of what ran before.

    The allocator then looks for a free block from the start of the heap again, which costs as much as many calls; that
    search is not counted, nor is it part of most calls on a board.
    """
    gc.collect()
    for _ in range(_WARM):
        object()
    counting.begin()


def end(name):
    """Print what was counted since begin()."""
    counted = counting.end()
    print("count", name, counted - _own)


def call(name, function, *arguments):
    """Count one call."""
    begin()
    function(*arguments)
    end(name)


def calibrate():
    """Take off from now on what begin(), end() and an empty call cost."""
    global _own
    for _ in range(3):
        begin()
        _nothing()
        _own = _ended()


def _ended():
    counted = counting.end()
    return counted  # noqa: RET504 - as end() does it


calibrate()
