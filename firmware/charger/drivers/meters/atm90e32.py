"""ATM90E32AS over SPI: three phases, gains and angles trimmed inside the chip (MET-40 to MET-44)."""

from micropython import const

from charger import clock, log
from charger.drivers.meters.calibration import UNITY
from charger.drivers.meters.meter_driver import MeterDriver
from charger.errors import MeterError

_KINDS = const((("atm90e32", "spi", 3),))
_OPTIONS = const((("phases", 1, 3), ("hertz", 50, 60), ("ugain", 1, 65535), ("igain", 1, 65535), ("pga", 0, 0xFFFF)))

_METER_EN = const(0x00)
_ZX_CONFIG = const(0x07)
_PL_CONST_H = const(0x31)
_PL_CONST_L = const(0x32)
_MMODE0 = const(0x33)
_MMODE1 = const(0x34)
_P_START = const(0x35)
_Q_START = const(0x36)
_P_PHASE = const(0x38)
_PHI = const(0x48)  # per phase +2
_UGAIN = const(0x61)  # per phase +4
_IGAIN = const(0x62)
_RESET = const(0x70)
_LAST_DATA = const(0x78)
_ACCESS = const(0x7F)
_FORWARD = const(0x81)  # per phase +1, as all below
_REVERSE = const(0x85)
_P_HIGH = const(0xB1)
_P_LOW = const(0xC1)
_URMS = const(0xD9)
_IRMS = const(0xDD)
_FREQ = const(0xF8)

_WAKE_MS = const(20)
_RETRY_MS = const(1000)
_GAIN_DEFAULT = const(0x8000)
_PHASE_STEP_NS = const(488)  # one cycle of 2.048 MHz
_PER_WS_MILLI = const(89)  # 10/3200 Wh a count (MET-42)
_MMODE0_50HZ = const(0x0185)
_MMODE0_60HZ = const(0x1185)


class Registers:
    """16-bit registers over SPI, a chip select an access (MET-40)."""

    def __init__(self, spi: Any, cs: Any):
        self._spi = spi
        self._cs = cs
        self._head = bytearray(2)
        self._data = bytearray(2)
        self._frame = bytearray(4)
        cs(1)

    def read(self, register: int) -> int:
        """Unsigned value; a missing chip reads as all ones or all zeros."""
        head, data = self._head, self._data
        head[0] = 0x80 | register >> 8
        head[1] = register & 0xFF
        self._cs(0)
        self._spi.write(head)
        self._spi.readinto(data)
        self._cs(1)
        return data[0] << 8 | data[1]

    def read_clearing(self, register: int) -> int:
        """Read a register that reading clears. The chip repeats the value that it sent last, for the check (MET-43)."""
        value = self.read(register)
        repeated = self.read(_LAST_DATA)
        if repeated == value:
            return value
        third = self.read(_LAST_DATA)
        if third == value or third == repeated:  # one of the three was wrong
            return third
        raise MeterError("bus: energy unreadable")

    def write(self, register: int, value: int) -> None:
        """Write 16 bits."""
        frame = self._frame
        frame[0] = register >> 8
        frame[1] = register & 0xFF
        frame[2] = value >> 8
        frame[3] = value & 0xFF
        self._cs(0)
        self._spi.write(frame)
        self._cs(1)


class ATM90E32(MeterDriver):
    """The chip with its three phases.

    Options beside those of MeterDriver: "phases" (3), "ugain" and "igain": the gain registers of a perfect unit of the board
    (7305 and 27961), "pga": MMode1 (0x15, twice), "hertz" (50).
    """

    kind = "atm90e32"
    poll_ms = 200

    def __init__(self, registers: Registers, calibration: Calibration | None, options: dict):
        super().__init__(options.get("phases", 3), calibration, options)
        self._bus = registers
        self._mode0 = _MMODE0_60HZ if options.get("hertz", 50) == 60 else _MMODE0_50HZ
        self._pga = options.get("pga", 0x15)
        self._ugain = [0, 0, 0]
        self._igain = [0, 0, 0]
        for n in range(self.reading.phases):
            self._ugain[n] = self._gain(options.get("ugain", 7305), self._cal.v[n])
            self._igain[n] = self._gain(options.get("igain", 27961), self._cal.i[n])
        self._configured = False
        self._reset_sent = False
        self._due_ms = clock.ticks_ms()
        self._counted_ms = 0

    @staticmethod
    def _gain(nominal: int, ppm: int) -> int:
        """A gain register, never its power-up value: that shows a chip which lost its settings (MET-44)."""
        value = (nominal * ppm + UNITY // 2) // UNITY
        return _GAIN_DEFAULT + 1 if value == _GAIN_DEFAULT else value

    async def start(self) -> None:
        """Reset the chip, wait until it is awake, configure it. Does not raise; poll() retries what failed."""
        self.poll()
        await clock.sleep_ms(_WAKE_MS)
        self.poll()

    def _work(self, now: int) -> None:
        bus = self._bus
        if not self._configured:
            if clock.ticks_diff(now, self._due_ms) < 0:
                return
            if not self._reset_sent:
                bus.write(_RESET, 0x789A)
                self._reset_sent = True
                self._due_ms = clock.ticks_add(now, _WAKE_MS)
                return
            self._reset_sent = False
            self._due_ms = clock.ticks_add(now, _RETRY_MS)
            self._configure()
        if self._is_reset() and self._is_reset():  # twice: a wrong bit on the bus is no reset
            self._configured = False
            self._due_ms = now
            log.warn("meter", "atm90e32: settings lost, energy since the last poll dropped")
            raise MeterError("chip reset")
        for n in range(self.reading.phases):
            self._phase(n)
        self.reading.f_mhz = bus.read(_FREQ) * 10
        for n in range(self.reading.phases):
            self._count(n, now)
        self._counted_ms = now
        self._measured(now)

    def _is_reset(self) -> bool:
        return self._bus.read(_UGAIN) != self._ugain[0] or self._bus.read(_METER_EN) != 1

    def _configure(self) -> None:
        """MET-43, with the unit's own gains and angles; every gain is read back."""
        bus = self._bus
        bus.write(_ACCESS, 0x55AA)
        bus.write(_METER_EN, 1)
        if bus.read(_LAST_DATA) != 1:
            raise MeterError("no answer")
        bus.write(_ZX_CONFIG, 0x0A55)
        bus.write(_PL_CONST_H, 0x0861)  # 3200 impulses a kWh
        bus.write(_PL_CONST_L, 0xC468)
        bus.write(_MMODE0, self._mode0)
        bus.write(_MMODE1, self._pga)
        bus.write(_P_START, 0x0AFC)
        bus.write(_Q_START, 0x0AEC)
        bus.write(_P_PHASE, 0x00BC)
        for n in range(self.reading.phases):
            bus.write(_UGAIN + 4 * n, self._ugain[n])
            bus.write(_IGAIN + 4 * n, self._igain[n])
            bus.write(_PHI + 2 * n, self._phase_code(self._cal.skew_ns[n]))
        bus.write(_ACCESS, 0)
        for n in range(self.reading.phases):
            if bus.read(_UGAIN + 4 * n) != self._ugain[n] or bus.read(_IGAIN + 4 * n) != self._igain[n]:
                raise MeterError("settings refused")
            bus.read(_FORWARD + n)  # discards the counts made with other gains
            bus.read(_REVERSE + n)
        self._counted_ms = clock.ticks_ms()
        self._configured = True

    @staticmethod
    def _phase_code(skew_ns: int) -> int:
        """Phi: cycles in bits 9:0, bit 15 set where the voltage must be held back for a late current."""
        steps = (abs(skew_ns) + _PHASE_STEP_NS // 2) // _PHASE_STEP_NS
        return min(steps, 0x3FF) | (0x8000 if skew_ns > 0 else 0)

    def _phase(self, n: int) -> None:
        bus, reading, cal = self._bus, self.reading, self._cal
        v_mv = bus.read(_URMS + n) * 10
        self._check_range(v_mv, 0)  # the register of a current ends at 65 A
        high = bus.read(_P_HIGH + n)
        low = bus.read(_P_LOW + n)
        again = bus.read(_P_HIGH + n)
        if again != high:  # a new value came in between: 65536 units are 21 W
            high = again
            low = bus.read(_P_LOW + n)
        reading.v_mv[n] = v_mv
        reading.i_ma[n] = bus.read(_IRMS + n)
        if high & 0x8000:
            high -= 0x10000
        # 0.00032 W a unit = 8/25 mW (MET-41)
        reading.p_mw[n] = (high * 65536 + low) * 8 * cal.sign[n] * cal.p[n] // (25 * UNITY)

    def _count(self, n: int, now: int) -> None:
        """Energy of one phase: 25/8 mWh a count (MET-42)."""
        cal = self._cal
        counts = self._bus.read_clearing(_FORWARD + n) - self._bus.read_clearing(_REVERSE + n)
        counts = self._plausible_count(counts, _PER_WS_MILLI, 0x10000, self._counted_ms, now)
        self._add_energy(counts * cal.sign[n], 25 * cal.p[n] * cal.e[n], 8 * UNITY * UNITY)


def create(kind: str, options: dict, entry: dict | None, buses: Any) -> ATM90E32:
    """The driver on the board's SPI bus."""
    registers = Registers(buses.spi(options, 1000000), buses.chip_select(options))
    return ATM90E32(registers, buses.calibrated(kind, options.get("phases", 3), entry), options)
