"""Base of the meter drivers: when a reading is valid, energy remainders, power factor, wiring (MET-1, MET-2)."""

from micropython import const

from charger import clock, log
from charger.drivers.meters.calibration import Calibration
from charger.errors import MeterError
from charger.metering.reading import STALE_MS, Reading

_FAILURES = const(5)  # bad answers in a row that make the reading invalid (MET-1)
_REVERSED = const(5)  # measurements in a row with clear export on a charger that cannot export
_REVERSED_MW = const(-50000)
MAX_MV = const(450000)  # beyond these a frame is garbage, however good its checksum
MAX_MA = const(130000)
_POWER_MARGIN_MW = const(100000)  # and a quarter: power, voltage and current are not of the same instant
MAX_W = const(30000)  # energy above the power of any outlet is a fault of a counter or of the bus


def ratio(numerator: int, denominator: int) -> tuple:
    """The fraction in lowest terms, so that products stay small integers where they can."""
    a, b = numerator, denominator
    while b:
        a, b = b, a % b
    return numerator // a, denominator // a


class MeterDriver:
    """Base of the drivers. For others: `kind`, `reading`, start(), poll() and `poll_ms`, how often it wants poll().

    calibration  a Calibration, or None: then the figures are nominal, for protection and display, never valid, and no
                 energy is counted (MET-3)
    options      board data; "export": True for a charger whose car may feed back
    """

    kind = ""
    poll_ms = 200

    def __init__(self, phases: int, calibration, options: dict):
        self.reading = Reading(phases)
        self.calibrated = calibration is not None
        self._cal = calibration or Calibration(self.kind, phases)
        self._export = bool(options.get("export", False))
        self._failures = 0
        self._reversed = 0
        self._rest_in = 0
        self._rest_out = 0

    async def start(self) -> None:
        """Prepare the chip. Does not raise: a failure shows in `reading`, and poll() tries again."""
        self.poll()

    def poll(self) -> None:
        """Run the step that is due and fill `reading`. Never blocks for more than a few ms, never raises for a bad chip."""
        now = clock.ticks_ms()
        try:
            self._work(now)
        except OSError as error:
            self._failed("bus: " + str(error))
        except MeterError as error:
            self._failed(str(error))
        reading = self.reading
        if clock.ticks_diff(now, reading.stamp_ms) > STALE_MS:
            if reading.valid:
                self._invalid("stale")
            elif reading.fault == "starting":
                self._invalid("no answer")

    def _work(self, now: int):
        raise NotImplementedError

    def _failed(self, why: str) -> None:
        """Count a bad answer. The last good one stays valid until five in a row, or until it is stale (MET-1)."""
        self._failures += 1
        if self._failures >= _FAILURES:
            self._failures = _FAILURES
            self._invalid(why)

    def _invalid(self, why: str) -> None:
        reading = self.reading
        reading.valid = False
        reading.publish()
        if reading.fault != why:
            reading.fault = why
            log.warn("meter", self.kind + ": " + why)

    def _measured(self, now: int) -> None:
        """A complete, plausible measurement is in `reading`: derive the power factor and decide on its validity."""
        reading = self.reading
        if self._exceeds_product():
            self._failed("power above voltage times current")
            return
        reading.stamp_ms = now
        self._failures = 0
        backwards = False
        for n in range(reading.phases):
            p_mw = reading.p_mw[n]
            s_mw = reading.v_mv[n] * reading.i_ma[n] // 1000
            pf = p_mw * 1000 // s_mw if s_mw > 0 else 0
            reading.pf_milli[n] = max(-1000, min(1000, pf))
            backwards = backwards or p_mw < _REVERSED_MW
        self._reversed = min(self._reversed + 1, _REVERSED) if backwards and not self._export else 0
        if not self.calibrated:
            self._invalid("not calibrated")
        elif self._reversed == _REVERSED:
            self._invalid("reversed current")  # MET-17, MET-44: a reversed shunt or CT would count no energy
        elif not reading.valid:
            log.info("meter", self.kind + ": valid")
            reading.valid = True
            reading.fault = ""
        reading.publish()

    def _exceeds_product(self) -> bool:
        """True for a power that voltage and current cannot make, which is cut to what they can."""
        reading = self.reading
        exceeds = False
        for n in range(reading.phases):
            s_mw = reading.v_mv[n] * reading.i_ma[n] // 1000
            if abs(reading.p_mw[n]) > s_mw + s_mw // 4 + _POWER_MARGIN_MW:
                reading.p_mw[n] = s_mw if reading.p_mw[n] > 0 else -s_mw
                exceeds = True
        return exceeds

    def _believed(self, units: int, per_ws_milli: int, full_scale: int, since_ms: int, now: int) -> int:
        """Return a counter's step if it is plausible for the time since the last one, else 0 with a line in the log.

        per_ws_milli: units a Ws, times 1000. full_scale: where the counter rolls over; when that much may have passed,
        the step tells nothing.
        """
        passed_ms = clock.ticks_diff(now, since_ms)
        most = MAX_W * (passed_ms + 500) // 1000 * per_ws_milli // 1000
        if most >= full_scale:
            log.warn("meter", "%s: %d ms without a count, energy unknown" % (self.kind, passed_ms))
            return 0
        if abs(units) > most:
            log.warn("meter", "%s: %d counts in %d ms cannot be" % (self.kind, units, passed_ms))
            return 0
        return units

    def _add_energy(self, units: int, numerator: int, denominator: int) -> None:
        """Add units * numerator / denominator mWh to import or, when negative, to export, keeping the remainder.

        The denominator must be the same at each call of a driver: the remainders are counted in it.
        """
        if not self.calibrated:
            return
        reading = self.reading
        if units >= 0:
            total = self._rest_in + units * numerator
            reading.energy_mwh += total // denominator
            self._rest_in = total % denominator
        else:
            total = self._rest_out - units * numerator
            reading.export_mwh += total // denominator
            self._rest_out = total % denominator
