"""ADE7953 at register level, by I2C or SPI (MET-10 to MET-17).

A write that the datasheet forbids is ignored and noted in `violations`; tests of the driver require an empty list.
"""

import time

from sim.chips.unit import Noise, Unit, factory_entry, skewed_mw

_START_MS = 100
_FULL_SCALE = 9032007
_FULL_POWER = 4862401
_V_CODE, _I_CODE, _P_CODE = 26000, 100000, 154  # codes per V, A, W of the board around the chip, at unity gain
_E_CODE = 154 * 154 / 3600  # energy codes per W and second at unity gain (MET-15)
_PHASE_STEP_NS = 1117

_DEFAULTS = {
    0x000: 0x00, 0x001: 0x00, 0x004: 0x40, 0x007: 0x00, 0x008: 0x00, 0x009: 0x00, 0x040: 0x00,
    0x102: 0x8004, 0x108: 0x0000, 0x109: 0x0000, 0x120: 0x0000,
    0x203: 0x00E419, 0x204: 0x00E419, 0x205: 0x00E419,
    0x280: 0x400000, 0x281: 0x400000, 0x282: 0x400000, 0x283: 0x400000, 0x284: 0x400000,
    0x28C: 0x400000, 0x28D: 0x400000, 0x28E: 0x400000, 0x28F: 0x400000, 0x290: 0x400000,
}  # fmt: skip
_ENERGIES = (0x21E, 0x21F)
_READ_ONLY = (0x10A, 0x10B, 0x10E, 0x210, 0x211, 0x212, 0x213, 0x21A, 0x21B, 0x21C, 0x21E, 0x21F)


class _Channel:
    """Registers and errors of one current channel."""

    def __init__(self, unit: Unit, phase: int, igain: int, wgain: int, phcal: int):
        self.unit = unit
        self.phase = phase
        self.igain = igain
        self.wgain = wgain
        self.phcal = phcal
        self.irms = 0
        self.watt = self.energy = 0.0


class ADE7953Chip:
    """One chip. source.sample(now_ms) must bring source.v_mv, i_ma, p_mw (lists of 3) and f_mhz up to date.

    I2C level: write(data), read(n). SPI level: select(), transfer. Channel A sees phase 0 of the source, B phase `b`,
    after measure() phase 0 of another source.
    seed        selects the unit: ratio errors up to 2 %, a delay up to 0.5 degrees; 0 is a unit without errors
    dead        when True the chip no longer answers
    frozen      when True measured registers keep the values that were read last
    """

    def __init__(self, source, seed: int = 1, b: int = 1, now=time.ticks_ms):
        self._sources = [source, source]
        self._now = now
        self._noise = Noise(seed + 77)
        self._channels = (
            _Channel(Unit(seed), 0, 0x280, 0x282, 0x108),
            _Channel(Unit(seed + 1000 if seed else 0), b, 0x28C, 0x28E, 0x109),
        )
        self._channels[1].unit.v = self._channels[0].unit.v  # one voltage input serves both
        self.dead = self.frozen = False
        self._held = {}  # measured registers with the values read last
        self.violations = []
        self._power_up()

    def factory(self, channel: int = 0) -> dict:
        """The calibration.json entry of this unit after a calibration without errors."""
        return factory_entry("ade7953", [self._channels[channel].unit])

    def measure(self, channel: int, source):
        """The transformer of a channel is around the first conductor of this source, on the same voltage."""
        self._sources[channel] = source
        self._channels[channel].phase = 0

    def turn_round(self, channel: int = 0):
        """Reverse the current channel."""
        self._channels[channel].unit.sign = -1

    def brown_out(self):
        """Reset every setting and every count, as a dip of the supply does."""
        self._power_up()

    def _power_up(self):
        self._registers = dict(_DEFAULTS)
        self._up_ms = self._now()
        self._sampled_ms = self._up_ms
        self._pointer = None
        self._unlocked = False
        self._interface = None
        self._vrms = 0
        self._period = 0x7FFF
        for channel in self._channels:
            channel.irms = 0
            channel.watt = 0.0
            channel.energy = 0.0

    def _violation(self, text: str):
        if len(self.violations) < 20:
            self.violations.append(text)

    def _answers(self) -> bool:
        return not self.dead and time.ticks_diff(self._now(), self._up_ms) >= _START_MS

    # --- the electrical side ---

    def advance(self):
        """Measure now and count the energy since the last measurement; the world may call it before a change."""
        now = self._now()
        dt_s = time.ticks_diff(now, self._sampled_ms) / 1000.0
        self._sampled_ms = now
        source, other = self._sources
        source.sample(now)
        if other is not source:
            other.sample(now)
        bent = 1.0 if self._registers[0x120] == 0x0030 else 1.015  # without the optimum settings (MET-12)
        if not self._registers[0x102] & 0x0004:
            bent *= 1.03  # high-pass filter off: offsets count
        vgain = self._registers[0x281] / 0x400000 * bent
        f_mhz = source.f_mhz
        self._measure(source, self._channels[0], vgain, bent, dt_s)
        self._measure(other, self._channels[1], vgain, bent, dt_s)
        unit = self._channels[0].unit
        vrms = source.v_mv[0] * _V_CODE / 1000.0 * unit.v * vgain
        self._vrms = min(_FULL_SCALE, int(vrms * (1.0 + 0.0002 * self._noise.normal())))
        self._period = min(0x7FFF, int(223750000 / f_mhz + 0.5) - 1) if f_mhz and source.v_mv[0] > 20000 else 0x7FFF

    def _measure(self, source, channel, vgain: float, bent: float, dt_s: float):
        unit, n = channel.unit, channel.phase
        igain = self._registers[channel.igain] / 0x400000 * bent
        code = self._registers[channel.phcal]
        held_ns = (code & 0x1FF) * _PHASE_STEP_NS
        skew_ns = unit.skew_ns - (held_ns if code & 0x200 else -held_ns)
        p_mw = skewed_mw(source, n, skew_ns)
        gain = unit.v * unit.i * vgain * igain * self._registers[channel.wgain] / 0x400000
        watt = p_mw * _P_CODE / 1000.0 * gain * unit.sign
        counted = (watt + channel.watt) / 2.0
        nothing = _FULL_POWER / ((0x10000 - self._registers[0x203]) * 1.4)  # AP_NOLOAD
        if abs(counted) >= nothing or self._registers[0x001] & 1:
            channel.energy += counted * unit.e * dt_s * _E_CODE / _P_CODE
        channel.watt = watt
        irms = source.i_ma[n] * _I_CODE / 1000.0 * unit.i * igain
        irms = irms * (1.0 + 0.0003 * self._noise.normal()) + abs(self._noise.normal()) * 200
        channel.irms = min(_FULL_SCALE, int(irms))

    # --- registers ---

    def _get(self, register: int) -> int:
        """Value of a register whose address has the width digit 0x0, 0x1 or 0x2."""
        if register in _READ_ONLY:
            if not (self.frozen and register in self._held):
                self._held[register] = self._measured(register)
            return self._held[register]
        if register in self._registers:
            return self._registers[register]
        self._violation("read of 0x%03X" % register)
        return 0

    def _measured(self, register: int) -> int:
        self.advance()
        a, b = self._channels
        if register in _ENERGIES:
            return self._take_energy(self._channels[register - 0x21E])
        watts = (int(channel.watt * (1.0 + 0.0005 * self._noise.normal())) for channel in (a, b))
        measured = {0x10E: self._period, 0x21A: a.irms, 0x21B: b.irms, 0x21C: self._vrms}
        measured[0x212], measured[0x213] = watts
        return measured.get(register, 0)

    def _take_energy(self, channel) -> int:
        """24 bits that roll over; a read clears them when LCYCMODE is set so (MET-14)."""
        whole = int(channel.energy // 1)
        if self._registers[0x004] & 0x40:
            channel.energy -= whole
        return whole

    def _set(self, register: int, value: int, unlocked: bool):
        if register in _READ_ONLY or register not in _DEFAULTS:
            self._violation("write to 0x%03X" % register)
        elif register == 0x120 and not unlocked:
            self._violation("0x120 without unlock")
        elif register == 0x28D:
            self._violation("BVGAIN touched")
        elif register >= 0x280 and not 0x200000 <= value <= 0x600000:
            self._violation("gain 0x%06X" % value)
        else:
            self.advance()
            self._registers[register] = value

    # --- the wire ---

    def _spoken_to(self, interface: str) -> bool:
        """True when the chip uses this interface: the first traffic after power-up selects it (MET-11)."""
        if not self._answers():
            return False
        if self._interface is None:
            self._interface = interface
        return self._interface == interface

    @staticmethod
    def _width(address: int) -> int:
        return (address >> 8) + 1 if address < 0x400 else 0

    @staticmethod
    def _cell(address: int) -> int:
        """Register of an address: a register has a 24-bit and a 32-bit address."""
        return address - 0x100 if address >= 0x300 else address

    def _store(self, address: int, data: bytes):
        unlocked, self._unlocked = self._unlocked, False
        width = self._width(address)
        if len(data) != width:
            self._violation("%d bytes to 0x%03X" % (len(data), address))
            return
        value = 0
        for byte in data:
            value = value << 8 | byte
        if address == 0x0FE:
            self._unlocked = value == 0xAD  # valid for the next access only
        else:
            self._set(self._cell(address), value & 0xFFFFFF, unlocked)

    def _load(self, address: int, count: int) -> bytes:
        self._unlocked = False
        width = self._width(address)
        if count != width:
            self._violation("%d bytes from 0x%03X" % (count, address))
        value = self._get(self._cell(address)) & 0xFFFFFF
        if width == 4 and value & 0x800000 and self._cell(address) not in (0x21A, 0x21B, 0x21C):
            value |= 0xFF000000  # the same value, sign-extended (MET-10)
        data = bytes((value >> 8 * n) & 0xFF for n in range(width - 1, -1, -1))
        return (data + b"\xff" * count)[:count]

    def write(self, data: bytes):
        """One I2C write to 0x38: register address, then nothing or the value. OSError: no acknowledge."""
        if not self._spoken_to("i2c"):
            raise OSError(19)
        if len(data) < 2:
            self._violation("half an address")
            return
        self._pointer = data[0] << 8 | data[1]
        if len(data) > 2:
            self._store(self._pointer, data[2:])

    def read(self, n: int) -> bytes:
        """One I2C read of n bytes from the register last addressed. OSError: no acknowledge."""
        if not self._spoken_to("i2c"):
            raise OSError(19)
        if self._pointer is None:
            self._violation("read without address")
            return b"\xff" * n
        return self._load(self._pointer, n)

    def exchange(self, sent: bytes, count: int) -> bytes:
        """One SPI frame, CS low to CS high: the bytes written, then `count` bytes read (open line: all ones)."""
        if not self._spoken_to("spi"):
            return b"\xff" * count
        if len(sent) < 3 or sent[2] not in (0x00, 0x80):
            self._violation("SPI head")
            return b"\xff" * count
        address = sent[0] << 8 | sent[1]
        if sent[2] == 0x80:
            if len(sent) != 3:
                self._violation("SPI read with data")
            return self._load(address, count)
        self._store(address, sent[3:])
        return b"\xff" * count


def fit(place):
    """Wire a chip by I2C or SPI, according to the kind; at an address with one it is a channel of that one."""
    on_i2c = place.kind == "ade7953_i2c"
    chip = place.there() if on_i2c else None
    if chip is None:
        chip = ADE7953Chip(place.outlet, place.seed)
        (place.i2c if on_i2c else place.spi)(chip)
    chip.measure("AB".index(place.options.get("channel", "A")), place.outlet)
    return chip
