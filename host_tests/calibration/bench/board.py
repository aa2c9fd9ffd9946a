"""A unit on a test rig, for the tests of tools/calibrate.py: two outlets, one ADE7953 each, a rig set by a file."""

import os

from sim import timebase

timebase.manual()  # seconds of measuring pass at once

FLASH_ROOT = os.getenv("BENCH_FLASH")
OUTLETS = ({"meter": ("ade7953_i2c", {"bus": 1})}, {"meter": ("ade7953_i2c", {"bus": 2})})
