"""BL0942 over UART: requests the full frame, checks every known bit, counts CF pulses (MET-20 to MET-25)."""

from micropython import const

from charger import clock, log
from charger.drivers.meters.calibration import UNITY
from charger.drivers.meters.meter_driver import MAX_W, MeterDriver, ratio
from charger.errors import MeterError

FRAME = const(23)
_KINDS = const((("bl0942", "uart", 1),))
_OPTIONS = const((("address", 0, 3), ("hertz", 50, 60), ("v_lsb", 100000, 1000000000), ("i_lsb", 100000, 2000000000)))

_READ = const(0x58)
_WRITE = const(0xA8)
_FULL = const(0xAA)
_WA_CREEP = const(0x14)
_MODE = const(0x19)
_WRPROT = const(0x1D)

_MODE_50HZ = const(0x87)  # RMS every 400 ms, CF counts either direction and is not cleared by reading (MET-25)
_MODE_60HZ = const(0xA7)
_CREEP = const(0x0C)  # power-up value is 0x0B: the difference shows that the chip lost its settings (MET-17's idea)
_CHECK_EVERY = const(5)  # every fifth request reads that register: about once a second


def find_frame(data: Buffer, count: int, head: int) -> int:
    """Offset of the first whole frame among the first `count` bytes of data, -1 for none.

    `head` is the command byte with the address, which the checksum includes and 0xAA does not join (MET-21). The three
    bytes that are always zero are checked too: the sum alone would let one corrupt frame in 256 pass.
    """
    for start in range(count - FRAME + 1):
        if data[start] != 0x55 or data[start + 18] or data[start + 20] or data[start + 21]:
            continue
        total = head
        for n in range(start, start + FRAME - 1):
            total += data[n]
        if (total & 0xFF) ^ 0xFF == data[start + FRAME - 1]:
            return start
    return -1


def _little24(data: Buffer, at: int) -> int:
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16


class BL0942(MeterDriver):
    """The chip on a UART of 4800 baud 8N1.

    Options beside those of MeterDriver: "address" (0 to 3), "v_lsb" codes per kV (15873360) and "i_lsb" codes per kA
    (251213500) of the board's divider and shunt, "hertz" (50). Power and energy follow from these two (MET-24).
    """

    kind = "bl0942"
    poll_ms = 200

    def __init__(self, uart: Any, calibration: Calibration | None, options: dict):
        super().__init__(1, calibration, options)
        self._uart = uart
        address = options.get("address", 0)
        self._head = _READ | address
        self._write_head = _WRITE | address
        self._mode = _MODE_60HZ if options.get("hertz", 50) == 60 else _MODE_50HZ
        self._scale(options.get("v_lsb", 15873360), options.get("i_lsb", 251213500))
        self._buffer = bytearray(64)
        self._view = memoryview(self._buffer)
        self._question = bytearray(2)
        self._command = bytearray(6)
        self._wanted = 0  # register that an answer is due for; _FULL for a frame, 0 for none
        self._requested_ms = 0
        self._turn = 0
        self._configured = False
        self._count_ms = 0  # when CF_CNT was believed last

    def _scale(self, v_lsb: int, i_lsb: int) -> None:
        cal = self._cal
        v, i = cal.v[0], cal.i[0]
        vi = v * i * cal.p[0]
        # codes per MW by MET-23: WATT / (V_RMS I_RMS) = 3537 / (305978 x 73989), whatever shunt and divider are
        p_lsb = v_lsb * i_lsb * 3537 // (305978 * 73989)
        self._v_ratio = ratio(v, v_lsb)
        self._i_ratio = ratio(i, i_lsb)
        self._p_ratio = ratio(1000 * vi, p_lsb * UNITY * UNITY)
        # a count is 419430.4 Ws at one code a W: mWh = 419430.4 / 3600 * 1000 / codes per W
        self._e_ratio = ratio(4194304 * 1000000 * vi * cal.e[0], 36 * p_lsb * UNITY * UNITY * UNITY * UNITY)
        self._counts_per_s = max(1, MAX_W * p_lsb // 419430400000)

    async def start(self) -> None:
        """Configure the chip and wait for the first frame. Does not raise; poll() retries what failed."""
        for _ in range(4):
            self.poll()
            await clock.sleep_ms(120)
        self.poll()

    def _work(self, now: int) -> None:
        wanted = self._wanted
        self._wanted = 0
        count = self._collect()
        try:
            if wanted:
                self._answer(wanted, count)
        finally:
            self._send_request(now)

    def _collect(self) -> int:
        """Read the bytes received since the last poll into the buffer; bytes that do not fit are noise and dropped."""
        count = self._uart.readinto(self._buffer) or 0
        while self._uart.any():
            self._uart.readinto(self._view[FRAME:])
        return count

    def _answer(self, wanted: int, count: int) -> None:
        if count == 0:
            self._configured = False
            raise MeterError("no answer")
        if wanted == _FULL:
            start = find_frame(self._buffer, count, self._head)
            if start < 0:
                raise MeterError("checksum")
            self._frame(start)
            return
        value = self._register(wanted, count)
        if value < 0:
            self._configured = self._configured and wanted == _WA_CREEP
            raise MeterError("checksum")
        self._failures = 0
        if wanted == _MODE and value == self._mode:
            self._configured = True
        elif wanted == _MODE:
            raise MeterError("settings refused")
        elif value != _CREEP:
            self._configured = False
            log.warn("meter", "bl0942: settings lost")

    def _register(self, register: int, count: int) -> int:
        """Value of a four-byte answer, -1 when it is damaged."""
        data = self._buffer
        total = self._head + register + data[0] + data[1] + data[2]
        if count != 4 or (total & 0xFF) ^ 0xFF != data[3]:
            return -1
        return _little24(data, 0)

    def _send_request(self, now: int) -> None:
        """Send the next request; settings that are still to be written go first."""
        self._requested_ms = now
        self._turn += 1
        if not self._configured:
            self._wanted = _MODE
            self._write(_WRPROT, 0x55)
            self._write(_MODE, self._mode)
            self._write(_WA_CREEP, _CREEP)
            self._write(_WRPROT, 0)
        elif self._turn >= _CHECK_EVERY:
            self._turn = 0
            self._wanted = _WA_CREEP
        else:
            self._wanted = _FULL
        question = self._question
        question[0] = self._head
        question[1] = self._wanted
        self._uart.write(question)

    def _write(self, register: int, value: int) -> None:
        command = self._command
        command[0] = self._write_head
        command[1] = register
        command[2] = value & 0xFF
        command[3] = value >> 8 & 0xFF
        command[4] = value >> 16 & 0xFF
        total = command[0] + command[1] + command[2] + command[3] + command[4]
        command[5] = (total & 0xFF) ^ 0xFF
        self._uart.write(command)

    def _frame(self, at: int) -> None:
        data = self._buffer
        reading = self.reading
        mul, div = self._i_ratio
        i_ma = _little24(data, at + 1) * mul // div
        mul, div = self._v_ratio
        v_mv = _little24(data, at + 4) * mul // div
        period = data[at + 16] | data[at + 17] << 8
        self._check_range(v_mv, i_ma)
        watt = _little24(data, at + 10)
        if watt & 0x800000:
            watt -= 0x1000000
        mul, div = self._p_ratio
        p_mw = watt * self._cal.sign[0] * mul // div
        self._pulses(_little24(data, at + 13), p_mw < 0)
        reading.v_mv[0] = v_mv
        reading.i_ma[0] = i_ma
        reading.p_mw[0] = p_mw
        hertz = 1000000000 // period if period else 0
        reading.f_mhz = hertz if 40000 <= hertz <= 70000 else 0
        self._measured(self._requested_ms)

    def _pulses(self, count: int, export: bool) -> None:
        """Energy from CF_CNT: 24 bits that wrap; a step that no load explains means that the chip restarted (MET-2)."""
        passed_s = clock.ticks_diff(self._requested_ms, self._count_ms) // 1000 + 2
        delta = self._counted(count, 0xFFFFFF, self._counts_per_s * passed_s)
        self._count_ms = self._requested_ms
        mul, div = self._e_ratio
        self._add_energy(-delta if export else delta, mul, div)


def create(kind: str, options: dict, entry: dict | None, buses: Any) -> BL0942:
    """The driver on the board's UART."""
    return BL0942(buses.uart(options, None), buses.calibrated(kind, 1, entry), options)
