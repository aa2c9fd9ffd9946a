"""Choice of the card reader's driver by board data; only the chosen kind's file is imported.

A driver is a file here with a class CardReader(options): poll() gives the idTag of a card shown since the last call or None,
`failed` is True while only broken frames arrive.
"""


def make(options: dict):
    """The driver for options["kind"], without one "serial_ascii"; ValueError for an unknown kind."""
    kind = options.get("kind", "serial_ascii")
    try:
        return __import__("charger.drivers.readers." + kind, None, None, ("CardReader",)).CardReader(options)
    except ImportError:
        raise ValueError("no reader driver " + kind)
