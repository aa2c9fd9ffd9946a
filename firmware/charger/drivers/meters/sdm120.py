"""Eastron SDM120, a MID meter of one phase: the registers of sdm630.py with L1 alone."""

from micropython import const

from charger.drivers.meters.sdm630 import create  # noqa: F401 - make() takes it from here

_KINDS = const((("sdm120", "uart", 1),))
_OPTIONS = const((("address", 1, 247), ("baudrate", 2400, 38400)))
