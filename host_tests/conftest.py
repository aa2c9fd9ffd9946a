"""What all tests share: the collector of the tests that run inside MicroPython, and what keeps how each test ended."""

from last_run import (  # noqa: F401  (pytest finds hooks by name in this module)
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
