"""Measurands: those that the charger supports (OCPP-97), and a reading as OCPP SampledValues (OCPP-93 to 95).

A name in a configuration list is a measurand, optionally with a phase: "Voltage.L1" or "Voltage.L1-N" (OCPP-94).
"""

ENERGY = "Energy.Active.Import.Register"

_KNOWN = {  # measurand: its unit; frequency and power factor have none (OCPP-95)
    ENERGY: "Wh",
    "Power.Active.Import": "W",
    "Current.Import": "A",
    "Voltage": "V",
    "Current.Offered": "A",
    "Power.Offered": "W",
    "Frequency": None,
    "Power.Factor": None,
    "Temperature": "Celsius",
}


def split(name: str) -> tuple:
    """Split "Voltage.L1-N" to ("Voltage", 1); the phase is 0 for none, -1 for an invalid one."""
    if name in _KNOWN:
        return name, 0
    measurand, _, last = name.rpartition(".")
    if not last.startswith("L") or measurand not in _KNOWN:
        return name, 0
    if last.endswith("-N"):
        if measurand != "Voltage":
            return measurand, -1
        last = last[:-2]
    if last in ("L1", "L2", "L3"):
        return measurand, int(last[1])
    return measurand, -1


def supported(name: str, phases: int) -> bool:
    """True for a measurand (with or without a phase) that a unit with that many phases supports."""
    measurand, phase = split(name)
    if measurand not in _KNOWN:
        return False
    return phase == 0 or (
        measurand in ("Power.Active.Import", "Current.Import", "Voltage", "Power.Factor") and 0 < phase <= phases
    )


def sampled(names: list, connector, context: str) -> list:
    """Return SampledValues of one connector for a list of names; only the register without a valid reading."""
    values = []
    for name in names:
        measurand, phase = split(name)
        if measurand in _KNOWN:  # the factory's list may name unsupported ones
            _append(values, measurand, phase, connector, context)
    return values


def energy(total_wh: int, context: str) -> dict:
    """Return the register as a SampledValue."""
    return _value(str(total_wh), context, ENERGY, None)


def _append(values: list, measurand: str, phase: int, connector: Connector, context: str) -> None:
    outlet = connector.outlet
    reading = connector.meter.reading
    text = None
    if measurand == ENERGY:
        text = str(connector.meter.reported_wh())
    elif measurand == "Current.Offered":
        text = _fixed(outlet.offered_da, 1)
    elif measurand == "Power.Offered":
        volts = connector.settings.supply_volts  # nominal, as in the profiles that decide it (OCPP-106)
        text = str(outlet.offered_da * volts * outlet.phases // 10)
    elif measurand == "Temperature":
        thermometer = outlet.thermometer
        if thermometer is not None and thermometer.valid:
            text = _fixed(thermometer.value_dc, 1)
    elif not reading.valid:
        return
    elif measurand == "Frequency":
        if reading.f_mhz:
            text = _fixed(reading.f_mhz // 10, 2)
    elif measurand == "Power.Active.Import" and phase == 0:
        text = str(max(0, reading.total_mw()) // 1000)
    else:
        _append_phases(values, measurand, phase, reading, context)
    if text is not None:
        values.append(_value(text, context, measurand, None))


def _append_phases(values: list, measurand: str, phase: int, reading: Any, context: str) -> None:
    for index in range(reading.connected):
        if phase in (0, index + 1):
            name = "L%d" % (index + 1)
            if measurand == "Voltage":
                text, name = _fixed(reading.v_mv[index] // 100, 1), name + "-N"
            elif measurand == "Current.Import":
                text = _fixed(reading.i_ma[index] // 10, 2)
            elif measurand == "Power.Factor":
                text = _fixed(abs(reading.pf_milli[index]), 3)
            else:
                text = str(max(0, reading.p_mw[index]) // 1000)
            values.append(_value(text, context, measurand, name))


def _fixed(scaled: int, digits: int) -> str:
    """Format a scaled integer as a decimal: 2304, 1 -> "230.4"."""
    text = "%0*d" % (digits + (2 if scaled < 0 else 1), scaled)
    return text[:-digits] + "." + text[-digits:]


def _value(text: str, context: str, measurand: str, phase: Any) -> dict:
    """Make a SampledValue; `value` is always a string (SCH-9)."""
    location = "Body" if measurand == "Temperature" else "Outlet"
    value = {"value": text, "context": context, "measurand": measurand, "location": location}
    unit = _KNOWN[measurand]
    if unit is not None:
        value["unit"] = unit
    if phase is not None:
        value["phase"] = phase
    return value
