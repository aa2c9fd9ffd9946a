"""Benches whose unit hangs on a serial port: the bare-metal target with a simulated world, and a real board with a jig."""

import json
from pathlib import Path

from .bench import SETTINGS, Bench, BenchError, NotPlayable
from .serial_unit import SerialUnit

HERE = Path(__file__).resolve().parent
AGENTS = (HERE / "on_unit" / "hil_agent.py", HERE / "on_unit" / "eol_agent.py")
JIG = HERE / "jig" / "jig.py"
_HEAP = 3 * 1024 * 1024
_START_S = 180


class _SerialBench(Bench):
    """The base of both: the agent on the unit, which lets the firmware run from look to look."""

    unit: SerialUnit | None = None
    _report: dict | None = None

    def _start_agent(self) -> None:
        for source in AGENTS:
            self.unit.put(source)
        self.unit.run("import hil_agent, eol_agent")
        self._report = self.unit.value(f"hil_agent.start({SETTINGS!r})", _START_S)

    def version(self) -> dict:
        """Version of the firmware, and the file that it was imported from."""
        return self.unit.value("hil_agent.version()")

    def report(self) -> dict:
        return self._report

    def parts(self) -> dict:
        return self.unit.value("hil_agent.parts()")

    def ask(self, call: str):
        return self.unit.value(f"eol_agent.{call}")

    def advance(self, ms: int) -> None:
        self._report = self.unit.value(f"hil_agent.step({ms})")

    def close(self) -> None:
        if self.unit is not None:
            self.unit.close()
            self.unit = None


class TargetBench(_SerialBench):
    """The bare-metal target in place of a board: its C types, 32-bit words, and a simulated car on the same machine."""

    name = "target"

    def __init__(self) -> None:
        self._emulator = None

    def begin(self) -> None:
        from target import emulator, image

        self._emulator = emulator.Emulator(image.build(), _HEAP)
        self.unit = SerialUnit(self._emulator.release(), "target", soft_reset=False)
        self.unit.run(f"import disk, os, sys\ndisk.mount({emulator.DISK}, {emulator.DISK_BYTES}, '/disk')\n"
                      "os.chdir('/disk')\nsys.path.append('/disk')\nimport hil_world\nhil_world.prepare()", _START_S)  # fmt: skip
        self._start_agent()

    def command(self, cmd: str, **fields):
        reply = self.unit.value(f"hil_agent.tell(hil_world.command({json.dumps({'cmd': cmd, **fields})!r}))")
        if not reply["ok"]:
            raise BenchError(reply["error"])
        return reply["result"]

    def close(self) -> None:
        super().close()
        if self._emulator is not None:
            self._emulator.close()
            self._emulator = None


class BoardBench(_SerialBench):
    """A board with the firmware and an open prompt, and a second one that plays the car (tools/hil/jig)."""

    name = "board"

    def __init__(self, port: str, jig_port: str) -> None:
        self._ports = port, jig_port
        self._jig: SerialUnit | None = None

    def begin(self) -> None:
        port, jig_port = self._ports
        self._jig = SerialUnit(jig_port, "jig")
        self._jig.put(JIG)
        self._jig.run("import jig")
        self.command("plug_out")
        self.unit = SerialUnit(port, "unit")
        self.unit.run("import sys\nsys.path[:0] = ['']")
        self._start_agent()

    def command(self, cmd: str, **fields):
        reply = self._jig.value(f"print('HIL ' + jig.answer({json.dumps({'cmd': cmd, **fields})!r}))")
        if reply["ok"]:
            return reply["result"]
        raise (NotPlayable if reply.get("not_playable") else BenchError)(reply["error"])

    def close(self) -> None:
        super().close()
        if self._jig is not None:
            self._jig.close()
            self._jig = None
