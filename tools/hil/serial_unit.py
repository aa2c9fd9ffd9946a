"""MicroPython behind a serial port: mpremote's raw REPL, files written and read back, values printed as JSON."""

import json
from pathlib import Path

from device import FEED
from mpremote.transport import TransportError, TransportExecError

from .bench import BenchError
from .transport import SILENT_S, Transport

_MARK = "HIL "


class SerialUnit:
    """A board with an open prompt. soft_reset: first end the running program."""

    def __init__(self, port: str, what: str, soft_reset: bool = True) -> None:
        self.what = what
        self._serial = None
        try:
            self._serial = Transport(port)
            self._serial.enter_raw_repl(soft_reset=soft_reset, timeout_overall=SILENT_S)
            self.run(FEED)
        except (TransportError, OSError) as error:
            self.close()
            raise BenchError(f"{what}: no prompt at {port}: {error}") from error

    def run(self, code: str, timeout_s: float = 60) -> str:
        """Run code and return its output; BenchError with the unit's traceback, or when the code does not end."""
        try:
            self._serial.exec_raw_no_follow(code)
            printed, error = self._serial.follow(timeout_s)
        except (TransportError, TransportExecError, OSError) as error:
            raise BenchError(f"{self.what}: {error}") from error
        if error:
            raise BenchError(f"{self.what}: {error.decode(errors='replace')}")
        return printed.decode(errors="replace")

    def value(self, code: str, timeout_s: float = 60):
        """Run code and return the value that it passed to hil_agent.tell()."""
        printed = self.run(code, timeout_s)
        for line in printed.splitlines():
            if line.startswith(_MARK):
                return json.loads(line.removeprefix(_MARK))
        raise BenchError(f"{self.what}: no answer: {printed[-500:]}")

    def put(self, source: Path) -> None:
        """Write a file into the unit's current folder and read it back."""
        data = source.read_bytes()
        try:
            self._serial.fs_writefile(source.name, data)
            back = self._serial.fs_readfile(source.name)
        except (TransportError, OSError) as error:
            raise BenchError(f"{self.what}: {source.name} cannot be written: {error}") from error
        if bytes(back) != data:
            raise BenchError(f"{self.what}: {source.name} does not read back as it was written")

    def close(self) -> None:
        """Release the port."""
        if self._serial is not None:
            try:
                self._serial.close()
            except OSError:
                pass
            self._serial = None
