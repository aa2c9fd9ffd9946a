"""BoardBench between two bare-metal targets: one stands in for the board, one for the jig, and the wires between them are here.

Both run what a board and a jig run, behind their serial ports: soft reset, raw REPL, the copied agents and the copied firmware
of the jig. A soft reset leaves a target without its files; what the start-up code of a board does about that is START.
"""

import json
import os
import signal

from hil import serial_bench
from hil.serial_bench import BoardBench
from hil.serial_unit import SerialUnit
from target import emulator, image

_DISK = (f"import disk, os, sys\ndisk.mount({emulator.DISK}, {emulator.DISK_BYTES}, '/disk')\nos.chdir('/disk')\n"
         "sys.path.append('/disk')\n")  # fmt: skip
START = {
    "unit": _DISK + "import hil_world\nhil_world.prepare()",
    # The jig's firmware takes its pins from the module machine: those of the wires.
    "jig": _DISK + """
import json, time
sys.path.append('/rom/sim')
sys.modules['machine'] = sys
import jig, jig_wires
wires = jig_wires.Wires(jig)
sys.modules['machine'] = jig_wires.Io(wires)
del sys.modules['jig']
sys.path[:] = ['/disk', '.frozen']
""",
}
_START_S = 180
_FAULTS = {"leak": "GroundFailure", "diode_short": "diode", "pilot_short": "pilot_short", "weld": "PowerSwitchFailure"}
_CABLES = {"pp_13": 13, "pp_20": 20, "pp_32": 32}
_CLOSED = """
print('HIL ' + json.dumps([[name for name, pin in jig.PINS.items() if wires.levels.get(pin) == 1], wires.sent.decode()]))
wires.sent = b''
"""


class WiredBench(BoardBench):
    """A BoardBench whose board and jig are emulated."""

    name = "wired"

    def __init__(self, monkeypatch) -> None:
        super().__init__("", "")
        self._closed: set[str] = set()
        self._targets = {"unit": None, "jig": None}
        monkeypatch.setattr(serial_bench, "SerialUnit", self._started)

    def begin(self) -> None:
        self._targets["unit"] = emulator.Emulator(image.build(), 3 * 1024 * 1024)
        self._targets["jig"] = emulator.Emulator(image.build(), 1024 * 1024, folders=("target", "support", "lib"))
        self._ports = self._targets["unit"].release(), self._targets["jig"].release()
        super().begin()

    def _started(self, port: str, what: str) -> SerialUnit:
        unit = SerialUnit(port, what)
        unit.run(self._targets[what].start + START[what], _START_S)
        return unit

    def close(self) -> None:
        super().close()
        for target in self._targets.values():
            if target is not None:
                target.close()

    # --- the wires ---

    def command(self, cmd: str, **fields):
        if cmd == "measure":
            plug = self._world("measure")
        seen = None
        self._run_only("jig")
        try:
            if cmd == "measure":
                self._jig.run(f"wires.duty_permille, wires.live = {plug['duty_permille']}, {plug['live']}")
            result = super().command(cmd, **fields)
            if self.unit is not None and cmd != "measure":
                seen = self._jig.value(_CLOSED)
        finally:
            self._run_only("unit")
        if seen is not None:
            self._carry(set(seen[0]), seen[1])
        return result

    def _run_only(self, which: str) -> None:
        """An emulator that waits for a character takes a whole core: the other one stands still."""
        for name, target in self._targets.items():
            os.kill(target.process.pid, signal.SIGCONT if name == which else signal.SIGSTOP)

    def _world(self, cmd: str, **fields):
        reply = self.unit.value(f"hil_agent.tell(hil_world.command({json.dumps({'cmd': cmd, **fields})!r}))")
        assert reply["ok"], reply
        return reply["result"]

    def _carry(self, closed: set[str], sent: str) -> None:
        """The jig's closed outputs and sent cards are those at the unit."""
        for name in sorted(closed ^ self._closed):
            if name in _FAULTS:
                self._world("raise_fault" if name in closed else "clear_fault", name=_FAULTS[name], connector=1)
            elif name in _CABLES and name in closed:
                self._world("cable", amps=_CABLES[name])
        was, car = ({name for name in names if name.startswith("car_")} for names in (self._closed, closed))
        if car != was:
            self._world(_move(car, was))
        if sent:
            self.unit.run(f"from sim import world\nworld.current().outlets[0].reader.send({sent.encode()!r})")
        self._closed = closed


def _move(car: set[str], was: set[str]) -> str:
    """The actions of a car whose resistors change so."""
    if not car:
        return "plug_out"
    if "car_d" in car:
        return "ventilation"
    if "car_c" in car:
        return "resume" if was else "plug_in"
    return "pause" if was else "plug_in_idle"
