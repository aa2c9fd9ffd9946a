"""Run the unit tests' functions on the target: one start of it for each file, a new one after a hang or a crash."""

import json
from dataclasses import dataclass
from pathlib import Path

from . import emulator, image

HEAP = 2 * 1024 * 1024
RECORD = "\x1e"
_START = f"""
import disk, runner
disk.mount({emulator.DISK}, {emulator.DISK_BYTES}, "/tmp")
import %s as module
"""


@dataclass
class Result:
    """The outcome of one test: passed, failed, skipped or broken; the text has the summary first."""

    outcome: str
    text: str
    output: str = ""


class UnitFile:
    """One test file on the target."""

    def __init__(self, path: Path, heap: int = HEAP) -> None:
        self.path = path
        self.heap = heap
        self._running: emulator.Emulator | None = None

    def run(self, name: str, timeout_s: float = 120) -> Result:
        """Run one test function; its failure is the result."""
        try:
            if self._running is None or not self._running.alive:
                self._running = emulator.Emulator(image.build(), self.heap)
                self._running.run(_START % self.path.stem)
        except emulator.TargetError as error:
            self.close()
            return Result("broken", str(error))
        try:
            printed = self._running.run(f"runner.run(module, {name!r})", timeout_s)
        except emulator.TargetError as error:
            self.close()
            return Result("failed", str(error))
        output, mark, record = printed.partition(RECORD)
        if not mark:
            return Result("failed", "the test ended the runner", output)
        outcome, text = json.loads(record)
        return Result(outcome, text, output)

    def close(self) -> None:
        """End the target."""
        if self._running is not None:
            self._running.close()
            self._running = None
