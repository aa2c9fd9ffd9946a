"""ADE7953 over I2C or SPI: one voltage, current channels A and B, gains trimmed inside the chip (MET-10 to MET-17)."""

from micropython import const

from charger import clock, log
from charger.drivers.meters.calibration import UNITY
from charger.drivers.meters.meter_driver import MeterDriver, ratio
from charger.errors import MeterError

_KINDS = const((("ade7953_i2c", "i2c", 1), ("ade7953_spi", "spi", 1)))
_OPTIONS = const((("address", 0x38, 0x38), ("channel", "A", "B"), ("v_lsb", 1000, 100000), ("i_lsb", 1000, 1000000),
                  ("p_lsb", 1, 10000)))  # fmt: skip

_START_MS = const(100)  # power-up time before the chip may be talked to (MET-12)
_RETRY_MS = const(1000)

# The second digit of an address is the width in bytes, less one (MET-10). The 24-bit addresses give the same values as
# the 32-bit ones and stay small integers on a 32-bit board.
_LCYCMODE = const(0x004)
_UNLOCK = const(0x0FE)
_CONFIG = const(0x102)
_PERIOD = const(0x10E)
_OPTIMUM = const(0x120)
_VRMS = const(0x21C)
_AVGAIN = const(0x281)

_CONFIG_LOCKED = const(0x0004)  # default 0x8004 with bit 15 cleared: the interface stays the one in use (MET-11)
_RSTREAD = const(0x40)  # reading an energy register clears it; the default, written all the same (MET-14)
_GAIN_UNITY = const(0x400000)
_NO_PERIOD = const(0x7FFF)  # beyond any mains; seen while there is no voltage
_PHASE_STEP_NS = const(1117)  # one step of PHCALx; sign-magnitude in 10 bits

# Per channel: IRMS, WATT, ENERGY, IGAIN, WGAIN, PHCAL (MET-13, MET-14, MET-16)
_CHANNELS = {
    "A": (0x21A, 0x212, 0x21E, 0x280, 0x282, 0x108),
    "B": (0x21B, 0x213, 0x21F, 0x28C, 0x28E, 0x109),
}


class I2CTransport:
    """Register access over I2C; errors of the bus (NAK, time-out) come out as OSError."""

    def __init__(self, i2c: Any, address: int = 0x38):
        self._i2c = i2c
        self._address = address
        self._data = (bytearray(1), bytearray(2), bytearray(3), bytearray(4))

    def read(self, register: int) -> int:
        """Unsigned value of a register; its address gives the width (MET-10)."""
        data = self._data[register >> 8]
        self._i2c.readfrom_mem_into(self._address, register, data, addrsize=16)
        return int.from_bytes(data, "big")

    def write(self, register: int, value: int) -> None:
        """Write the low bytes of value, most significant first."""
        data = self._data[register >> 8]
        for n in range(len(data) - 1, -1, -1):
            data[n] = value & 0xFF
            value >>= 8
        self._i2c.writeto_mem(self._address, register, data, addrsize=16)


class SPITransport:
    """Register access over SPI mode 3, chip select active low (MET-11)."""

    def __init__(self, spi: Any, cs: Any):
        self._spi = spi
        self._cs = cs
        self._frames = (bytearray(4), bytearray(5), bytearray(6), bytearray(7))
        self._data = (bytearray(1), bytearray(2), bytearray(3), bytearray(4))
        self._head = bytearray(3)
        cs(1)

    def read(self, register: int) -> int:
        """Unsigned value of a register. A missing chip reads as all ones or all zeros: configure() notices."""
        head = self._head
        head[0] = register >> 8
        head[1] = register & 0xFF
        head[2] = 0x80
        data = self._data[register >> 8]
        self._cs(0)
        self._spi.write(head)
        self._spi.readinto(data)
        self._cs(1)
        return int.from_bytes(data, "big")

    def write(self, register: int, value: int) -> None:
        """Write a register. CS rises several us after the last bit: longer than the 1.2 us the lock needs (MET-11)."""
        frame = self._frames[register >> 8]
        frame[0] = register >> 8
        frame[1] = register & 0xFF
        frame[2] = 0x00
        for n in range(len(frame) - 1, 2, -1):
            frame[n] = value & 0xFF
            value >>= 8
        self._cs(0)
        self._spi.write(frame)
        self._cs(1)


def _signed24(value: int) -> int:
    return value - 0x1000000 if value & 0x800000 else value


class ADE7953(MeterDriver):
    """One current channel of the chip with the voltage channel; two outlets on one chip are two objects, A and B.

    Options beside those of MeterDriver: "channel" ("A"), "v_lsb" codes per V (26000), "i_lsb" codes per A (100000), "p_lsb"
    codes per W (154): what shunt and divider of the board give at unity gain (MET-15).
    """

    kind = "ade7953"
    poll_ms = 200

    def __init__(self, transport: Any, calibration: Calibration | None, options: dict):
        super().__init__(1, calibration, options)
        self._bus = transport
        channel = _CHANNELS[options.get("channel", "A")]
        self._irms, self._watt, self._energy, self._igain, self._wgain, self._phcal = channel
        p_lsb = options.get("p_lsb", 154)
        self._v_ratio = ratio(1000, options.get("v_lsb", 26000))
        self._i_ratio = ratio(1000, options.get("i_lsb", 100000))
        self._p_ratio = ratio(1000, p_lsb)
        # codes per Wh = p_lsb * 154: 6.588 codes a Ws at 154 codes a W (MET-15); the unit's e corrects what remains
        self._e_ratio = ratio(self._cal.e[0], p_lsb * 154 * 1000)
        self._per_ws_milli = p_lsb * 154 * 1000 // 3600
        self._counted_ms = 0
        # A gain register that differs from its power-up value shows a brown-out (MET-17): unity is written 0.24 ppm off
        self._avgain = self._gain(self._cal.v[0])
        if self._avgain == _GAIN_UNITY:
            self._avgain = _GAIN_UNITY + 1
        self._configured = False
        self._due_ms = clock.ticks_add(clock.ticks_ms(), _START_MS)

    @staticmethod
    def _gain(ppm: int) -> int:
        return (_GAIN_UNITY * ppm + UNITY // 2) // UNITY

    async def start(self) -> None:
        """Wait out the chip's power-up time and configure it. Does not raise; poll() retries what failed."""
        wait = clock.ticks_diff(self._due_ms, clock.ticks_ms())
        if wait > 0:
            await clock.sleep_ms(wait)
        self.poll()

    def _work(self, now: int) -> None:
        if not self._configured:
            if clock.ticks_diff(now, self._due_ms) < 0:
                return
            self._due_ms = clock.ticks_add(now, _RETRY_MS)
            self._configure()
        avgain = self._bus.read(_AVGAIN)
        if avgain != self._avgain:
            avgain = self._bus.read(_AVGAIN)  # again: a wrong bit on the bus is no reset
        if avgain != self._avgain:  # before the energy is read: its counts have wrong gains
            if avgain in (0, 0xFFFFFF):
                raise MeterError("no answer")  # an open SPI line; the chip counts on
            self._configured = False
            self._due_ms = clock.ticks_add(now, _START_MS)
            log.warn("meter", "ade7953: settings lost, energy since the last poll dropped")
            raise MeterError("chip reset")
        self._read(now)

    def _configure(self) -> None:
        """Bring the chip from its power-up state to ours, and make sure that it took it (MET-12, MET-14, MET-16)."""
        bus = self._bus
        cal = self._cal
        if bus.read(_CONFIG) in (0xFFFF, 0x0000):
            raise MeterError("no answer")
        bus.write(_UNLOCK, 0xAD)
        bus.write(_OPTIMUM, 0x0030)  # must follow the unlock at once (MET-12)
        bus.write(_CONFIG, _CONFIG_LOCKED)
        bus.write(_LCYCMODE, _RSTREAD)
        bus.write(_AVGAIN, self._avgain)  # for channel B too: its own BVGAIN is not to be touched (MET-16)
        bus.write(self._igain, self._gain(cal.i[0]))
        bus.write(self._wgain, self._gain(cal.p[0]))
        bus.write(self._phcal, self._phase_code(cal.skew_ns[0]))
        if (
            bus.read(_AVGAIN) != self._avgain
            or bus.read(self._igain) != self._gain(cal.i[0])
            or bus.read(self._wgain) != self._gain(cal.p[0])
            or bus.read(_CONFIG) != _CONFIG_LOCKED
        ):
            raise MeterError("settings refused")
        bus.read(self._energy)  # discards the counts made with other gains
        self._counted_ms = clock.ticks_ms()
        self._configured = True

    @staticmethod
    def _phase_code(skew_ns: int) -> int:
        """PHCALx: magnitude in bits 8:0, bit 9 set where the voltage must be held back for a late current."""
        steps = (abs(skew_ns) + _PHASE_STEP_NS // 2) // _PHASE_STEP_NS
        return min(steps, 0x1FF) | (0x200 if skew_ns > 0 else 0)

    def _read(self, now: int) -> None:
        bus = self._bus
        reading = self.reading
        sign = self._cal.sign[0]
        mul, div = self._v_ratio
        v_mv = bus.read(_VRMS) * mul // div
        mul, div = self._i_ratio
        i_ma = bus.read(self._irms) * mul // div
        mul, div = self._p_ratio
        p_mw = _signed24(bus.read(self._watt)) * sign * mul // div
        period = bus.read(_PERIOD)
        self._check_range(v_mv, i_ma)
        # Last, so that no later bus error can lose it: this read clears the register, and a retry would find nothing
        energy = _signed24(bus.read(self._energy)) * sign
        energy = self._plausible_count(energy, self._per_ws_milli, 0x800000, self._counted_ms, now)
        self._counted_ms = now
        reading.v_mv[0] = v_mv
        reading.i_ma[0] = i_ma
        reading.p_mw[0] = p_mw
        reading.f_mhz = 223750000 // (period + 1) if period < _NO_PERIOD else 0
        mul, div = self._e_ratio
        self._add_energy(energy, mul, div)
        self._measured(now)


def create(kind: str, options: dict, entry: dict | None, buses: Any) -> ADE7953:
    """The driver on the board's I2C or SPI bus."""
    if kind == "ade7953_i2c":
        transport = I2CTransport(buses.i2c(options), options.get("address", 0x38))
    else:
        transport = SPITransport(buses.spi(options, 1000000), buses.chip_select(options))
    return ADE7953(transport, buses.calibrated("ade7953", 1, entry), options)
