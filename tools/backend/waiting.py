"""Waiting on a condition with a deadline, and saying on failure what was waited for."""

import os
import threading
import time

# Time-outs are those of a machine with nothing else to do; the tests, which share theirs, set a factor.
PATIENCE = float(os.environ.get("PILOTLIGHT_PATIENCE", "1"))


class WaitTimeout(AssertionError):
    """A condition did not come true in time; an AssertionError, so that pytest reports it as the failed check it is."""


def wait_until(condition, timeout_s, what, interval_s=0.02, state=None):
    """Return the first true value of condition(); WaitTimeout after timeout_s times PATIENCE, with state() in its words."""
    deadline = time.monotonic() + timeout_s * PATIENCE
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            seen = f"; at the end: {state()}" if state else ""
            raise WaitTimeout(f"{what}: not within {timeout_s:g} s{seen}")
        pause.wait(interval_s)
