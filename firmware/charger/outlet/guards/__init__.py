"""The guards of one outlet, in the order in which they are reported when several are tripped."""

from charger.outlet.guards import board_inputs, cable_guards, contactor_guards, energy_guards, pilot_guards

TAMPER_REPORT = board_inputs.TAMPER_REPORT
TAMPER_STOP = board_inputs.TAMPER_STOP
TAMPER_LATCH = board_inputs.TAMPER_LATCH
TAMPER_LATCHED = board_inputs.TAMPER_LATCHED

ALL = (
    energy_guards.ResidualCurrent,
    energy_guards.ResidualSelfTest,
    contactor_guards.Weld,
    contactor_guards.PhaseWeld,
    contactor_guards.CloseFailure,
    contactor_guards.PhaseCloseFailure,
    pilot_guards.PilotShort,
    pilot_guards.PilotGenerator,
    pilot_guards.PilotVoltage,
    pilot_guards.Diode,
    pilot_guards.Ventilation,
    energy_guards.OverCurrent,
    energy_guards.Temperature,
    energy_guards.MeterLost,
    energy_guards.UnderVoltage,
    energy_guards.OverVoltage,
    cable_guards.Proximity,
    cable_guards.LockFailure,
    board_inputs.Tamper,
    board_inputs.Rails,
    board_inputs.BoardFault,
    board_inputs.FaultInput,
    contactor_guards.RepeatedOpenings,
    cable_guards.UnlockFailure,
    board_inputs.ReaderLost,
)


def make(outlet: Outlet) -> list:
    """The guards of an outlet: those whose inputs it has."""
    made = [guard() for guard in ALL if not guard.NEEDS or getattr(outlet, guard.NEEDS) is not None]
    for guard in made:
        guard.set_up(outlet)
    return made
