"""Tests that run inside MicroPython, reported to pytest one by one."""
