"""Eastron SDM120: the meter of sdm630.py with one phase."""

from sim.chips.sdm630 import fit  # noqa: F401 - front_ends.connect() takes it from here
