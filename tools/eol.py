#!/usr/bin/env python3
"""End-of-line test of a calibrated unit whose console is still open: pilot, contactor, meter, residual current, card, Wi-Fi.

  tools/eol.py --port /dev/ttyUSB0 --jig /dev/ttyUSB1 --network Hall --reports reports

A load is connected to the plug; the tool asks for what the reference meter shows. The limits come from the board's data and
docs/PRODUCTION.md. Writes SERIAL.json and SERIAL.pdf. Exit code 0: passed; 1: failed, the report says what; 2: it could not
be begun, with one sentence.
"""

import argparse
import datetime
import sys
from pathlib import Path

import device
from board_definition import loading
from calibrate import ask_figures
from cli import failed
from end_of_line import report, steps
from hil.bench import BenchError

FORM = 1  # of the report; a change of what is tested or of a limit counts it up
_VERSION = Path(__file__).resolve().parent.parent / "firmware" / "charger" / "version.py"


def ask_reference(phases: int) -> list[tuple[int, int, int]]:
    """The operator's readings of the reference meter, in mV, mA and mW of each phase."""
    print("The load is on. What does the reference meter show?")
    figures = ask_figures(phases)
    return list(zip(figures["v"], figures["i"], figures["p"], strict=True))


def test(bench, network: str | None, reference, folder: Path) -> int:
    """Run the test on a bench and write the report; exit code."""
    with bench:
        result = steps.Test(bench, loading.literal(_VERSION, "VERSION"), network, reference).run()
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    plain = {"time": now, "version": FORM, **result.plain()}
    for row in result.rows:
        print(f"{'passed' if row.passed else 'FAILED':<7} {row.name}: {row.value} {row.unit} {row.note}".rstrip())
    for words in result.left_out:
        print(f"not tested: {words}")
    paths = report.write(plain, folder)
    print(f"{'passed' if result.passed else 'FAILED'}: {paths[0]}, {paths[1]}")
    return 0 if result.passed else 1


def main(words: list[str] | None = None) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(
        prog="eol.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--port", default="", help="serial port of the unit")
    parser.add_argument("--jig", default="", help="serial port of the jig (docs/BRINGUP.md)")
    parser.add_argument("--network", help="a Wi-Fi network of the hall that the unit has to receive")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of the reports (default: reports)")
    given = parser.parse_args(words)
    from hil.serial_bench import BoardBench

    try:
        bench = BoardBench(device.port(given.port), device.port(given.jig, "JIG"))
        return test(bench, given.network, ask_reference, given.reports)
    except (device.MissingError, BenchError, OSError) as error:
        return failed("eol", error, 2)


if __name__ == "__main__":
    sys.exit(main())
