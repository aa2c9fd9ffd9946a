# What unit tests check with, inside MicroPython: comparisons that say the values, no-allocation runs, folders.
import os


class Skip(Exception):
    """Raised by a test that cannot run here; the reason is shown."""


def equal(got, wanted, what=""):
    """Fail unless the two are equal, and say both."""
    if got != wanted:
        raise AssertionError("%sgot %r, wanted %r" % (what and str(what) + ": ", got, wanted))


def near(got, wanted, tolerance, what=""):
    """Fail unless got lies within wanted +/- tolerance (same unit)."""
    if not wanted - tolerance <= got <= wanted + tolerance:
        raise AssertionError("%sgot %r, wanted %r +/- %r" % (what and str(what) + ": ", got, wanted, tolerance))


def true(got, what=""):
    """Fail unless got is true, and say what it is."""
    if not got:
        raise AssertionError("%sgot %r" % (what and str(what) + ": ", got))


def raises(exception, function, *args, **kwargs):
    """Call and return the exception of this class that the call raises; fail when it raises none."""
    try:
        result = function(*args, **kwargs)
    except exception as error:
        return error
    raise AssertionError("%s did not raise %s, it returned %r" % (function, exception.__name__, result))


async def raises_async(exception, coroutine):
    """Await and return the exception of this class that comes out; fail when none does."""
    try:
        result = await coroutine
    except exception as error:
        return error
    raise AssertionError("did not raise %s, it returned %r" % (exception.__name__, result))


def no_alloc(function, *args):
    """Call the function (up to three arguments) with the heap locked; fail with its traceback when it allocates.

    Returns what it returns. The arguments are made before the lock. Run such tests on 32-bit too: small integers
    have 31 bits there, so sums that are free on 64-bit allocate.
    """
    import gc
    import io
    import sys

    import micropython

    if len(args) > 3:
        raise ValueError("no_alloc passes at most three arguments")
    gc.collect()
    failure = None
    result = None
    micropython.heap_lock()
    try:
        # Spelt out, because a call with *args allocates.
        if not args:
            result = function()
        elif len(args) == 1:
            result = function(args[0])
        elif len(args) == 2:
            result = function(args[0], args[1])
        else:
            result = function(args[0], args[1], args[2])
    except MemoryError as error:
        failure = error
    while micropython.heap_unlock():
        pass
    if failure is not None:
        text = io.StringIO()
        sys.print_exception(failure, text)
        raise AssertionError("allocates:\n" + text.getvalue())
    return result


_count = 0


def folder():
    """A new empty folder for this test; pytest's temporary folders hold it, so it is cleaned up for you."""
    global _count
    _count += 1
    path = "%s/%d" % (os.getenv("TEST_FOLDER") or "/tmp", _count)
    os.mkdir(path)
    return path
