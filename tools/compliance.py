#!/usr/bin/env python3
"""The matrix of rules with what the last run of the tests says of each: the skeleton of a technical file.

Its rows are the tables of docs/SECURITY.md and docs/COMPLIANCE.md: rule, state, how it is met and where, tests. What the
tests said is what `make test` has left in the cache of pytest, or a JUnit file (--junit). A row is

  Yes        built, and every test that it names passed
  Partly     as Yes, but the row says that something is missing
  No         a test failed or was not run, or nothing is built yet (open)
  Hardware   only the product's hardware can meet it; the row says what has to be done and how to check it
  Seller     a duty of the seller
  -          a definition, nothing to be met

Exit code 0: no row is No or Partly, 1: some are, 2: the command line, a table or the results cannot be read.
"""

import argparse
import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

from cli import failed

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("docs/SECURITY.md", "docs/COMPLIANCE.md")
RESULTS = ROOT / ".pytest_cache" / "v" / "pilotlight" / "last_run"
STATES = ("built", "part", "open", "hardware", "seller", "note")
FAMILIES = ("SEC", "UK", "WP")
_ROW = re.compile(r"\| ((?:SEC|UK|WP)-\d+) \|")
_TEST = re.compile(r"\b((?:\w+/)test_\w+\.py)(?:::(test_\w+))?")
_UNUSABLE = ("failed", "skipped")


class Unusable(Exception):
    """A table or the results cannot be read; the message says why."""


@dataclass
class Row:
    """One rule. `tests` are "file::function", or "file" for all that a file has."""

    rule: str
    state: str
    how: str
    tests: list
    verdict: str = ""
    reason: str = ""


def rows_of(text, name):
    """The rows of a document's tables; Unusable when one is not as it should be."""
    rows = []
    for line in text.splitlines():
        if not _ROW.match(line):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 4 or cells[1] not in STATES:
            raise Unusable(f"{name}: the row of {cells[0]} has not four cells, or an unknown state")
        tests = [path + ("::" + test if test else "") for path, test in _TEST.findall(cells[3])]
        rows.append(Row(cells[0], cells[1], cells[2], tests))
    return rows


def read_matrix(root=ROOT):
    """All rows, in the order of their numbers."""
    rows = []
    for name in DOCUMENTS:
        try:
            rows += rows_of((root / name).read_text(encoding="utf-8"), name)
        except OSError as error:
            raise Unusable(f"{name}: {error.strerror}") from error
    if len({row.rule for row in rows}) != len(rows):
        raise Unusable("a rule has two rows")
    return sorted(rows, key=lambda row: (FAMILIES.index(row.rule.split("-")[0]), int(row.rule.split("-")[1])))


def from_cache(path):
    """{"file::function": outcome} of what host_tests/last_run.py has kept, and what it says of the run."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {name: entry["outcome"] for name, entry in kept["tests"].items()}, kept["run"]
    except OSError as error:
        raise Unusable("no results of a run: make test") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{path.name}: not the results of a run") from error


def from_junit(path):
    """The same of a JUnit file, as `pytest --junit-xml=FILE` writes it."""
    try:
        tree = ElementTree.parse(path)
    except (OSError, ElementTree.ParseError) as error:
        raise Unusable(f"{path}: {error}") from error
    outcomes = {}
    for case in tree.iter("testcase"):
        file = case.get("classname", "").replace(".", "/").removeprefix("host_tests/")
        name = f"{file.removesuffix('/py')}.py::{case.get('name', '').split('[')[0]}"
        children = {child.tag for child in case}
        outcome = "failed" if children & {"failure", "error"} else "skipped" if "skipped" in children else "passed"
        outcomes[name] = worse(outcomes.get(name), outcome)
    suite = tree.find(".//testsuite")
    return outcomes, {"when": suite.get("timestamp") if suite is not None else None, "revision": None}


def worse(first, second):
    """Of two outcomes of one test, as on two word sizes, the one that counts."""
    for outcome in _UNUSABLE:
        if outcome in (first, second):
            return outcome
    return second


def outcome_of(test, outcomes):
    """"passed", "failed", "skipped" or "was not run", of a test or of all of a file."""
    if "::" in test:
        return outcomes.get(test, "was not run")
    found = None
    for name, outcome in outcomes.items():
        if name.partition("::")[0] == test:
            found = worse(found, outcome)
    return found or "was not run"


def judge(row, outcomes):
    """Set a row's verdict and reason."""
    faults = [f"{test} {outcome}" for test in row.tests if (outcome := outcome_of(test, outcomes)) != "passed"]
    if row.state == "open":
        row.verdict, row.reason = "No", "open"
    elif faults:
        row.verdict, row.reason = "No", faults[0] + (f", and {len(faults) - 1} more" if faults[1:] else "")
    elif row.state in ("built", "part") and not row.tests:
        row.verdict, row.reason = "No", "no test shows it"
    else:
        row.verdict = {"built": "Yes", "part": "Partly", "hardware": "Hardware", "seller": "Seller", "note": "-"}[row.state]
    return row


def as_text(rows, run):
    """For a terminal."""
    lines = [heading(run), ""]
    lines += [f"{row.rule:<7} {row.verdict + (': ' + row.reason if row.reason else '')}" for row in rows]
    return "\n".join([*lines, "", summary(rows)])


def as_markdown(rows, run):
    """For a technical file."""
    lines = ["# Rules and what shows them", "", heading(run), "", "| Rule | Result | How | Tests |", "|---|---|---|---|"]
    for row in rows:
        verdict = row.verdict + (": " + row.reason if row.reason else "")
        lines.append(f"| {row.rule} | {verdict} | {row.how} | {' '.join(row.tests) or '-'} |")
    return "\n".join([*lines, "", summary(rows)])


def heading(run):
    """Which run it was."""
    return f"Tests of {run.get('when') or 'an unknown time'}, revision {run.get('revision') or 'unknown'}"


def summary(rows):
    """The number of each."""
    counts = {}
    for row in rows:
        counts[row.verdict] = counts.get(row.verdict, 0) + 1
    return f"{len(rows)} rules: " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def main(words=None):
    """Exit code."""
    parser = argparse.ArgumentParser(
        prog="compliance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="take the results from a JUnit file")
    parser.add_argument("--results", type=Path, metavar="FILE", default=RESULTS, help=argparse.SUPPRESS)
    parser.add_argument("--family", choices=FAMILIES, help="only the rules of one family")
    given = parser.parse_args(words)
    try:
        outcomes, run = from_junit(given.junit) if given.junit else from_cache(given.results)
        rows = [judge(row, outcomes) for row in read_matrix() if given.family in (None, row.rule.split("-")[0])]
    except Unusable as error:
        return failed("compliance", error, 2)
    if given.json:
        print(json.dumps({"run": run, "rows": [asdict(row) for row in rows]}, indent=1))
    else:
        print((as_markdown if given.markdown else as_text)(rows, run))
    return 1 if any(row.verdict in ("No", "Partly") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
