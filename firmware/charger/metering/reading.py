"""One measurement of a meter driver as preallocated integers (MET-1)."""

from micropython import const

from charger import clock

NOT_CALIBRATED = "not calibrated"  # the fault of figures that are nominal
STALE_MS = const(2000)  # an older measurement is invalid (MET-1)


class Reading:
    """The latest measurement of one outlet's meter. Only the driver writes it, except for take_energy() and take_export().

    phases      how many entries of the lists are in use (1 or 3)
    connected   how many of them the unit is connected to; a missing voltage on the others is no fault, their current counts
    v_mv        voltage to neutral, mV RMS
    i_ma        current, mA RMS, never negative
    p_mw        real power, mW; negative means export
    pf_milli    power factor, 0.001, with the sign of the power
    f_mhz       mains frequency, 0.001 Hz; 0 when the front end does not measure it
    energy_mwh  imported energy since the last take_energy(); export_mwh the same for export
    stamp_ms    clock.ticks_ms() of the measurement
    valid       False while the values must not be used for billing or protection; `fault` is the reason
    fault       '' or a few words: starting, not calibrated, no answer, checksum, bus, stale, reversed current, ...
    protection  values for the guards of the control tick: None while not valid, else one tuple of the last complete
                measurement, (highest current mA, lowest voltage mV, highest voltage mV, stamp_ms). The lists are filled
                step by step, and the tick may run between two steps; publish() replaces the tuple by one assignment.
    """

    def __init__(self, phases: int = 1) -> None:
        self.phases = self.connected = phases
        self.v_mv = [0, 0, 0]
        self.i_ma = [0, 0, 0]
        self.p_mw = [0, 0, 0]
        self.pf_milli = [0, 0, 0]
        self.f_mhz = 0
        self.energy_mwh = 0
        self.export_mwh = 0
        self.stamp_ms = clock.ticks_ms()
        self.valid = False
        self.fault = "starting"
        self.protection: tuple | None = None

    def connect(self, phases: int) -> None:
        """Set how many phases the unit is connected to (ConnectedPhases)."""
        self.connected = min(phases, self.phases)

    def publish(self) -> None:
        """Set `protection` from the measurement, which is complete now; None while it is not valid."""
        if not self.valid:
            self.protection = None
            return
        worst_ma = high_mv = 0
        low_mv = self.v_mv[0]
        for n in range(self.phases):
            worst_ma = max(worst_ma, self.i_ma[n])
            if n < self.connected:
                low_mv = min(low_mv, self.v_mv[n])
            high_mv = max(high_mv, self.v_mv[n])
        self.protection = (worst_ma, low_mv, high_mv, self.stamp_ms)

    def usable(self) -> bool:
        """True when the values are valid and not older than 2 s (MET-1). Allocates nothing."""
        return self.valid and clock.ticks_diff(clock.ticks_ms(), self.stamp_ms) <= STALE_MS

    def age_ms(self) -> int:
        """Return the milliseconds since the measurement (correct for 6 days on 32-bit boards)."""
        return clock.ticks_diff(clock.ticks_ms(), self.stamp_ms)

    def total_mw(self) -> int:
        """Return the real power of all phases, mW."""
        return self.p_mw[0] + self.p_mw[1] + self.p_mw[2]

    def take_energy(self) -> int:
        """Return the imported energy in mWh since the last call. Called only by the energy register (MET-14)."""
        energy = self.energy_mwh
        self.energy_mwh = 0
        return energy

    def take_export(self) -> int:
        """Return the exported energy in mWh since the last call."""
        energy = self.export_mwh
        self.export_mwh = 0
        return energy
