"""ATM90E32AS at register level: protected settings, energies that reading clears, lost settings (MET-40 to MET-44)."""

from sim.chips.unit import Noise, Unit, factory_entry, skewed_mw

UGAIN, IGAIN = 7305, 27961  # what makes a perfect unit of the board around the chip show volts and amperes
_P_LSB_W = 0.00032
_COUNT_MWH = 3.125  # 10/3200 Wh (MET-42)
_WAKE_MS = 5
_PHASE_STEP_NS = 488
_OPEN = 0x55AA

_DEFAULTS = {0x00: 0, 0x07: 0x0001, 0x31: 0x0861, 0x32: 0xC468, 0x33: 0x0087, 0x34: 0}
_DEFAULTS.update(dict.fromkeys((0x35, 0x36, 0x37, 0x38), 0))
_DEFAULTS.update(dict.fromkeys(range(0x47, 0x4D), 0))
_DEFAULTS.update(dict.fromkeys((0x61, 0x62, 0x65, 0x66, 0x69, 0x6A), 0x8000))
_MEASURED = set(range(0x80, 0x88)) | set(range(0xB0, 0xE0)) | {0xF8, 0xFC, 0x71, 0x72}


class ATM90E32Chip:
    """One chip on an SPIWire, measuring the three phases of the source.

    turned      set of phases (0 to 2) whose CT is on the wrong way round
    dead        set it, and the line stays high
    frozen      set it, and what is measured stays as it was last read
    """

    def __init__(self, source, seed: int = 1, now=None):
        self._source = source
        self._now = now
        self._noise = Noise(seed + 77)
        self.units = [Unit(seed + 300 * n if seed else 0, skew_ns=60000) for n in range(3)]
        for unit in self.units:
            unit.e = self.units[0].e  # one clock and one constant count for all three
        self.dead = self.frozen = False
        self._held = {}  # measured registers as they were read last
        self.violations = []
        self._power_up()

    def factory(self) -> dict:
        """The calibration.json entry that the factory would have found for this unit."""
        return factory_entry("atm90e32", self.units)

    def brown_out(self):
        """Lose every setting and every count."""
        self._power_up()

    def _power_up(self):
        self._registers = dict(_DEFAULTS)
        self._open = False
        self._last = 0
        self._up_ms = self._now()
        self._sampled_ms = self._up_ms
        self._watt = [0.0, 0.0, 0.0]
        self._forward = [0.0, 0.0, 0.0]
        self._reverse = [0.0, 0.0, 0.0]

    def _violation(self, text: str):
        if len(self.violations) < 20:
            self.violations.append(text)

    # --- the electrical side ---

    def advance(self):
        """Measure now and count the energies since the last time."""
        now = self._now()
        self._source.sample(now)
        dt_h = (now - self._sampled_ms) / 3600000.0
        self._sampled_ms = now
        if self._registers[0x00] != 1:
            return
        for n in range(3):
            watt = self._power(n)
            counted = (watt + self._watt[n]) / 2.0 * dt_h * 1000.0 / _COUNT_MWH * self.units[n].e
            self._watt[n] = watt
            if counted >= 0:
                self._forward[n] += counted
            else:
                self._reverse[n] -= counted

    def _gains(self, n: int) -> tuple:
        unit, registers = self.units[n], self._registers
        return unit.v * registers[0x61 + 4 * n] / UGAIN, unit.i * registers[0x62 + 4 * n] / IGAIN

    def _power(self, n: int) -> float:
        source, unit = self._source, self.units[n]
        phi = self._registers[0x48 + 2 * n]
        held_ns = (phi & 0x3FF) * _PHASE_STEP_NS
        skew_ns = unit.skew_ns - (held_ns if phi & 0x8000 else -held_ns)
        p_mw = skewed_mw(source, n, skew_ns)
        v, i = self._gains(n)
        watt = p_mw / 1000.0 * v * i * unit.sign
        return watt if abs(watt) > 2.0 else 0.0

    def _noisy(self, value: float, high: int) -> int:
        return min(high, int(value * (1.0 + 0.0003 * self._noise.normal()) + 0.5))

    def _take(self, counts: list, n: int) -> int:
        whole = int(counts[n])
        counts[n] -= whole
        return whole & 0xFFFF

    def _measured(self, register: int) -> int:
        self.advance()
        source = self._source
        if register == 0xF8:
            return source.f_mhz // 10
        if 0x81 <= register <= 0x83:
            return self._take(self._forward, register - 0x81)
        if 0x85 <= register <= 0x87:
            return self._take(self._reverse, register - 0x85)
        if 0xD9 <= register <= 0xDB:
            n = register - 0xD9
            return self._noisy(source.v_mv[n] / 10.0 * self._gains(n)[0], 0xFFFF)
        if 0xDD <= register <= 0xDF:
            n = register - 0xDD
            return self._noisy(source.i_ma[n] * self._gains(n)[1] + 3 * abs(self._noise.normal()), 0xFFFF)
        if 0xB1 <= register <= 0xB3 or 0xC1 <= register <= 0xC3:
            value = int(self._watt[(register & 0x0F) - 1] / _P_LSB_W)
            return (value >> 16) & 0xFFFF if register < 0xC0 else value & 0xFFFF
        if register == 0x72:
            return (source.v_mv[0] < 50000) << 10 | (source.v_mv[1] < 50000) << 9 | (source.v_mv[2] < 50000) << 8
        return 0

    # --- the wire ---

    def _set(self, register: int, value: int):
        if register == 0x70:
            if value == 0x789A:
                self._power_up()
        elif register == 0x7F:
            self._open = value == _OPEN
        elif not self._open:
            self._violation("0x%02X written while closed" % register)
        elif register in self._registers:
            self.advance()
            self._registers[register] = value
        else:
            self._violation("write to 0x%02X" % register)
        self._last = value

    def _get(self, register: int) -> int:
        if register == 0x78:
            return self._last
        if register in _MEASURED:
            if not (self.frozen and register in self._held):
                self._held[register] = self._measured(register) if self._registers[0x00] == 1 else 0
            value = self._held[register]
        elif register in self._registers:
            value = self._registers[register]
        else:
            self._violation("read of 0x%02X" % register)
            value = 0
        self._last = value
        return value

    def exchange(self, sent: bytes, count: int) -> bytes:
        """One SPI frame: two address bytes, bit 15 set to read, then 16 bits either way. A dead line is high."""
        if self.dead:
            return b"\xff" * count
        if self._now() - self._up_ms < _WAKE_MS:
            return b"\x00" * count
        if len(sent) < 2:
            self._violation("half an address")
            return b"\xff" * count
        address = (sent[0] << 8 | sent[1]) & 0x7FFF
        if sent[0] & 0x80:
            if count != 2 or len(sent) != 2:
                self._violation("%d bytes from 0x%02X" % (count, address))
            return self._get(address).to_bytes(2, "big")[:count]
        if len(sent) != 4:
            self._violation("%d bytes to 0x%02X" % (len(sent) - 2, address))
        else:
            self._set(address, sent[2] << 8 | sent[3])
        return b"\xff" * count


def fit(place):
    """Wire one."""
    chip = ATM90E32Chip(place.outlet, place.seed, place.now)
    place.spi(chip)
    return chip
