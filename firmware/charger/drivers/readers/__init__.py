"""Choice of the card reader's driver by name from board data; only the chosen reader's file is imported.

A driver is a file here with a subclass of polled_reader.PolledReader. It says by data what it can be (_KINDS: name in board
data, bus) and which options it has (_OPTIONS, as a meter's), which tools/board_definition reads. Its function create()
makes the driver on this board's buses.
"""

_BUSES = ("_i2c", "_uart")


def make(options: dict):
    """The driver for options["kind"], without one "serial_ascii"; ValueError for an unknown kind.

    options  the board's data for this reader: bus numbers and pins, and what the driver's file lists
    """
    kind = options.get("kind", "serial_ascii")
    name = kind
    for bus in _BUSES:
        if name.endswith(bus):
            name = name[: -len(bus)]
    try:
        create = __import__("charger.drivers.readers." + name, None, None, ("create",)).create
    except (ImportError, AttributeError):
        raise ValueError("no reader driver " + kind)
    from charger.drivers import buses  # not at the top: unit tests of one driver import no machine

    return create(kind, options, buses)
