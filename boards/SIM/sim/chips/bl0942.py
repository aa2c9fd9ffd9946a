"""BL0942 at byte level: commands in, frames out, write protection, counts that wrap (MET-20 to MET-25)."""

from sim.chips.unit import UARTChip, skewed_mw

_V_CODE, _I_CODE, _P_CODE = 15873.36, 251213.5, 623.0  # codes per V, A, W with 1 mohm and the usual divider (MET-24)
_COUNT_WS = 419430.4 / _P_CODE  # energy of one CF count (MET-23)
_GAP_US = 20000  # a pause that long ends an unfinished command
_TURN_US = 200
_DEFAULTS = {0x12: 0, 0x14: 0x0B, 0x15: 0xFFFF, 0x16: 1, 0x17: 3, 0x18: 0x24, 0x19: 0x87, 0x1D: 0}
_MEASURED = (0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09)


class BL0942Chip(UARTChip):
    """One chip with an address from 0 to 3."""

    KIND = "bl0942"

    def __init__(self, source, seed: int = 1, address: int = 0, now=None):
        super().__init__(source, seed, now)
        self._address = address
        self.violations = []
        self._power_up()

    def _power_up(self):
        self._registers = dict(_DEFAULTS)
        self._count = 0.0
        self._sampled_ms = self._now()
        self._watt = 0.0
        self._command = bytearray()
        self._heard_us = 0

    # --- the electrical side ---

    def advance(self):
        """Measure now and count the energy since the last time."""
        now = self._now()
        self._source.sample(now)
        source, unit = self._source, self.unit
        p_mw = skewed_mw(source, 0, unit.skew_ns)
        watt = p_mw / 1000.0 * unit.v * unit.i * unit.sign
        if abs(watt) * _P_CODE < self._registers[0x14] * 3125 / 256:  # WA_CREEP
            watt = 0.0
        mean = abs(self._watt + watt) / 2.0  # CF counts either direction
        self._count += mean * (now - self._sampled_ms) / 1000.0 / _COUNT_WS * unit.e
        self._sampled_ms = now
        self._watt = watt

    def _measure(self) -> dict:
        """Registers as they stand; the RMS ones rounded and a little noisy."""
        self.advance()
        source, unit, noise = self._source, self.unit, self._noise
        irms = source.i_ma[0] / 1000.0 * _I_CODE * unit.i * (1.0 + 0.0005 * noise.normal()) + 400 * abs(noise.normal())
        vrms = source.v_mv[0] / 1000.0 * _V_CODE * unit.v * (1.0 + 0.0003 * noise.normal())
        watt = self._watt * _P_CODE * (1.0 + 0.0005 * noise.normal())
        return {
            0x03: min(0xFFFFFF, int(irms)),
            0x04: min(0xFFFFFF, int(vrms)),
            0x05: min(0xFFFFFF, int(irms * 0.9)),
            0x06: int(watt) & 0xFFFFFF,
            0x07: int(self._count) & 0xFFFFFF,
            0x08: int(1000000000 / source.f_mhz + 0.5) if source.f_mhz else 0xFFFF,
            0x09: 0,
        }

    # --- the wire ---

    def run(self, now_us: int):
        """Nothing to do unasked: this chip only answers."""

    def _violation(self, text: str):
        if len(self.violations) < 20:
            self.violations.append(text)

    def receive(self, byte: int, at_us: int):
        """One byte of a command arrives."""
        if self.dead:
            return
        if at_us - self._heard_us > _GAP_US:
            self._command = bytearray()
        self._heard_us = at_us
        self._command.append(byte)
        command = self._command
        kind = command[0] & 0xF8
        if kind not in (0x58, 0xA8) or command[0] & 0x07 != self._address:
            self._command = bytearray()
        elif kind == 0x58 and len(command) == 2:
            self._command = bytearray()
            self._answer(command[0], command[1], at_us)
        elif kind == 0xA8 and len(command) == 6:
            self._command = bytearray()
            self._store(command)

    def _answer(self, head: int, register: int, at_us: int):
        if self._held is None or not self.frozen:
            self._held = self._measure()
        measured = self._held
        if register == 0xAA:
            frame = bytearray(b"\x55")
            for source in (0x03, 0x04, 0x05, 0x06, 0x07):
                frame.extend(measured[source].to_bytes(3, "little"))
            frame.extend(measured[0x08].to_bytes(2, "little"))
            frame.extend(bytes((0, measured[0x09], 0, 0)))
            frame.append((head + sum(frame)) & 0xFF ^ 0xFF)  # 0xAA is not in the sum (MET-21)
        elif register in measured or register in self._registers:
            value = measured[register] if register in _MEASURED else self._registers[register]
            frame = bytearray(value.to_bytes(3, "little"))
            frame.append((head + register + sum(frame)) & 0xFF ^ 0xFF)
        else:
            self._violation("read of 0x%02X" % register)
            return
        self._wire.send(frame, at_us + _TURN_US)

    def _store(self, command):
        register = command[1]
        if (sum(command[:5]) & 0xFF ^ 0xFF) != command[5]:
            self._violation("checksum of a write")
            return
        value = int.from_bytes(command[2:5], "little")
        if register == 0x1D:
            self._registers[0x1D] = value
        elif self._registers[0x1D] != 0x55:
            self._violation("0x%02X written while protected" % register)
        elif register == 0x1C:
            if value == 0x5A5A5A:
                self._power_up()
        elif register in self._registers:
            self.advance()
            self._registers[register] = value
        else:
            self._violation("write to 0x%02X" % register)


def fit(place):
    """Wire one."""
    chip = BL0942Chip(place.outlet, place.seed, now=place.now)
    place.uart(chip)
    return chip
