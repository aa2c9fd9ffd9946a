"""Facts for the end-of-line test that the firmware's own report does not have. hil_agent has started the firmware."""

import board
from hil_agent import tell


def facts() -> None:
    """Print the identity of the unit, the limits of its board data, and whether its meters are calibrated."""
    from charger import app, version
    from charger.drivers.meters import calibration

    wiring = board.OUTLETS[0]
    stored = app.current.files.read_json(calibration.FILE, None)
    tell({
        "board": board.NAME, "serial": board.DEVICE["serial"], "firmware": version.VERSION,
        "provisioned": app.current.provisioned, "max_da": wiring["max_da"], "phases": wiring["phases"],
        "open_ms": wiring["contactor"]["open_ms"], "outlets": len(board.OUTLETS),
        "calibrated": [calibration.entry_of(stored, n + 1) is not None for n in range(len(board.OUTLETS))],
    })  # fmt: skip


def sensors() -> None:
    """Print the first outlet's meter (mV, mA, mW of each phase) and temperature (0.1 degC, None without a sensor)."""
    from charger import app

    outlet = app.current.outlets[0]
    reading = app.current.connectors[0].meter.reading
    if outlet.thermometer is not None:
        outlet.thermometer.read()
    tell({
        "valid": reading.valid, "fault": reading.fault, "v_mv": list(reading.v_mv), "i_ma": list(reading.i_ma),
        "p_mw": list(reading.p_mw), "temperature_dc": outlet.thermometer and outlet.thermometer.value_dc,
    })  # fmt: skip


def networks() -> None:
    """Print [name, RSSI in dBm] of the networks in range."""
    from charger.net import wifi

    wifi.turn_on()
    tell([[_text(name), rssi] for name, _, _, rssi, _, _ in wifi.station().scan()])


def _text(name: bytes) -> str:
    """A network's name; "" for one that is not UTF-8, as a neighbour's may be."""
    try:
        return name.decode()
    except UnicodeError:
        return ""
