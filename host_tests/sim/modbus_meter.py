"""Energy meters of a house as pymodbus serves them: SunSpec with integers or floats, and Eastron SDM630."""

import asyncio
import struct
import threading

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from backend.simulator import free_port
from backend.waiting import wait_until

SUNSPEC_BASE = 40000
UNIT = 7


def sunspec(model, amps, watts):
    """The registers of a SunSpec device: the mark, a common model, an inverter, the meter's model, the end."""
    if model < 210:
        values = [-0x8000] * 105
        values[0:5] = [int(sum(amps) * 100), *[int(amp * 100) for amp in amps], -2]
        values[16:21] = [int(sum(watts) // 10), *[int(watt // 10) for watt in watts], 1]
        body = struct.pack(">105h", *values)
    else:
        values = [float("nan")] * 62
        values[0:4] = [sum(amps), *amps]
        values[13:17] = [sum(watts), *watts]
        body = struct.pack(">62f", *values)
    data = b"SunS" + struct.pack(">HH", 1, 66) + bytes(132) + struct.pack(">HH", 103, 50) + bytes(100)
    data += struct.pack(">HH", model, len(body) // 2) + body + struct.pack(">HH", 0xFFFF, 0)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def sdm630(amps, watts):
    """Input registers 0 to 17: voltages, currents, powers."""
    return list(struct.unpack(">36B18H", bytes(36) + struct.pack(">9f", 230, 230, 230, *amps, *watts))[36:])


class HouseMeter:
    """A server with one meter; `amps` and `watts` are what it tells, `requests` counts, `refuses` makes it busy."""

    def __init__(self, kind, amps=(0, 0, 0), watts=(0, 0, 0)):
        self.kind, self.amps, self.watts = kind, list(amps), list(watts)
        self.requests, self.refuses = 0, False
        self.port = free_port()
        self.scheme = "sdm630" if kind == "sdm630" else "sunspec"
        self.address = f"{self.scheme}://127.0.0.1:{self.port}/{UNIT}"
        self.loop = self.server = None
        self.open()

    def registers(self):
        return sdm630(self.amps, self.watts) if self.kind == "sdm630" else sunspec(self.kind, self.amps, self.watts)

    async def _tell(self, _function, _start, _address, _count, registers, _values):
        self.requests += 1
        if self.refuses:
            return ExcCodes.DEVICE_BUSY
        now = self.registers()
        registers[: len(now)] = now
        return None

    def open(self):
        listens = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve(listens)), daemon=True)
        self.thread.start()
        wait_until(listens.is_set, 10, "the Modbus server listening")

    async def _serve(self, listens):
        base = 0 if self.kind == "sdm630" else SUNSPEC_BASE
        block = [SimData(base, values=self.registers(), datatype=DataType.REGISTERS)]
        device = SimDevice(UNIT, simdata=block, action=self._tell)
        self.loop = asyncio.get_running_loop()
        self.server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        serving = asyncio.create_task(self.server.serve_forever())
        while not self.server.is_active():
            await asyncio.sleep(0.02)
        listens.set()
        await serving

    def close(self):
        """The meter is gone: connections end, and nobody listens."""
        asyncio.run_coroutine_threadsafe(self.server.shutdown(), self.loop).result(10)
        self.thread.join(10)
