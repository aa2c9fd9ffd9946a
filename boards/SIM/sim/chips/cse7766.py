"""CSE7766 / HLW8032 at frame level: sends unasked, without sign, cycles may overflow (MET-35 to MET-37)."""

from sim.chips.unit import UARTChip, skewed_mw

_PERIOD_US = 60000  # from frame to frame; the frame itself takes 55 ms at 4800 8E1
_V_COEF, _I_COEF, _P_COEF = 191200, 16140, 5195000  # a chip's own; the last digits differ from chip to chip
_SLOWEST_US = 2000000  # a cycle register that would need longer has overflowed
_MAX_CYCLE = 0xFFFFFF


class CSE7766Chip(UARTChip):
    """One chip on a line of 4800 baud and 11 bits.

    Set `uncalibrated` for the 0xAA frames of an empty one, `bad_coefficients` for status bit 0,
    `stale` for one that goes on sending the registers of the last load when the load is gone.
    """

    KIND = "cse7766"

    def __init__(self, source, seed: int = 1, now=None):
        super().__init__(source, seed, now)
        self._coefficients = (_V_COEF + seed * 7 % 50, _I_COEF + seed * 3 % 20, _P_COEF + seed * 11 % 900)
        self.uncalibrated = False
        self.bad_coefficients = False
        self.stale = False
        self._last = [0, 0, 0]  # cycle registers of the last load
        self._power_up()

    def _power_up(self):
        self._count = 0.0
        self._sampled_ms = self._now()
        self._watt = 0.0
        self._next_us = self._now() * 1000 + _PERIOD_US

    def advance(self, now_ms: int | None = None):
        """Measure now and count the energy since the last time. The chip cannot see which way the power goes."""
        now_ms = self._now() if now_ms is None else max(now_ms, self._sampled_ms)
        self._source.sample(now_ms)
        source, unit = self._source, self.unit
        p_mw = skewed_mw(source, 0, unit.skew_ns)
        watt = abs(p_mw) / 1000.0 * unit.v * unit.i
        if watt < 1.0:
            watt = 0.0
        pulse_ws = self._coefficients[2] / 1e6
        self._count += (self._watt + watt) / 2.0 * (now_ms - self._sampled_ms) / 1000.0 / pulse_ws * unit.e
        self._sampled_ms = now_ms
        self._watt = watt

    def run(self, now_us: int):
        """Send the frames that are due."""
        while self._next_us <= now_us:
            if not self.dead:
                self.advance(self._next_us // 1000)
                if self._held is None or not self.frozen:
                    self._held = self._frame()
                self._wire.send(self._held, self._next_us)
            self._next_us += _PERIOD_US

    def receive(self, byte: int, at_us: int):
        """The chip has no ears."""

    def _cycle(self, coefficient: int, value: float) -> int:
        """The cycle register of one quantity: coefficient / cycle is the value, 0 for an overflow."""
        cycle = coefficient / value * (1.0 + 0.0005 * self._noise.normal()) if value > 0 else _MAX_CYCLE
        return int(cycle + 0.5) if cycle < _MAX_CYCLE else 0

    def _frame(self) -> bytearray:
        unit, source = self.unit, self._source
        noise_a = 0.02 * abs(self._noise.normal())  # below 50 mA there is only noise (MET-37)
        volts = source.v_mv[0] / 1000.0 * unit.v
        amps = source.i_ma[0] / 1000.0 * unit.i
        amps = (amps * amps + noise_a * noise_a) ** 0.5
        values = (volts, amps, self._watt)
        status = 1 if self.bad_coefficients else 0
        body = bytearray()
        flags = 0
        for n, value in enumerate(values):
            cycle = self._cycle(self._coefficients[n], value)
            if self.stale and n and self._watt == 0:
                cycle = self._last[n]
            else:
                self._last[n] = cycle
            # The power cycle is in us and tells when its first period is over; a quantity of zero never ends one
            if cycle == 0 or (n == 2 and cycle > _SLOWEST_US):
                status |= 8 >> n
                cycle = _MAX_CYCLE
            else:
                flags |= 0x40 >> n
            body.extend(self._coefficients[n].to_bytes(3, "big"))
            body.extend(cycle.to_bytes(3, "big"))
        body.append(flags)
        body.extend((int(self._count) & 0xFFFF).to_bytes(2, "big"))
        head = 0xAA if self.uncalibrated else (0xF0 | status if status else 0x55)
        return bytearray((head, 0x5A)) + body + bytearray((sum(body) & 0xFF,))


def fit(place):
    """Wire one; it sends with even parity."""
    chip = CSE7766Chip(place.outlet, place.seed, now=place.now)
    place.uart(chip, parity=0)
    return chip
