"""Shared by all tests: the collector of the tests that run inside MicroPython, their order, and how each test ended."""

import os
import signal

os.environ.setdefault("PILOTLIGHT_PATIENCE", "4")  # backend.waiting reads it

from file_order import pytest_collection_modifyitems  # noqa: F401  (pytest finds hooks by name in this module)
from last_run import (  # noqa: F401
    pytest_collectreport,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)

from mpy.plugin import (  # noqa: F401
    pytest_configure,
    pytest_pycollect_makemodule,
    pytest_runtest_teardown,
    pytest_unconfigure,
)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so would what tests start
