"""Frozen in images of the PRODUCT variant alone: there is no console, and an error of the firmware ends in a reset."""
