"""Metering: readings, the energy register, sessions and their history. No network, no driver."""
