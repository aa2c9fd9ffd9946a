"""The co-processor's program: its source for a board, assembled by micropython-esp32-ulp, which runs in MicroPython."""
