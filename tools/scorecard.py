"""The compliance sheet of the charger, from a live run: each row is Yes only when the run has shown it.

Starts chargers on the simulated board and local back ends, does what each row says, and prints Yes, or No with the reason.
Exit code 0 when the sheet was made, whatever it says; 1 when it could not be; 2 for a command line that makes no sense.
"""

import argparse
import json
import sys
from dataclasses import asdict
from itertools import groupby

from cli import in_range, output_file
from scoresheet import access, charging, metering, sheet
from simulator.settings import Mistake, factory_settings

from backend import SimulatorError, WaitTimeout

GROUPS = (  # the longest first
    charging.Remote, access.Protocol, charging.Profiles, metering.Sent, metering.Configured, access.BasicAuth, access.Tls,
    access.Tls13, access.ClientCertificate, access.WrongAuthority, access.Unsupported, charging.Shared, charging.Firmware,
)  # fmt: skip


def arguments(words):
    """The command line."""
    parser = argparse.ArgumentParser(prog="scorecard", description="The charger's compliance sheet, from a live run.")
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the rows to a file as well")
    parser.add_argument("--word", type=int, choices=(32, 64), default=64, help="the interpreter's word size")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated world")
    parser.add_argument("--jobs", type=in_range(1, 64), default=4, help="chargers at the same time")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="factory value of a key")
    parser.add_argument("--section", choices=sheet.SECTIONS, help="only the groups with rows of this section")
    return parser.parse_args(words)


def show(rows):
    """The sheet as text."""
    lines = []
    for section, entries in groupby(rows, key=lambda entry: entry.section):
        lines.append(f"\n{section[0].upper()}{section[1:]}")
        lines += [f"  {entry.text:<92} {'Yes' if entry.yes else 'No: ' + entry.reason}" for entry in entries]
    earned = sum(entry.yes for entry in rows)
    return "\n".join([*lines, "", f"{earned} of {len(rows)} rows: Yes"])


def main(words=None):
    """Entry point; returns the exit code."""
    options = arguments(words)
    try:
        overrides = factory_settings(options.set)
    except Mistake as mistake:
        print(f"scorecard: {mistake}", file=sys.stderr)
        return 2
    groups = [kind for kind in GROUPS
              if options.section is None or any(row[0] == options.section for row in sheet.rows_of(kind))]
    try:
        rows = sheet.run(groups, options.word, options.seed, overrides, options.jobs)
    except sheet.UselessSetting as mistake:
        print(f"scorecard: {mistake}.", file=sys.stderr)
        return 2
    except (OSError, SimulatorError, WaitTimeout) as error:
        print(f"scorecard: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    print(show(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(entry) for entry in rows], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
