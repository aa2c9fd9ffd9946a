"""The interpreter that runs the simulated board: started, fed with commands, and started again when the board restarts.

What the board keeps over a restart (the car, the faults, the clock) it hands over with its last message; the next
interpreter takes it over before the firmware starts, so that the control port has an answer again after some 0.1 s.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from simulator import compiled

ROOT = Path(__file__).resolve().parents[2]
MARK = b"\x1e"
_MESSAGE = MARK + b"{"  # a byte like the mark may be in what the firmware writes to its serial line
PWRON_RESET = 1
WDT_RESET = 3
REBOOT_MS = 1000  # the least time a restarting charger is off the network
DEFAULT_HEAP = 2 * 1024 * 1024
CONTROL_HEAP = 12 * 1024  # for commands and replies while they are in work
_WORLD_SLACK = 96 * 1024  # what the world's sources need while they are compiled; filled up before the firmware starts
ANSWER_S = 30
STOP_S = 10
_WATCHDOG = tuple(code for number in (signal.SIGALRM, signal.SIGPROF) for code in (-number, 128 + number))
_QUICK_CRASHES = 4
_QUICK_S = 5


class BoardError(Exception):
    """The board cannot run at all; the message says why."""


def interpreter(word):
    """Path of MicroPython with this word size; BoardError when it was not fetched."""
    path = ROOT / ".toolchain" / f"micropython{word}"
    if not path.exists():
        raise BoardError(f"There is no {word}-bit MicroPython in .toolchain; run 'make setup' first.")
    return path


class Board:
    """One simulated board. run() until stop(); command() at any time; `log` gets each line of its output."""

    def __init__(self, launch, log, print_label=None, tracer=None, serial=None, nice=0):
        """`print_label()` prints the label of a board that has taken the record of launch["provision"], and returns when that is
        done: until then the board does not count as provisioned. `tracer` gets its frames; `serial` is the SerialLine of its
        console; `nice` lowers its process's priority.
        """
        self.launch = launch
        self.log = log
        self._print_label = print_label
        self._tracer = tracer
        self._serial = serial
        self._nice = nice
        self._to_board = None  # commands
        self.failure = None
        self._heap = DEFAULT_HEAP
        self._process = None
        self._up = asyncio.Event()
        self._waiting = {}
        self._next = 0
        self._kept = None
        self._cause = PWRON_RESET
        self._delay_ms = 0
        self._ended = None  # event of the board's own end: reboot, power_cut, crashed, stopped
        self._stopping = False
        self._crashes = 0

    @property
    def pid(self):
        """Process id of the interpreter, None while none runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    # --- commands ---

    async def command(self, command):
        """The board's reply to a command; held back while the board restarts."""
        self._next += 1
        number = self._next
        future = asyncio.get_running_loop().create_future()
        line = json.dumps({**command, "n": number}, allow_nan=False).encode() + b"\n"
        self._waiting[number] = (future, line)
        try:
            if self._up.is_set():
                self._write(line)
            async with asyncio.timeout(ANSWER_S):  # wait_for() of Python 3.11 forgets a cancellation that meets the answer
                return await future
        except TimeoutError:
            return {"ok": False, "error": f"the board did not answer within {ANSWER_S} s"}
        finally:
            self._waiting.pop(number, None)

    def _write(self, line):
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._to_board.write(line)

    # --- process ---

    async def _start(self, extra=None, heap=None):
        this_start = {"kept": self._kept, "reset_cause": self._cause, "boot_delay_ms": self._delay_ms}
        read, write = os.pipe()
        launch = {**self.launch, **this_start, **(extra or {}), "link_fd": read}
        # The shims of the board shadow the port's modules; a real board's board.py comes before the simulated one's.
        path = [str(compiled.folder("boards/SIM")), ".frozen"]
        if launch["board"]:
            path[0:0] = [str(ROOT / "boards" / name) for name in (launch["board"], "common", "SIM/real")]
        if not launch["frozen"]:
            path[-1:-1] = [] if launch["romfs"] else [str(compiled.folder("firmware"))]
            path.append(str(ROOT / ".toolchain" / "lib"))
        process = await asyncio.create_subprocess_exec(
            launch["frozen"] or str(interpreter(launch["word"])), "-X", f"heapsize={heap or self._heap}", "-m", "sim.start",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd="/", pass_fds=(read,),
            process_group=0,  # Ctrl-C is for this process alone, which then stops the board cleanly
            env={"MICROPYPATH": ":".join(path), "PATH": os.environ.get("PATH", "")},
        )
        os.close(read)
        if self._nice:
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + self._nice)
        if self._to_board is not None:
            self._to_board.close()
        self._to_board, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.Protocol, os.fdopen(write, "wb"))
        process.stdin.write(json.dumps(launch).encode() + b"\n")  # behind this line it is the console's serial line
        if self._serial is None:
            process.stdin.write_eof()
        else:
            self._serial.on_bytes = process.stdin.write
        return process

    async def _measure(self):
        """Heap that the simulated world takes, which --heap does not count.

        A start that stops before the firmware says what is in use then, after a collection: world, shims, control
        commands and flash device. The real start adds that to --heap, plus room for commands in work, and keeps those two
        in one piece until the firmware starts.
        """
        process = await self._start({"measure": True}, DEFAULT_HEAP)
        output, _ = await process.communicate()
        for line in output.split(b"\n"):
            if line.startswith(MARK):
                return json.loads(line[1:])["bytes"]
        raise BoardError("The simulated world does not start; see above.")

    async def run(self):
        """Keep a board running until stop(); BoardError when it cannot be."""
        if self.launch["heap"]:
            reserve = self.launch["heap"] + CONTROL_HEAP
            self._heap = reserve + await self._measure() + _WORLD_SLACK
            self.launch["reserve"] = reserve
        while not self._stopping:
            self._ended = None
            began = asyncio.get_running_loop().time()
            self._process = await self._start()
            if self._stopping:  # while there was no board that could be told
                self._process.kill()
            await self._read(self._process.stdout)
            code = await self._process.wait()
            self._up.clear()
            if not self._stopping:
                self._prepare_restart(code, asyncio.get_running_loop().time() - began)
            elif self._ended is None and code in _WATCHDOG:
                self.failure = "The watchdog bit before the firmware had stopped."

    def _prepare_restart(self, code, lived_s):
        event = self._ended or {"event": "died"}
        kind = event["event"]
        self._kept = event.get("kept", self._kept)
        self._delay_ms = REBOOT_MS
        self._cause = event.get("cause", WDT_RESET)
        if kind == "power_cut":
            self._cause = PWRON_RESET
            self._delay_ms = max(REBOOT_MS, int(event["seconds"] * 1000))
        if kind in ("reboot", "power_cut"):
            self._crashes = 0
            return
        why = "the watchdog bit" if code in _WATCHDOG else f"exit code {code}"
        print(f"simulate: the board's interpreter ended ({why}); restarting it", file=sys.stderr, flush=True)
        self._crashes = self._crashes + 1 if lived_s < _QUICK_S else 0
        if self._crashes >= _QUICK_CRASHES:
            raise BoardError("The firmware does not start; see the errors above.")

    async def _read(self, stream):
        rest = b""
        while True:
            chunk = await stream.read(65536)
            if not chunk:
                if rest:
                    self.log(rest)
                return
            if self._serial is not None:
                self._serial.send(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                text, mark, message = line.partition(_MESSAGE)
                if text or not mark:
                    self.log(text)
                if mark:
                    self._take(json.loads(b"{" + message))

    def _take(self, message):
        event = message.get("event")
        if event == "up":
            self._up.set()
            for _, line in list(self._waiting.values()):
                self._write(line)
        elif event == "frame":
            self._tracer.frame(message["sent"], message["at_ms"], message["text"])
        elif event == "provisioned":
            if self._print_label is not None:
                self._print_label()
            self._write(b"\n")
        elif event == "warning":
            print("simulate: " + message["text"], file=sys.stderr, flush=True)
        elif event is not None:
            self._ended = message
        else:
            self._kept = message.pop("kept", self._kept)
            future, _ = self._waiting.get(message.pop("n"), (None, None))
            if future is not None and not future.done():
                future.set_result(message)

    async def stop(self):
        """Clean stop: the firmware saves what it has; a board that does not end in time is killed."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._next += 1
        self._write(json.dumps({"cmd": "stop", "n": self._next}).encode() + b"\n")
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            self.failure = "The firmware did not stop in time."
            with contextlib.suppress(ProcessLookupError):
                process.kill()
