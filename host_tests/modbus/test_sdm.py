"""The Modbus meters' driver in MicroPython, against pymodbus as the meter, over a pseudo-terminal."""

import asyncio
import json
import os
import pty
import struct
import subprocess
import threading
import tty

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from house.source import ROOT

VALUES = {"sdm120": {0x00: 231.25, 0x06: 15.5, 0x0C: 3584.375}, "sdm630": {
    0x00: 231.25, 0x02: 230.5, 0x04: 229.75, 0x06: 15.5, 0x08: 16.25, 0x0A: 14.75, 0x0C: 3584.375, 0x0E: 3745.625,
    0x10: 3388.5}}  # fmt: skip
COMMON = {0x46: 50.0625, 0x48: 1234.5, 0x4A: 0.25}
SIZE = 0x60


class Meter:
    """pymodbus as a meter at one end of a pseudo-terminal; `port` is the other end."""

    def __init__(self, values, device=1) -> None:
        self._ends = [pty.openpty(), pty.openpty()]
        for end in self._ends:
            for handle in end:
                tty.setraw(handle)
        self.port = os.ttyname(self._ends[0][1])
        self._registers = [0] * SIZE
        self.set(values)
        none = [SimData(0, datatype=DataType.REGISTERS)]
        inputs = [SimData(0, values=list(self._registers), datatype=DataType.REGISTERS)]
        self._device = SimDevice(id=device, simdata=([SimData(0, values=False, datatype=DataType.BITS)],
                                                     [SimData(0, values=False, datatype=DataType.BITS)], none, inputs),
                                 action=self._present)  # fmt: skip
        self._loop = asyncio.new_event_loop()
        self._listens, self._stopped = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._carry, args=pair, daemon=True) for pair in ((0, 1), (1, 0))]
        self._server = threading.Thread(target=self._serve, daemon=True)
        for thread in (*self._threads, self._server):
            thread.start()
        assert self._listens.wait(60), "pymodbus does not listen"  # its open() empties what the line has received before

    def set(self, values) -> None:
        """Floats by register address, the high word first."""
        for address, value in values.items():
            self._registers[address : address + 2] = struct.unpack(">HH", struct.pack(">f", value))

    async def _present(self, function_code, start_address, address, count, current_registers, set_values):
        """Before each answer: the registers as they stand now."""
        assert function_code == 4 and count <= 80
        current_registers[:] = self._registers

    def _carry(self, source, target) -> None:
        """Bytes from one terminal's master to the other's: a null modem."""
        while not self._stopped.is_set():
            try:
                os.write(self._ends[target][0], os.read(self._ends[source][0], 512))
            except OSError:
                return

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def serve():
            server = ModbusSerialServer(
                self._device, framer=FramerType.RTU, port=os.ttyname(self._ends[1][1]), baudrate=9600)
            await server.serve_forever(background=True)
            self._listens.set()
            while not self._stopped.is_set():
                await asyncio.sleep(0.05)
            await server.shutdown()

        self._loop.run_until_complete(serve())

    def close(self) -> None:
        """End it."""
        self._stopped.set()
        self._server.join(10)
        for end in self._ends:
            for handle in end:
                os.close(handle)


class Driver:
    """The driver on MicroPython's unix port."""

    def __init__(self, port, kind, options, word) -> None:
        path = [str(ROOT / part) for part in ("host_tests/modbus/bench", "firmware")] + [".frozen"]
        environment = {"MICROPYPATH": ":".join(path), "METER_PORT": port, "METER_KIND": kind,
                       "METER_OPTIONS": json.dumps(options)}  # fmt: skip
        program = str(ROOT / "host_tests" / "modbus" / "bench" / "read_meter.py")
        self._process = subprocess.Popen([str(ROOT / ".toolchain" / f"micropython{word}"), program], env=environment, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait(self, wanted) -> dict:
        """Figures once it is "valid" again, or has a "fault"."""
        self._process.stdin.write(wanted + "\n")
        self._process.stdin.flush()
        while True:
            line = self._process.stdout.readline()
            if line.startswith("{"):
                return json.loads(line)
            assert line, "the driver ended"
            assert "Traceback" not in line, self._process.stdout.read()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def bench():
    """bench(kind, ...) -> (meter, driver)."""
    made = []

    def start(kind, values=None, device=1, word=64, **options):
        meter = Meter({**COMMON, **(VALUES[kind] if values is None else values)}, device)
        made.append(meter)
        driver = Driver(meter.port, kind, {"bus": 1, **options}, word)
        made.append(driver)
        return meter, driver

    yield start
    for part in reversed(made):
        part.close()


@pytest.mark.parametrize("word", [64, 32])
@pytest.mark.parametrize("kind", VALUES)
def test_figures_are_the_meters(bench, kind, word):
    """Each register at its address, each phase at its place."""
    _, driver = bench(kind, word=word)
    seen = driver.wait("valid")
    phases = 1 if kind == "sdm120" else 3
    for name, first in (("v", 0x00), ("i", 0x06), ("p", 0x0C)):
        assert seen[name][:phases] == [round(VALUES[kind][first + 2 * n] * 1000) for n in range(phases)], name
    assert seen["f"] == 50062 or seen["f"] == 50063


def test_energy_is_the_difference_of_the_meters_own_counter(bench):
    """Energy that it counted before is not billed; 2 Wh are."""
    meter, driver = bench("sdm120")
    assert driver.wait("valid")["energy_mwh"] == 0
    meter.set({0x48: 1234.502})
    for _ in range(3):  # an answer may have been on its way
        seen = driver.wait("valid")
    assert abs(seen["energy_mwh"] - 2000) <= 122  # steps of a float at 1234 kWh


def test_an_exception_of_modbus_is_the_fault(bench):
    """Address 2 is asked and pymodbus, which has address 1, answers with the exception 4: no figures, and the reason."""
    _, driver = bench("sdm120", address=2)
    seen = driver.wait("fault")
    assert not seen["valid"] and seen["fault"] == "refused: code 4"
