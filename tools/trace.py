"""Read the traces that `simulate.py --trace FILE` writes: show them, filter them, compare two, turn one into a scenario.

    python3 tools/trace.py show FILE [--action NAME] [--charger ID] [--kind CALL] [--dir out] [--invalid] [--json]
    python3 tools/trace.py diff FILE FILE
    python3 tools/trace.py scenario FILE [--charger ID] > scenario.yaml

FILE may be - for stdin. Exit codes: 0 done, 1 the two traces differ, 2 the command line or a file is wrong.
"""

import argparse
import difflib
import json
import re
import sys

from cli import exit_with, read_json
from scenarios import files, recorded

KINDS = ("CALL", "CALLRESULT", "CALLERROR")
_ARROWS = {"out": "->", "in": "<-"}
# Parts that differ between two runs of the same: instants, ids that a side makes up, what a meter has counted.
_VOLATILE = re.compile(r"(?i)time|^date|expiryDate|^validFrom$|^validTo$|transactionId|^meterSt(art|op)$|^value$|SerialNumber")


class Mistake(Exception):
    """A fault of the command line or a file, as one sentence."""


def lines_of(path):
    """The objects of a trace, oldest first."""
    try:
        with sys.stdin if path == "-" else open(path, encoding="utf-8") as file:
            found = [read_json(line) for line in file if line.strip()]
    except OSError as error:
        raise Mistake(f"'{path}' cannot be read: {error.strerror}.") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise Mistake(f"'{path}' is no trace: {error}.") from error
    if not all(isinstance(line, dict) and {"dir", "kind", "at_ms"} <= set(line) for line in found):
        raise Mistake(f"'{path}' is no trace: a line lacks dir, kind or at_ms.")
    if not all(map(_is_message, found)):
        raise Mistake(f"'{path}' is no trace: dir is out or in, kind one of {', '.join(KINDS)} or null, at_ms a number.")
    return found


def _is_message(line):
    return (line["dir"] in _ARROWS and line["kind"] in (*KINDS, None) and isinstance(line["at_ms"], int | float)
            and isinstance(line.get("action"), str | None))


def text_of(line):
    """A message as one line of text."""
    for name in ("payload", "error", "raw"):
        if name in line:
            return json.dumps(line[name], ensure_ascii=False, separators=(",", ":"))
    return ""


def shown(line):
    """A line for people."""
    latency = f" after {line['latency_ms']} ms" if "latency_ms" in line else ""
    bad = f"  !! {line['invalid']}" if line.get("invalid") else ""
    return (f"{line['at_ms'] / 1000:10.3f} {line.get('charger', '')} {_ARROWS[line['dir']]} {line['kind'] or 'not OCPP'} "
            f"{line.get('action') or '?'}{latency} {text_of(line)}{bad}")


def matches(line, given):
    """Whether a line passes the filters of the command line."""
    wanted = (("action", given.action), ("charger", given.charger), ("kind", given.kind), ("dir", given.dir))
    if any(value is not None and str(line.get(name)).lower() != value.lower() for name, value in wanted):
        return False
    return not given.invalid or bool(line.get("invalid"))


def stable(value):
    """A payload without what differs between two runs of the same."""
    if isinstance(value, dict):
        return {name: "~" if _VOLATILE.search(name) and not isinstance(item, dict | list) else stable(item)
                for name, item in sorted(value.items())}
    return [stable(item) for item in value] if isinstance(value, list) else value


def comparable(line):
    """A line as diff compares it: direction, kind, action, and the stable part of its payload."""
    said = dict(line, payload=stable(line["payload"])) if "payload" in line else line
    return f"{_ARROWS[line['dir']]} {line['kind']} {line.get('action')} {text_of(said)}"


def differences(old, new):
    """Lines of a unified diff of two traces; none when they say the same."""
    return list(difflib.unified_diff(*([comparable(line) for line in lines_of(path)] for path in (old, new)),
                                     fromfile=old, tofile=new, lineterm=""))


def as_scenario(lines, charger=None):
    """The content of a scenario that does to a new charger what was done to this one; Mistake for a trace of several."""
    of_ocpp = files.actions()  # another one cannot be called again
    found = [line for line in lines if (charger is None or line.get("charger") == charger) and
             (line["kind"] is None or line.get("action") is None or line["action"] in of_ocpp)]
    known = sorted({line.get("charger", "") for line in found})
    if len(known) > 1:
        raise Mistake(f"The trace is of {len(known)} chargers: choose one by --charger ({', '.join(known[:3])} ...).")
    if not found:
        raise Mistake("The trace has no message" + (f" of '{charger}'." if charger else "."))
    return recorded.scenario_of(found)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Mistake(message[0].upper() + message[1:] + "; see --help.")


def _parser():
    parser = _Parser(prog="trace.py", allow_abbrev=False, description="Read traces of OCPP messages.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    show = commands.add_parser("show", help="print a trace for people")
    show.add_argument("file")
    show.add_argument("--action", help="only messages of this action, and their answers")
    show.add_argument("--charger", help="only of the charger with this identity")
    show.add_argument("--kind", type=str.upper, choices=KINDS)
    show.add_argument("--dir", choices=("out", "in"), help="out: from the charger")
    show.add_argument("--invalid", action="store_true", help="only what breaks a schema")
    show.add_argument("--json", action="store_true", help="print the lines as they are")
    diff = commands.add_parser("diff", help="compare two traces, without times, ids and meter readings")
    diff.add_argument("old")
    diff.add_argument("new")
    scenario = commands.add_parser("scenario", help="print a scenario for tools/scenario.py that repeats a trace")
    scenario.add_argument("file")
    scenario.add_argument("--charger", help="of the charger with this identity, where the trace has several")
    return parser


def run(given):
    """Exit code."""
    if given.command == "show":
        for line in lines_of(given.file):
            if matches(line, given):
                print(json.dumps(line, ensure_ascii=False) if given.json else shown(line))
        return 0
    if given.command == "scenario":
        import yaml

        print(yaml.safe_dump(as_scenario(lines_of(given.file), given.charger), sort_keys=False, allow_unicode=True), end="")
        return 0
    if given.old == given.new == "-":
        raise Mistake("Only one of the two traces can come from stdin.")
    found = differences(given.old, given.new)
    print("\n".join(found) if found else "The two traces say the same.")
    return 1 if found else 0


def main(words):
    """Exit code."""
    try:
        code = run(_parser().parse_args(words))
        sys.stdout.flush()
        return code
    except Mistake as mistake:
        print(f"trace: {mistake}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    exit_with(main)
