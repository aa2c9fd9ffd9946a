"""Simulated card readers. A module has the name of its driver's file and a function fit(place), which wires the reader.

Each has swipe(token), lay(token, every_ms), lift(), send(data) and `broken`, the fault ReaderFailure.
ON_SIM: names of --set ReaderKind -> (driver, options to which each outlet's number is added, options that all outlets share).
"""

ON_SIM = {
    "serial": ("serial_ascii", {"uart": 0}, {}),
    "PN532": ("pn532_i2c", {"bus": 20}, {"address": 0x24}),
    "PN532-UART": ("pn532_uart", {"uart": 20}, {}),
    "RC522": ("rc522", {"bus": 20, "cs": 70}, {}),
}


def connect(place):
    """Give the outlet its reader `outlet.reader`: the one of the driver's name fits itself."""
    name = place.kind
    for bus in ("_i2c", "_uart"):
        if name.endswith(bus):
            name = name[: -len(bus)]
    module = __import__("sim.readers." + name, None, None, ("fit",))
    place.outlet.reader = module.fit(place)
