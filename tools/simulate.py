"""Run one simulated charger: the firmware as it ships, on MicroPython's unix port, on a simulated board.

    python3 tools/simulate.py --state-dir state --csms ws://127.0.0.1:9000/ocpp --identity PL-0001

--help lists the options. SIGTERM and Ctrl-C stop it cleanly (exit code 0), SIGKILL is a power cut. Exit code 2 and one
sentence on stderr: the command line is wrong, or something outside the project is missing. The control port's address
is written to DIR/control while it runs. A state directory that is empty becomes a unit of its own, whose label is printed
as one line of JSON, {"label": {...}}: its PINs and passwords are printed this once. With the environment
variable PILOTLIGHT_END_WITH_PID it also stops when the process of that number ends: a killed test run leaves nothing behind.
PILOTLIGHT_RUN_COUNTER names a file in which the process that controls the charger counts while it runs: scaled time stands still
while it does not (boards/SIM/sim/loop_wait.py).
"""

import asyncio
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from provisioning import record, state
from simulator import board, control, options, serial_line, tracer
from web_page import build as web_page

_LOG_LINES = 10000
_OWNER = "PILOTLIGHT_END_WITH_PID"
_COUNTER = "PILOTLIGHT_RUN_COUNTER"


class Log:
    """Lines to a stream from a thread of its own: a reader that stops reading must not stop the charger."""

    def __init__(self, stream):
        self._stream = stream.buffer
        self._lines = queue.Queue(_LOG_LINES)
        threading.Thread(target=self._run, daemon=True).start()

    def __call__(self, line):
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(line)

    def _run(self):
        while True:
            line = self._lines.get()
            try:
                self._stream.write(line + b"\n")
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):  # the reader has gone
                return
            finally:
                self._lines.task_done()

    def flush(self):
        """Wait until all is written, or a second has passed."""
        done = threading.Thread(target=self._lines.join, daemon=True)
        done.start()
        done.join(1)


def provide(launch, folder):
    """The label of the credentials that a unit gets at its start; None for one that has them already."""
    launch["serial"] = state.serial(folder)
    if state.is_provisioned(folder):
        return None
    serial = launch["set"].get("ChargeBoxSerialNumber", "")[:25]
    if not serial.isprintable() or not serial:
        serial = launch["serial"] or f"SIM{launch['seed']:05d}"
    try:
        launch["provision"], label = record.make(serial, record.iterations(launch["board"] or "SIM"))
    except (OSError, subprocess.SubprocessError) as error:
        raise board.BoardError("The unit's credentials cannot be made; run 'make setup' first.") from error
    return label


def _end_with_owner(stop):
    """Call stop() when the process that the environment names ends; options.Mistake when there is no such process."""
    if not os.environ.get(_OWNER):
        return
    try:
        descriptor = os.pidfd_open(int(os.environ[_OWNER]))
    except (ValueError, OSError) as error:
        raise options.Mistake(f"{_OWNER} names no running process.") from error
    asyncio.get_running_loop().add_reader(descriptor, stop)


def _run_counter():
    """The file of the environment's counter, None without; options.Mistake when it is not there."""
    path = os.environ.get(_COUNTER)
    if path and not os.path.isfile(path):
        raise options.Mistake(f"{_COUNTER} names no file.")
    return path and os.path.abspath(path)


def open_trace(path, identity):
    """The writer of the trace; None without one."""
    if path is None:
        return None
    try:
        return tracer.Tracer(path, identity)
    except OSError as error:
        raise options.Mistake(f"--trace '{path}' cannot be written: {error.strerror}.") from error
    except ImportError as error:
        raise options.Mistake("--trace needs the project's own Python: make setup, then .venv/bin/python.") from error


def open_line(path):
    """The serial line of the board's console; None without one."""
    try:
        return None if path is None else serial_line.SerialLine(path)
    except OSError as error:
        raise options.Mistake(f"--serial-line '{path}' cannot be made: {error.strerror}.") from error


async def _run(launch, folder, where, label, trace):
    stop = asyncio.Event()
    _end_with_owner(stop.set)
    log = Log(sys.stderr if trace == "-" else sys.stdout)
    traced = open_trace(trace, launch["identity"] or launch["serial"])
    line = open_line(launch.pop("serial_line"))

    def print_label():
        log(json.dumps({"label": label}).encode())
        log.flush()

    charger = board.Board(launch, log, print_label, traced, line)
    port = control.ControlPort(charger.command)
    host = where[0]
    try:
        number = await port.open(*where)
    except OSError as error:
        raise options.Mistake(f"--control {host}:{where[1]} cannot be used: {error.strerror}.") from error
    file = folder / "control"
    file.write_text(f"{host}:{number}\n")
    if not where[1]:
        print(f"simulate: control port {host}:{number}", file=sys.stderr, flush=True)
    running = asyncio.create_task(charger.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await charger.stop()
        await running
    finally:
        port.close()
        with contextlib.suppress(OSError):
            file.unlink()
        if line is not None:
            line.close()
        log.flush()
        if traced is not None:
            traced.close()
    if charger.failure:
        raise board.BoardError(charger.failure)


def _many(words):
    """Run --count chargers; the exit code. The fleet needs packages, which one charger does without."""
    count, ours, theirs = options.of_a_fleet(words)
    try:
        import fleet
    except ImportError as error:
        raise options.Mistake("--count needs the project's own Python: make setup, then .venv/bin/python.") from error
    return fleet.main([count, "--seconds", "0", *ours, "--", *theirs])


def main(words):
    """Exit code."""
    try:
        if options.is_fleet(words):
            return _many(words)
        launch, folder, where, trace = options.parse(words)
        launch["run_counter"] = _run_counter()
        for warning in options.warnings(launch):
            print(f"simulate: {warning}", file=sys.stderr, flush=True)
        board.interpreter(launch["word"])
        if launch["web"] and not (launch["romfs"] or launch["frozen"]):
            web_page.bring_up_to_date()
        held = state.hold(folder)
        asyncio.run(_run(launch, folder, where, provide(launch, folder), trace))
        held.close()
    except (options.Mistake, state.InUse) as mistake:
        print(f"simulate: {mistake}", file=sys.stderr)
        return 2
    except (board.BoardError, web_page.PageError) as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 2 if "make setup" in str(error) else 1
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the log's thread may be stuck on a reader that does not read
