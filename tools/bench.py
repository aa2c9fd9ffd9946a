"""The bench: boot time, control tick, memory, throughput, flash wear. Prints a table; --write keeps it in the docs.

Exit code 0 when all was measured, 1 with a sentence when a measurement failed, 2 for a wrong command line.
"""

import argparse
import platform
import sys
import time

import bench_crypto
from benchmarks import boot, history, memory, reaction, tick, traffic, update, wear
from benchmarks.inside import BenchError
from rich.console import Console
from rich.table import Table

from backend import CallRefused, CommandRefused, SimulatorError, WaitTimeout
from backend.simulator import ROOT

SUBJECTS = {"boot": boot, "tick": tick, "reaction": reaction, "memory": memory, "traffic": traffic, "wear": wear,
            "history": history, "update": update, "crypto": bench_crypto}
DOCUMENT = ROOT / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def arguments(words):
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the charger in the simulator.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; all if none")
    parser.add_argument("--write", action="store_true", help="update the table in docs/PERFORMANCE.md")
    options = parser.parse_args(words)
    unknown = [s for s in options.subjects if s not in SUBJECTS]
    if unknown:
        parser.error(f"there is no subject {unknown[0]!r}; there are {', '.join(SUBJECTS)}")
    if options.write and options.subjects:
        parser.error("--write needs all subjects, so that the table holds figures of one run")
    return options


def machine():
    """The machine of the measurement, in words that a reader can compare."""
    model = platform.machine()
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, CPython {platform.python_version()}, {time.strftime('%Y-%m-%d')}"


def write(rows):
    """Replace the table between the marks in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    table = ["| Figure | Value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    block = "\n".join([BEGIN, f"Measured on {machine()}.", "", *table, END])
    DOCUMENT.write_text(head + block + tail, encoding="utf-8")


def main(words=None):
    """Entry point; returns the exit code."""
    options = arguments(words)
    console = Console(highlight=False)
    rows = []
    for name in options.subjects or SUBJECTS:
        console.print(f"measuring {name} ...", style="dim")
        try:
            rows += SUBJECTS[name].rows()
        except (BenchError, SimulatorError, WaitTimeout, CallRefused, CommandRefused, OSError, TimeoutError) as error:
            print(f"bench: {name} could not be measured: {error}", file=sys.stderr)
            return 1
    table = Table("Figure", "Value", title="Pilotlight bench", title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if options.write:
        write(rows)
        print(f"{DOCUMENT.relative_to(ROOT)} updated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
