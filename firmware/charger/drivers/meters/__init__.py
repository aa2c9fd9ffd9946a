"""Choice of the meter driver by name from board data; only the chosen chip's file is imported.

A driver is a file here. It says by data what it can be (_KINDS: name in board data, bus, phases) and which options it has
(_OPTIONS: name, lowest and highest value; or name and the texts allowed), which tools/board_definition reads; both are
constants that take no memory. Its function create() makes the driver on this board's buses.
"""

_BUSES = ("_i2c", "_spi")


def make(kind: str, options: dict, calibration: dict | None = None):
    """The driver for `kind` on this board's buses; ValueError for an unknown kind.

    options      the board's data for this meter: bus numbers and pins, and what the driver's file lists
    calibration  the unit's entry out of calibration.json (calibration.entry_of), or None: then the meter never becomes
                 valid (MET-3). A damaged or foreign entry counts as none, and the log says why.
    """
    name = kind[:-4] if kind[-4:] in _BUSES else kind
    try:
        create = __import__("charger.drivers.meters." + name, None, None, ("create",)).create
    except (ImportError, AttributeError):
        raise ValueError("no meter driver " + kind)
    from charger.drivers.meters import buses  # memory.unload() unloads it after the start

    return create(kind, options, calibration, buses)
