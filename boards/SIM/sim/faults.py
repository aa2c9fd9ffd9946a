"""The faults that can be raised, each as something physical that the firmware has to find out by itself.

| name | what happens |
|---|---|
| OtherError | the fault input of the outlet is 1; for connector 0, or none, those of all outlets and of the board |
| GroundFailure | a residual current flows: the monitor trips within 20 ms, and for as long as it flows |
| OverCurrentFailure | the car draws 40 % and 2 A more than the duty allows |
| HighTemperature | the inside heats up to 95 degC, 30 degC a second |
| UnderVoltage, OverVoltage | 165 V and 280 V at this outlet |
| PowerMeterFailure | the meter chip does not answer |
| PowerSwitchFailure | the contacts of the contactor weld, closed |
| ConnectorLockFailure | the bolt jams in the position other than the one it is told to take |
| ReaderFailure | the card reader sends rubbish, by itself and for each card |
| InternalError | the supervisor of the pilot generator's supply says out of range (the rails input is 1) |
| EVCommunicationError | in place of the car there is a resistance that gives about 7.5 V, in no window of CP-5 |
| diode | the car's diode is shorted |
| pilot_short | pilot and PE are shorted |
| pe_lost | the PE conductor of the cable is broken: no current returns, the car cannot be seen |
| tamper | the lid is open |
| contactor_stuck | the contactor does not close |
| leak_in_car | a residual current that flows behind the contactor only: it ends when that opens |
| rcd_dead | the monitor answers neither test nor residual current |
| rcd_stuck | the monitor's output stays tripped |
| ntc_open, ntc_short | the thermistor is broken |
| supply_lost | 0 V at this outlet |

tamper, InternalError and OtherError for connector 0 belong to the whole board.
"""

_HOT_MC = 95000
_OWN_VOLTAGE = {"UnderVoltage": 165000, "OverVoltage": 280000, "supply_lost": 0}


def _flag(part, name):
    """A fault that is one attribute of the outlet, or of a part of it."""

    def set_flag(outlet, on):
        setattr(getattr(outlet, part) if part else outlet, name, on)

    return set_flag


def _other(outlet, on):
    outlet.fault_pin = 1 if on else 0


def _leak_in_car(outlet, on):
    outlet.rcd.behind = outlet.contactor if on else None
    outlet.rcd.leaking = on


def _heat(outlet, on):
    from sim.outlet import AMBIENT_MC

    outlet.target_mc = _HOT_MC if on else AMBIENT_MC


def _voltage(outlet, on):
    outlet.volts_mv = None
    for name in outlet.faults:
        outlet.volts_mv = _OWN_VOLTAGE.get(name, outlet.volts_mv)


def _meter(outlet, on):
    if outlet.meter is not None:
        outlet.meter.dead = on


def _diode(outlet, on):
    outlet.ev.diode = not on


def _short(outlet, on):
    outlet.circuit.short_ohm = 15 if on else 0


def _ntc(outlet, on):
    outlet.ntc_broken = None
    for kind in ("open", "short"):
        if "ntc_" + kind in outlet.faults:
            outlet.ntc_broken = kind


OF_OUTLET = {
    "OtherError": _other,
    "GroundFailure": _flag("rcd", "leaking"),
    "OverCurrentFailure": _flag("ev", "overdraw"),
    "HighTemperature": _heat,
    "UnderVoltage": _voltage,
    "OverVoltage": _voltage,
    "supply_lost": _voltage,
    "PowerMeterFailure": _meter,
    "PowerSwitchFailure": _flag("contactor", "welded"),
    "ConnectorLockFailure": _flag("lock", "jammed"),
    "ReaderFailure": _flag("reader", "broken"),
    "EVCommunicationError": _flag("", "strange_ev"),
    "diode": _diode,
    "pilot_short": _short,
    "pe_lost": _flag("", "pe_lost"),
    "contactor_stuck": _flag("contactor", "stuck"),
    "leak_in_car": _leak_in_car,
    "rcd_dead": _flag("rcd", "dead"),
    "rcd_stuck": _flag("rcd", "stuck"),
    "ntc_open": _ntc,
    "ntc_short": _ntc,
}
OF_BOARD = {"OtherError": "fault", "InternalError": "rails", "tamper": "tamper"}  # name: pin of board.SHARED
