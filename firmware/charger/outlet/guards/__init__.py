"""The guards of one outlet, in the order in which they are reported when several are tripped."""

from charger.outlet.guards import cable, electrical, inputs, pilot

ALL = (
    electrical.ResidualCurrent,
    electrical.ResidualSelfTest,
    electrical.Weld,
    electrical.CloseFailure,
    pilot.PilotShort,
    pilot.PilotVoltage,
    pilot.Diode,
    pilot.Ventilation,
    electrical.OverCurrent,
    electrical.Temperature,
    electrical.MeterLost,
    electrical.UnderVoltage,
    electrical.OverVoltage,
    cable.Proximity,
    cable.LockFailure,
    inputs.Tamper,
    inputs.Rails,
    inputs.BoardFault,
    inputs.FaultInput,
    inputs.ReaderLost,
)
