"""One MicroPython process that serves the tests of one file, and what it can die of."""

import contextlib
import functools
import json
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import frozen
from simulator import compiled

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("runner.py")
RECORD = b"\x1e"
SHIMS, FIRMWARE = "boards/SIM", "firmware"
SUPPORT = ("host_tests/unit/support", ".frozen", ".toolchain/lib")
BEHIND = ("nice", "-n", "10")  # what computes leaves the cores to the chargers that run in real time beside it
# After the deadline: how long the interpreter has to answer a KeyboardInterrupt with its traceback.
GRACE_S = 1.0


@functools.cache
def binary(word: int) -> Path:
    """The interpreter with words of 64 bits as `make setup` brought it, or that of 32 bits that tools/frozen.py builds.

    Debian's own of 32 bits takes a third more processor time and is not configured like the ESP32's port. The firmware that is
    frozen into ours is not what the tests run: the folders of environment() come before it.
    """
    return frozen.any_interpreter() if word == 32 else ROOT / ".toolchain" / f"micropython{word}"


def environment(
    extra: dict[str, str] | None = None, firmware: str | None = None, folders: tuple[str, ...] = ()
) -> dict[str, str]:
    """The environment that MicroPython runs in: the search path, and nothing of it from outside.

    The shims of the simulated board come first, so that they shadow the built-in modules of the same name; then the firmware,
    which `firmware` replaces by the sources of a changed copy; then `folders`.
    """
    parts = (str(compiled.folder(SHIMS)), firmware or str(compiled.folder(FIRMWARE)), *folders, *SUPPORT)
    return {**os.environ, "MICROPYPATH": ":".join(parts), **(extra or {})}


@dataclass
class Result:
    """The outcome of one test: passed, failed, skipped, broken, hung or crashed; text is for the reader, summary first."""

    outcome: str
    text: str
    output: str


class Interpreter:
    """A MicroPython process for one test file; lines of test names go in, results come out."""

    def __init__(self, file: Path, word: int, heap: int | None, folder: Path) -> None:
        options = ["-X", f"heapsize={heap}"] if heap else []
        command = [*BEHIND, str(binary(word)), *options, str(RUNNER.relative_to(ROOT)), str(file.parent), file.stem]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment({"TEST_FOLDER": str(folder)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.folder = folder
        self.buffer = b""

    @property
    def alive(self) -> bool:
        """False once the process has ended."""
        return self.process.poll() is None

    def run(self, name: str, timeout_s: float) -> Result:
        """Run one test function; never raises for what the test does, not even when it kills the interpreter.

        What the interpreter waits for a core meanwhile, on a busy machine, comes on top of timeout_s.
        """
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(name.encode() + b"\n")
            self.process.stdin.flush()
        record = self._record_within(timeout_s)
        if record is not None:
            return self._result(*record)
        if not self.alive:
            return self._crashed()
        return self._interrupted(timeout_s)

    def close(self) -> None:
        """End the process and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _starved_s(self) -> float:
        """Seconds for which the process has been ready and waited for a core so far."""
        with contextlib.suppress(OSError):
            return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9
        return 0.0

    def _record_within(self, limit_s: float) -> tuple[bytes, bytes] | None:
        """_record() within so many seconds and those for which the process waits for a core meanwhile."""
        end = time.monotonic() + limit_s - self._starved_s()
        while True:
            deadline = end + self._starved_s()
            record = self._record(deadline)
            if record is not None or self._at_end() or end + self._starved_s() <= time.monotonic():
                return record

    def _record(self, deadline: float) -> tuple[bytes, bytes] | None:
        """The output and the record line after it; None at the deadline or at the end of the output."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                printed, mark, rest = self.buffer.partition(RECORD)
                if mark and b"\n" in rest:
                    line, _, self.buffer = rest.partition(b"\n")
                    return printed, line
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return None
                chunk = os.read(self.process.stdout.fileno(), 65536)
                if not chunk:
                    return None
                self.buffer += chunk

    def _at_end(self) -> bool:
        """True when the output has ended although the process may still be on its way out."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        return not self.alive

    @staticmethod
    def _result(printed: bytes, line: bytes) -> Result:
        outcome, text = json.loads(line)
        return Result(outcome, text, printed.decode(errors="replace"))

    def _interrupted(self, timeout_s: float) -> Result:
        """A hanging test: KeyboardInterrupt first, because its traceback says where it hangs."""
        self.process.send_signal(signal.SIGINT)
        record = self._record_within(GRACE_S)
        where = "(it did not answer a KeyboardInterrupt either)"
        if record:
            where = json.loads(record[1])[1].partition("\n")[2]
        printed = record[0] if record else self.buffer
        self.close()
        return Result("hung", f"still running after {timeout_s:g} s, killed\n{where}", printed.decode(errors="replace"))

    def _crashed(self) -> Result:
        """The process ended in the middle of a test."""
        code = self.process.wait()
        self.close()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        # sh reports the signal of the interpreter that it started as 128 + n.
        return Result("crashed", f"the interpreter ended during this test: {how}", self.buffer.decode(errors="replace"))
