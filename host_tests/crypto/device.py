"""The MicroPython side of these tests, as seen from CPython: ask many questions in one process."""

import json
import subprocess
from pathlib import Path

from mpy.interpreter import ROOT, binary, environment

PROGRAM = Path(__file__).with_name("on_device.py").relative_to(ROOT)


class Device:
    """The firmware's code on the interpreter with words of 32 or 64 bits."""

    def __init__(self, word: int, heap: int | None = None) -> None:
        options = ["-X", f"heapsize={heap}"] if heap else []
        self.command = [str(binary(word)), *options, str(PROGRAM)]

    def evaluate(self, cases: list) -> list:
        """The result of each case, in order; a case is [function of on_device.py, arguments...]."""
        lines = "".join(json.dumps(case) + "\n" for case in cases)
        done = subprocess.run(
            self.command,
            cwd=ROOT,
            env=environment(),
            input=lines,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(results) == len(cases), done.stdout[-2000:] + done.stderr[-2000:]
        return results

    def compare(self, cases: list) -> None:
        """Ask (name, case, wanted result) and fail with every case whose result is another."""
        results = self.evaluate([case for _, case, _ in cases])
        wrong = [
            f"{name}: got {result}, wanted {wanted}: {case}"
            for (name, case, wanted), result in zip(cases, results, strict=True)
            if result != wanted
        ]
        assert not wrong, "\n".join(wrong)


def ok(value: object) -> dict:
    """The result of a case that answers `value`."""
    return {"ok": value}


def refused(kind: str) -> dict:
    """The result of a case that raises CryptoError of this kind."""
    return {"refused": kind}
