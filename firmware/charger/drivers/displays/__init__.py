"""Choice of the display's driver by name from board data; only the chosen display's file is imported.

A driver is a file here. It says by data what it can be (_KINDS: name in board data, bus) and which options it has (_OPTIONS,
as a meter's), which tools/board_definition reads. Its function create() makes the driver on this board's buses; what it
makes has ROWS, COLUMNS, show(row, text) and begin(), which raise OSError when the display does not answer.
"""


def make(options: dict):
    """The driver for options["kind"]; ValueError for an unknown kind."""
    kind = options["kind"]
    try:
        create = __import__("charger.drivers.displays." + kind, None, None, ("create",)).create
    except (ImportError, AttributeError):
        raise ValueError("no display driver " + kind)
    from charger.drivers import buses  # memory.unload() unloads it after the start

    return create(options, buses)
