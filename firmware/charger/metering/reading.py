"""What every meter driver fills and everybody else reads: one measurement as plain, preallocated integers (MET-1)."""

from micropython import const

from charger import clock

STALE_MS = const(2000)  # an older measurement counts as none (MET-1)


class Reading:
    """The latest measurement of one outlet's meter. The driver writes it in place; nobody else does, but for take().

    phases      how many entries of the lists are in use (1 or 3)
    v_mv        voltage to neutral, mV RMS
    i_ma        current, mA RMS, never negative
    p_mw        real power, mW; negative means export
    pf_milli    power factor, 0.001, with the sign of the power
    f_mhz       mains frequency, 0.001 Hz; 0 where the front end cannot tell
    energy_mwh  imported energy since the last take_energy(); export_mwh the same for export
    stamp_ms    clock.ticks_ms() of the measurement
    valid       False while the figures must not be used for billing or protection; then `fault` says why
    fault       '' or a few words: starting, not calibrated, no answer, checksum, bus, stale, reversed current, ...
    protection  what the guards of the control tick read: None while not valid, else one tuple of the last complete
                measurement, (highest current mA, lowest voltage mV, highest voltage mV, stamp_ms). The lists are filled
                step by step, and the tick may run between two steps; publish() replaces the tuple by one assignment.
    """

    def __init__(self, phases: int = 1) -> None:
        self.phases = phases
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

    def publish(self) -> None:
        """Show the guards the measurement that is complete now, or none while it is not valid."""
        if not self.valid:
            self.protection = None
            return
        worst_ma = high_mv = 0
        low_mv = self.v_mv[0]
        for n in range(self.phases):
            worst_ma = max(worst_ma, self.i_ma[n])
            low_mv = min(low_mv, self.v_mv[n])
            high_mv = max(high_mv, self.v_mv[n])
        self.protection = (worst_ma, low_mv, high_mv, self.stamp_ms)

    def usable(self) -> bool:
        """Whether the figures may be relied on now: valid, and not older than 2 s (MET-1). Allocates nothing."""
        return self.valid and clock.ticks_diff(clock.ticks_ms(), self.stamp_ms) <= STALE_MS

    def age_ms(self) -> int:
        """Milliseconds since the measurement (right for 6 days on 32-bit boards)."""
        return clock.ticks_diff(clock.ticks_ms(), self.stamp_ms)

    def total_mw(self) -> int:
        """Real power of all phases, mW."""
        return self.p_mw[0] + self.p_mw[1] + self.p_mw[2]

    def take_energy(self) -> int:
        """Imported energy in mWh since the last call. One taker only: the energy register (MET-14)."""
        energy = self.energy_mwh
        self.energy_mwh = 0
        return energy

    def take_export(self) -> int:
        """Exported energy in mWh since the last call."""
        energy = self.export_mwh
        self.export_mwh = 0
        return energy
