"""The end-of-line test of a unit: its steps, their limits, the report."""
