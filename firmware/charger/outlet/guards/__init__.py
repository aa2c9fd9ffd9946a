"""The guards of one outlet, in the order in which they are reported when several are tripped, and a tick's step of all."""

from charger.outlet.guards import board_inputs, cable_guards, contactor_guards, energy_guards, pilot_guards

TAMPER_REPORT = board_inputs.TAMPER_REPORT
TAMPER_STOP = board_inputs.TAMPER_STOP
TAMPER_LATCH = board_inputs.TAMPER_LATCH
TAMPER_LATCHED = board_inputs.TAMPER_LATCHED

ALL = (
    energy_guards.ResidualCurrent,  # the first one, where there is such a device: Outlet.latch_trip(), trip_changed()
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


def step(outlet: Outlet, acknowledged: bool) -> None:
    """Step all of them in a tick. The first tripped one of the list is reported; any that blocks keeps the energy off.

    acknowledged  the owner has asked for the latches to be cleared
    """
    outlet.fault = outlet.blocker = None
    outlet.easing = False
    for guard in outlet.guards:
        if guard.danger(outlet):
            guard.step_present(outlet)
        elif guard.active:
            guard.step_gone(outlet)
        else:
            continue
        if guard.tripped and not (acknowledged and guard.acknowledge(outlet)):
            _apply(outlet, guard)


def _apply(outlet: Outlet, guard: Guard) -> None:
    """Note what a tripped guard demands: report, keep the energy off, or let the car stop first."""
    if outlet.fault is None:
        outlet.fault = guard
    if not guard.BLOCKS:
        return
    eases = guard.soft and outlet.contactor.commanded
    if outlet.blocker is None or not (eases or outlet.blocked):
        outlet.blocker = guard  # the first one; one that opens at once before those that let the car stop
    if eases:
        outlet.easing = True
    else:
        outlet.blocked = True


def can_clear(outlet: Outlet) -> bool:
    """True when an acknowledgement would leave no guard tripped."""
    for guard in outlet.guards:
        if guard.tripped and guard.is_present(outlet):
            return False
    return True
