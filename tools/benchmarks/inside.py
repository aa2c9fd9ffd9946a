"""Runs a measuring script inside MicroPython, against the simulated board, and reads its figures back."""

import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HEAP = 4 * 1024 * 1024  # the scripts keep every measured value
SEARCH = "boards/SIM:firmware:.frozen"  # the shims have to come first


class BenchError(Exception):
    """A measurement could not be made; the message says why."""


def run(script, word, timeout_s=300):
    """Run a script of this folder; the lines `name value` that it prints, as a dictionary of integers."""
    interpreter = ROOT / ".toolchain" / f"micropython{word}"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(interpreter), "-X", f"heapsize={HEAP}", str(Path(__file__).with_name(script))],
            capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, "MICROPYPATH": SEARCH, "BENCH_FOLDER": folder}, timeout=timeout_s, check=False,
            stdin=subprocess.DEVNULL,
        )
    if done.returncode:
        raise BenchError(f"{script} on {word} bit ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    figures = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        if name.startswith("bench."):
            figures[name[6:]] = int(value)
    return figures
