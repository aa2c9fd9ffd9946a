"""Measurands: those that the charger supports (OCPP-97), and a reading as OCPP SampledValues (OCPP-93 to 95).

A name in a configuration list is a measurand, optionally with a phase: "Voltage.L1" or "Voltage.L1-N" (OCPP-94).
"""

ENERGY = "Energy.Active.Import.Register"

# unit, followed by p when the measurand exists per phase
_KNOWN = {
    ENERGY: "Wh",
    "Power.Active.Import": "W p",
    "Current.Import": "A p",
    "Voltage": "V p",
    "Current.Offered": "A",
    "Power.Offered": "W",
    "Frequency": "",
    "Power.Factor": " p",
    "Temperature": "Celsius",
}


def split(name: str) -> tuple:
    """Split "Voltage.L1-N" to ("Voltage", 1); the phase is 0 for none, -1 for an invalid one."""
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
    return phase == 0 or (_KNOWN[measurand].endswith("p") and 0 < phase <= phases)


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
    if measurand == ENERGY:
        values.append(energy(connector.meter.reported_wh(), context))
        return
    outlet = connector.outlet
    reading = connector.meter.reading
    if measurand == "Current.Offered":
        values.append(_value(_fixed(outlet.offered_da, 1), context, measurand, None))
    elif measurand == "Power.Offered":
        volts = connector.settings.supply_volts  # nominal, as in the profiles that decide it (OCPP-106)
        values.append(_value(str(outlet.offered_da * volts * outlet.phases // 10), context, measurand, None))
    elif measurand == "Temperature":
        thermometer = outlet.thermometer
        if thermometer is not None and thermometer.valid:
            values.append(_value(_fixed(thermometer.value_dc, 1), context, measurand, None))
    elif reading.valid:
        _append_read(values, measurand, phase, reading, context)


def _append_read(values: list, measurand: str, phase: int, reading: Any, context: str) -> None:
    if measurand == "Frequency":
        if reading.f_mhz:
            values.append(_value(_fixed(reading.f_mhz // 10, 2), context, measurand, None))
        return
    if measurand == "Power.Active.Import" and phase == 0:
        values.append(_value(str(max(0, reading.total_mw()) // 1000), context, measurand, None))
        return
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
    sign = "-" if scaled < 0 else ""
    text = str(abs(scaled))
    text = "0" * (digits + 1 - len(text)) + text
    return sign + text[:-digits] + "." + text[-digits:]


def _value(text: str, context: str, measurand: str, phase: Any) -> dict:
    """Make a SampledValue; `value` is always a string (SCH-9), frequency and power factor have no unit (OCPP-95)."""
    value = {"value": text, "context": context, "measurand": measurand, "location": "Outlet"}
    unit = _KNOWN[measurand].split(" ")[0]
    if unit:
        value["unit"] = unit
    if phase is not None:
        value["phase"] = phase
    if measurand == "Temperature":
        value["location"] = "Body"
    return value
