"""Base of the meter drivers: when a reading is valid, energy remainders, power factor, wiring (MET-1, MET-2)."""

from micropython import const

from charger import clock, log
from charger.drivers.meters.calibration import Calibration
from charger.errors import MeterError
from charger.metering.reading import NOT_CALIBRATED, STALE_MS, Reading

_FAILURES = const(5)  # bad answers in a row that make the reading invalid (MET-1)
_REVERSED = const(5)  # measurements in a row with clear export on a charger that cannot export
_REVERSED_MW = const(-50000)
_MAX_MV = const(450000)  # beyond these a frame is garbage, however good its checksum
_MAX_MA = const(130000)
_POWER_MARGIN_MW = const(100000)  # and a quarter: power, voltage and current are not of the same instant
_JUMP_MA = const(10000)  # a current that rises by this without its power is doubted once
_SAME_MOST = const(300)  # equal measurements in a row; one under load counts for _SAME_LOADED
_SAME_LOADED = const(6)
_LOADED_MA = const(1000)
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

    def __init__(self, phases: int, calibration: Calibration | None, options: dict):
        self.reading = Reading(phases)
        self.calibrated = calibration is not None
        self._cal = calibration or Calibration(self.kind, phases)
        self._export = bool(options.get("export", False))
        self._failures = 0
        self._reversed = 0
        self._last_ma = [0, 0, 0]
        self._doubted = False
        self._mark = self._same = 0
        self._counter: int | None = None  # of a counter that wraps, as it was believed last, and one that was not
        self._odd_counter: int | None = None
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

    def _work(self, now: int) -> None:
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
        if self._is_frozen():
            self._invalid("frozen")
            return
        why = self._unbelievable()
        if why:
            self._failed(why)
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
            self._invalid(NOT_CALIBRATED)
        elif self._reversed == _REVERSED:
            self._invalid("reversed current")  # MET-17, MET-44: a reversed shunt or CT would count no energy
        elif not reading.valid:
            log.info("meter", self.kind + ": valid")
            reading.valid = True
            reading.fault = ""
        reading.publish()

    @staticmethod
    def _check_range(v_mv: int, i_ma: int) -> None:
        """Refuse, with MeterError, a voltage or a current that no outlet has, before anything of the answer counts."""
        if v_mv > _MAX_MV or i_ma > _MAX_MA:
            raise MeterError("implausible")

    def _unbelievable(self) -> str:
        """Why the measurement counts as none, or ""."""
        if self._exceeds_product():
            return "power above voltage times current"
        return "current without power" if self._jumps() else ""

    def _jumps(self) -> bool:
        """True for the first measurement in which a current rises steeply without power, which is taken back."""
        reading, last_ma = self.reading, self._last_ma
        jumps = False
        for n in range(reading.phases):
            i_ma = reading.i_ma[n]
            if i_ma > last_ma[n] + _JUMP_MA and abs(reading.p_mw[n]) * 2 < reading.v_mv[n] * i_ma // 1000:
                jumps = True
        self._doubted = jumps and not self._doubted
        for n in range(reading.phases):
            if self._doubted:
                reading.i_ma[n] = last_ma[n]
            else:
                last_ma[n] = reading.i_ma[n]
        return self._doubted

    def _is_frozen(self) -> bool:
        """True when everything measured has been the same for longer than noise lets it be: 10 s under load, else a minute."""
        reading = self.reading
        mark = loaded_ma = 0
        for n in range(reading.phases):
            loaded_ma = max(loaded_ma, reading.i_ma[n])
            mark = (mark * 31 + reading.v_mv[n] + reading.i_ma[n] * 7 + reading.p_mw[n]) & 0x3FFFFF
        if mark != self._mark or not loaded_ma + reading.v_mv[0]:
            self._mark = mark
            self._same = 0
        elif self._same < _SAME_MOST:
            self._same += _SAME_LOADED if loaded_ma >= _LOADED_MA else 1
        return self._same >= _SAME_MOST

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

    def _counted(self, count: int, mask: int, most: int) -> int:
        """Return the step of a counter that wraps at `mask` and may have made `most` since it was believed last.

        Raises MeterError for a count that goes back or leaps: it counts as none, unless the next one agrees with it. Then
        the chip has started anew, and the step is the count, where a load explains it (MET-2).
        """
        last, odd = self._counter, self._odd_counter
        self._odd_counter = None
        if last is None:
            self._counter = count  # counted before the first frame: not billed
            return 0
        step = (count - last) & mask
        if step > most:
            if odd is None or (count - odd) & mask > most:
                self._odd_counter = count
                raise MeterError("energy counter from %d to %d" % (last, count))
            log.warn("meter", "%s: counter from %d to %d" % (self.kind, last, count))
            step = count if count <= most else 0
        self._counter = count
        return step

    def _plausible_count(self, units: int, per_ws_milli: int, full_scale: int, since_ms: int, now: int) -> int:
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
            log.warn("meter", "%s: %d counts in %d ms: impossible" % (self.kind, units, passed_ms))
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
