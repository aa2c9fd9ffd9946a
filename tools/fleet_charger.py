"""One charger of a fleet: its unit, its interpreter, its control port, its trace."""

import asyncio
import contextlib
import os
import re
import signal

from provisioning import state
from simulate import open_trace, provide
from simulator import board, control, options

VIRTUAL = 0.999  # of --time-scale 1: real time would make ticks late where the processors are fewer than the chargers need
NICE = 10  # of the chargers: this process, their back end perhaps, must not wait for hundreds of them
_CONNECTED = re.compile(rb"(\d+)\.(\d{3}) I link: connected")  # a line of the firmware's log, with the charger's own time


class Charger:
    """One charger of the fleet."""

    def __init__(self, number, identity, folder, words):
        self.identity = identity
        self.folder = folder / identity
        self.launch, _, _, trace = options.parse([
            "--state-dir", str(self.folder), "--identity", identity, "--seed", str(number + 1), "--control", "127.0.0.1:0",
            *words,
        ])  # fmt: skip
        if trace == "-":
            raise options.Mistake("--trace of a fleet goes to a file.")
        self._tracer = open_trace(trace, identity)
        self.last_line = ""
        self.on_connected = None  # called with (identity, ms of the charger's own time)
        self.status = {}
        self.failure = None
        self._held = None
        self._board = None
        self._port = None
        self._task = None

    def _log(self, line):
        if line:
            self.last_line = line.decode("utf-8", "replace")
            connected = _CONNECTED.match(line)
            if connected and self.on_connected is not None:
                self.on_connected(self.identity, int(connected[1]) * 1000 + int(connected[2]))

    async def start(self):
        """Start the interpreter; the unit is provisioned first when it is new."""
        self._held = state.hold(self.folder)
        await asyncio.to_thread(provide, self.launch, self.folder)
        self._board = board.Board(self.launch, self._log, tracer=self._tracer, nice=NICE)
        self._port = control.ControlPort(self._board.command)
        number = await self._port.open("127.0.0.1", 0)
        (self.folder / "control").write_text(f"127.0.0.1:{number}\n")
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        try:
            await self._board.run()
        except board.BoardError as error:
            self.failure = str(error)

    async def command(self, name, **fields):
        """The result of a command of the control port, None where it was refused."""
        answer = await self._board.command({"cmd": name, **fields})
        return answer.get("result") if answer.get("ok") else None

    async def poll(self):
        """Take the charger's status."""
        if self._board is not None and self.failure is None:
            self.status = await self.command("status") or self.status

    @property
    def process(self):
        """Process id of the interpreter, None while there is none."""
        return self._board.pid if self._board is not None else None

    def hold(self, held):
        """Take the processor from it, or give it back."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGSTOP if held else signal.SIGCONT)

    async def stop(self):
        """End it cleanly."""
        if self._port is not None:
            self._port.close()
            (self.folder / "control").unlink(missing_ok=True)
        if self._task is not None:
            if self.launch["time_scale"] < 1:  # the firmware says goodbye in its own time
                await self.command("time_scale", x=VIRTUAL)
            await self._board.stop()
            await self._task
            self.failure = self.failure or self._board.failure
        if self._tracer is not None:
            self._tracer.close()
        if self._held is not None:
            self._held.close()
