#!/usr/bin/env python3
"""Make a unit: PINs, passwords, keys and a TLS identity of its own, written to it, and the label that belongs to it.

  tools/provision.py --state-dir state --labels labels            a simulated unit
  tools/provision.py --port /dev/ttyUSB0 --board ESP32_DEVKITC --serial PL2400017 --labels labels
  tools/provision.py --port /dev/ttyUSB0 --measure                what a PIN costs on this very board

The label's data is printed as one line of JSON; with --labels DIR the label itself is written there as PNG and PDF. That
is the only time that these secrets are readable: the unit keeps what verifies its PINs, and the rest encrypted. Exit code
1 and a sentence on stderr: it did not work (where a line of JSON was printed, the unit is made and only the drawing is
missing), 2: the command line is wrong.
"""

import argparse
import json
import secrets
import sys
from pathlib import Path

from board_definition import loading
from provisioning import record, state, unit


def _parser():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--state-dir", type=Path, metavar="DIR", help="a simulator's flash, made when it is not there")
    where.add_argument("--port", help="serial port of a board, for mpremote")
    parser.add_argument("--serial", help="serial number, 1 to 25 printable ASCII characters (default: drawn at random)")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="where the label goes, as PNG and PDF")
    parser.add_argument("--again", action="store_true", help="new credentials for a unit that has some")
    parser.add_argument("--board", default=None, type=loading.argument, metavar="NAME",
                        help="whose cost of a PIN to assume (at a port, unless --measure finds it)")
    parser.add_argument("--measure", action="store_true",
                        help="measure the cost of a PIN on the unit; alone it only tells the figure")
    parser.add_argument("--resume", action="store_true", help="no soft reset of the board first")
    parser.add_argument("--word", type=int, default=64, choices=(32, 64), help="interpreter for a state directory")
    return parser


def _unit_of(given):
    """(unit, what holds the state directory or None)."""
    if given.port:
        return unit.board(given.port, given.resume), None
    given.state_dir.mkdir(parents=True, exist_ok=True)
    folder = given.state_dir.absolute()
    return unit.state_directory(folder, given.word), state.hold(folder)


def _iterations(given, target):
    if not given.measure:
        return record.iterations(given.board or loading.SIMULATED)
    found = target.measure()
    print(f"provision: half a second is {found} iterations", file=sys.stderr)
    return max(record.LEAST_ITERATIONS, min(found, record.MOST_ITERATIONS))


def main(words=None):
    """Exit code."""
    parser = _parser()
    given = parser.parse_args(words)
    if given.port and not (given.board or given.measure):
        parser.error("--board is missing: the unit at the port is one of " + ", ".join(loading.names()))
    serial = f"PL{secrets.randbelow(10**8):08d}" if given.serial is None else given.serial
    if not 1 <= len(serial) <= 25 or not serial.isascii() or not serial.isprintable():
        parser.error("--serial must be 1 to 25 printable ASCII characters")
    try:
        if given.labels:  # whatever could fail fails before the unit is touched
            from provisioning import label as drawing

            drawing.prepare(given.labels)
        target, held = _unit_of(given)
        iterations = _iterations(given, target)
        if given.measure and not (given.serial or given.labels or given.again):
            return 0
        made, label = record.make(serial, iterations)
        target.write(made, given.again)
        print(json.dumps({"label": label}), flush=True)
        if given.labels:
            print("\n".join(f"provision: {path}" for path in drawing.write(label, given.labels)), file=sys.stderr)
        if held:
            held.close()
    except (unit.Failed, state.InUse, OSError) as error:
        print(f"provision: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
