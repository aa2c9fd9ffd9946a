"""What all tests share: the collector of the tests that run inside MicroPython."""

from mpy.plugin import (  # noqa: F401  (pytest finds hooks by name in this module)
    pytest_configure,
    pytest_pycollect_makemodule,
    pytest_runtest_teardown,
    pytest_unconfigure,
)
