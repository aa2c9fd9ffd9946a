"""Simulated displays. A module has the name of its driver's file and a function fit(world, options), which wires the display.

Each has rows(), what a person reads on it, and `silent`. ON_SIM: names of --set DisplayKind -> board.DISPLAY.
"""

ON_SIM = {
    "SSD1306": {"kind": "ssd1306", "bus": 30, "address": 0x3C},
}


def connect(world, options):
    """The display of board.DISPLAY, fitted; None on a board without one."""
    if options is None:
        return None
    return __import__("sim.displays." + options["kind"], None, None, ("fit",)).fit(world, options)
