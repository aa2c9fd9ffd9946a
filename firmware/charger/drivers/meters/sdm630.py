"""Eastron SDM630 and SDM120 (MID meters) by Modbus RTU: one read of their input registers, energy from their own counter.

Registers and floats: Eastron, "SDM630Modbus smart meter, Modbus protocol implementation", V1.2, and "SDM120Modbus ...", V2.4;
CRC and frames: "MODBUS over serial line", V1.02, 2.5.1.2. A MID meter was calibrated by its maker: it has no entry in
calibration.json. The RS-485 transceiver switches its direction by itself.
"""

from micropython import const

from charger import clock
from charger.drivers.meters.calibration import Calibration
from charger.drivers.meters.meter_driver import MeterDriver
from charger.errors import MeterError

_KINDS = const((("sdm630", "uart", 3),))
_OPTIONS = const((("address", 1, 247), ("baudrate", 2400, 38400)))

_READ_INPUT = const(4)  # function code
_REGISTERS = const(76)  # 0x0000 to 0x004B; the meter answers 80 at most
_FRAME = const(157)  # address, function, count, 152 bytes of data, CRC
_V, _I, _P = const(0x00), const(0x06), const(0x0C)  # of L1; L2 and L3 follow at two registers each
_HZ, _IMPORT, _EXPORT = const(0x46), const(0x48), const(0x4A)
_ANSWER_MS = const(900)  # 157 bytes at 2400 baud take 654 ms
_MWH_PER_WS_MILLI = const(278)
_NEVER = 1 << 60  # mWh: the counter does not roll over in a meter's life


def crc16(data: Buffer, count: int) -> int:
    """The CRC of the first bytes, sent low byte first."""
    crc = 0xFFFF
    for n in range(count):
        crc ^= data[n]
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def milli(data: Buffer, at: int) -> int:
    """Thousandths of the big-endian single-precision float (IEEE 754); MeterError for one that is no number."""
    bits = data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
    exponent = bits >> 23 & 0xFF
    if exponent >= 150 + 20:  # 8.8e12 and more, infinity, no number
        raise MeterError("implausible")
    value = (bits & 0x7FFFFF | 0x800000) * 1000 if exponent else 0
    shift = 150 - exponent
    value = value << -shift if shift <= 0 else (value + (1 << shift - 1)) >> shift
    return -value if bits >> 31 else value


class Sdm(MeterDriver):
    """The meter with this many phases on a UART, 8N1; "address" (1), "baudrate" (9600) as set at the meter."""

    poll_ms = 100

    def __init__(self, kind: str, uart: Any, phases: int, options: dict):
        self.kind = kind
        super().__init__(phases, Calibration(kind, phases), options)
        self._uart = uart
        request = bytearray((options.get("address", 1), _READ_INPUT, 0, 0, 0, _REGISTERS, 0, 0))
        crc = crc16(request, 6)
        request[6], request[7] = crc & 0xFF, crc >> 8
        self._request = request
        self._buffer = bytearray(2 * _FRAME)
        self._view = memoryview(self._buffer)
        self._count = 0  # bytes of the answer so far
        self._requested_ms = 0
        self._waiting = False
        self._counters: tuple | None = None  # (import, export) in mWh of the last answer
        self._counted_ms = 0

    def _work(self, now: int) -> None:
        if self._waiting:
            self._collect()
            at = self._find()
            if at < 0 and clock.ticks_diff(now, self._requested_ms) < _ANSWER_MS:
                return
            received, self._waiting = self._count, False
            if at < 0:
                self._send_request(now)
                raise MeterError("checksum" if received else "no answer")
            self._take(at + 3)
        self._send_request(now)

    def _send_request(self, now: int) -> None:
        while self._uart.any():  # what came too late
            self._uart.readinto(self._buffer)
        self._count = 0
        self._requested_ms = now
        self._waiting = True
        self._uart.write(self._request)

    def _collect(self) -> None:
        while self._count < len(self._buffer):
            count = self._uart.readinto(self._view[self._count :])
            if not count:
                return
            self._count += count

    def _find(self) -> int:
        """Offset of the answer, -1 while there is none; a transceiver may echo the request before it."""
        data = self._buffer
        for at in range(self._count - 4):
            if data[at] != self._request[0] or data[at + 1] & 0x7F != _READ_INPUT:
                continue
            if data[at + 1] & 0x80 and crc16(self._view[at:], 3) == data[at + 3] | data[at + 4] << 8:
                self._waiting = False
                raise MeterError("refused: code %d" % data[at + 2])
            whole = data[at + 2] == 2 * _REGISTERS and self._count - at >= _FRAME
            if whole and crc16(self._view[at:], _FRAME - 2) == data[at + _FRAME - 2] | data[at + _FRAME - 1] << 8:
                return at
        return -1

    def _take(self, at: int) -> None:
        """Fill the reading from the data that begins at this offset."""
        data, reading = self._buffer, self.reading
        values = [[milli(data, at + 2 * (first + 2 * n)) for n in range(reading.phases)] for first in (_V, _I, _P)]
        self._check_range(max(values[0]), max(values[1]))
        if min(values[0]) < 0:
            raise MeterError("implausible")
        for n in range(reading.phases):
            reading.v_mv[n] = values[0][n]
            reading.i_ma[n] = abs(values[1][n])
            reading.p_mw[n] = values[2][n]
        hertz = milli(data, at + 2 * _HZ)
        reading.f_mhz = hertz if 40000 <= hertz <= 70000 else 0
        counters = (milli(data, at + 2 * _IMPORT) * 1000, milli(data, at + 2 * _EXPORT) * 1000)
        last, self._counters = self._counters, counters
        since, self._counted_ms = self._counted_ms, self._requested_ms
        if last is not None:  # counted before the first answer: not billed
            for n, sign in ((0, 1), (1, -1)):
                self._add_energy(sign * self._step(counters[n] - last[n], since), 1, 1)
        self._measured(self._requested_ms)

    def _step(self, mwh: int, since_ms: int) -> int:
        """The increase of a counter, 0 if it is impossible: another meter was connected."""
        return max(0, self._plausible_count(mwh, _MWH_PER_WS_MILLI, _NEVER, since_ms, self._requested_ms))


def create(kind: str, options: dict, _entry: dict | None, buses: Any) -> Sdm:
    """The driver on the board's UART; sdm120.py says the same of one phase."""
    return Sdm(kind, buses.uart(options, None, options.get("baudrate", 9600)), 1 if kind == "sdm120" else 3, options)
