"""The meter of the house by Modbus TCP: SunSpec (models 201 to 204, 211 to 214) and Eastron SDM630.

Modbus has no encryption: it is off until the owner or the installer sets HouseMeter, only reads, and only from an address of the
home network. Its readings can lower the current of the charger, and raise it up to the charger's own limits.
"""

import asyncio
import struct

from micropython import const

from charger import clock, log
from charger.errors import ConnectError, MeterError
from charger.net.tls import open_stream

_PORT = const(502)
_DEADLINE_MS = const(3000)  # of the connection and of each answer
_AGAIN_MS = const(3000)
_EACH_MS = const(1000)
_HOLDING, _INPUT = const(3), const(4)  # functions
_MARK = b"SunS"
_BASES = (40000, 50000, 0)
_MOST_MODELS = const(40)
_MOST_AMPS, _MOST_WATTS = const(1000), const(300000)


def parse(text: str) -> tuple:
    """(kind, host, port, unit) of a value of HouseMeter, which the configuration has checked."""
    kind, _, rest = text.partition("://")
    host, _, unit = rest.partition("/")
    host, _, port = host.partition(":")
    return kind, host, int(port or _PORT), int(unit or 1)


class HouseMeter:
    """Reads once a second. `fault`: why there is no reading, "" while there is."""

    def __init__(self, address: str, on_reading: Callable) -> None:
        """on_reading(0.1 A of each phase, W); values below 0 flow to the grid."""
        self.fault = "starting"
        self._kind, self._host, self._port, self._unit = parse(address)
        self._on_reading = on_reading
        self._stream = None
        self._number = 0

    async def run(self) -> None:
        """The task: connect, read until it fails, connect again."""
        while True:
            try:
                self._stream, _ = await open_stream(self._host, self._port, None, _DEADLINE_MS)
                await self._read_on()
            except (OSError, EOFError, ConnectError, MeterError, asyncio.TimeoutError) as error:
                why = log.reason(error)
                if why != self.fault:
                    log.warn("house", "no reading of the meter: " + why)
                self.fault = why
            finally:
                if self._stream is not None:
                    self._stream.close()
                    self._stream = None
            await clock.sleep_ms(_AGAIN_MS)

    async def _read_on(self) -> None:
        sdm = self._kind == "sdm630"
        where, model = (6, 0) if sdm else await self._find()
        while True:
            start = clock.ticks_ms()
            if sdm:
                values = struct.unpack(">6f", await self._request(_INPUT, where, 12))
                amps, watts = values[:3], values[3:]
            elif model < 210:
                values = struct.unpack(">21h", await self._request(_HOLDING, where, 21))
                amps, watts = scaled(values[1:4], values[4]), scaled(values[17:20], values[20])
            else:
                values = struct.unpack(">17f", await self._request(_HOLDING, where, 34))
                amps, watts = values[1:4], values[14:17]
            amps_da, power_w = reading(amps, watts)
            self.fault = ""
            self._on_reading(amps_da, power_w)
            await clock.sleep_ms(max(100, _EACH_MS - clock.elapsed_ms(start)))

    async def _find(self) -> tuple:
        """(first register of the meter's model, its number) of a SunSpec device."""
        for base in _BASES:
            try:
                if await self._request(_HOLDING, base, 2) != _MARK:
                    continue
            except MeterError:  # there are no such registers
                continue
            at = base + 2
            for _ in range(_MOST_MODELS):
                model, size = struct.unpack(">HH", await self._request(_HOLDING, at, 2))
                if 201 <= model <= 204 or 211 <= model <= 214:
                    return at + 2, model
                at += 2 + size
                if model == 0xFFFF or at > 65000:
                    break
            raise MeterError("SunSpec without a meter")
        raise MeterError("no SunSpec device")

    async def _request(self, function: int, first: int, count: int) -> bytes:
        """The registers from an address. MeterError for an invalid answer."""
        self._number = self._number + 1 & 0x7FFF
        head = struct.pack(">HHHBB", self._number, 0, 6, self._unit, function)
        return await asyncio.wait_for_ms(self._exchange(head + struct.pack(">HH", first, count), head, 2 * count), _DEADLINE_MS)

    async def _exchange(self, request: bytes, head: bytes, size: int) -> bytes:
        stream = self._stream
        stream.write(request)
        await stream.drain()
        number, protocol, length, unit, function, count = struct.unpack(">HHHBBB", await stream.readexactly(9))
        if (number, protocol, unit) != (self._number, 0, self._unit) or function & 0x7F != head[7] or not 3 <= length <= size + 3:
            raise OSError("not an answer of Modbus")
        if function & 0x80:
            raise MeterError("refused with code %d" % count)
        if count != size or length != size + 3:
            raise OSError("not an answer of Modbus")
        return await stream.readexactly(size)


def scaled(values: tuple, factor: int) -> list:
    """Integers of SunSpec with their power of ten; None for a value that the device does not have."""
    if not -10 <= factor <= 10:
        return [None] * len(values)
    return [None if value == -0x8000 else value * 10.0**factor for value in values]


def reading(amps: tuple | list, watts: tuple | list) -> tuple:
    """(0.1 A of each phase that the meter has, W of all); a phase's current has the sign of its power. MeterError."""
    amps_da = []
    power_w = 0
    for k in range(3):
        current, power = amps[k], watts[k]
        if current is None or current != current:
            break
        if power is None or power != power:
            raise MeterError("no power of a phase")
        if abs(current) > _MOST_AMPS or abs(power) > _MOST_WATTS:
            raise MeterError("out of range")
        da = int(abs(current) * 10 + 0.5)
        amps_da.append(-da if power < 0 else da)
        power_w += int(power)
    if not amps_da:
        raise MeterError("no current")
    return tuple(amps_da), power_w
