"""Drive a running simulator from a shell.

    python3 tools/ctl.py plug_in
    python3 tools/ctl.py swipe CARD0001
    python3 tools/ctl.py raise_fault GroundFailure 1
    python3 tools/ctl.py ev max_amps=10 phases=1
    python3 tools/ctl.py status
    python3 tools/ctl.py top
    python3 tools/ctl.py help

Arguments go in the order that `help` shows, or as NAME=VALUE. Which simulator: --control HOST:PORT, else the one of
--state-dir DIR, else PILOTLIGHT_CONTROL in the environment, else state/control, else 127.0.0.1:8899.
Exit codes: 0 done, 1 the charger refused or does not answer, 2 the command line is wrong.
"""

import argparse
import json
import math
import os
import socket
import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cli import exit_with
from simulator.options import DEFAULT_CONTROL, Mistake, address

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "PILOTLIGHT_CONTROL"
_TIMEOUT_S = 35
_LINE = 100  # characters
_HELP_WIDTH = 34  # of the column with the commands


class Refused(Exception):
    """The simulator refused the command, or did not answer."""


class Port:
    """A connection to the control port."""

    def __init__(self, host, port):
        try:
            self._socket = socket.create_connection((host, port), 5)
        except OSError as error:
            raise Refused(f"No simulator answers at {host}:{port} ({error.strerror or error}).") from error
        self._socket.settimeout(_TIMEOUT_S)
        self._file = self._socket.makefile("rb")

    def command(self, **command):
        """The result of one command."""
        try:
            self._socket.sendall(json.dumps({"id": 1, **command}).encode() + b"\n")
            answer = json.loads(self._file.readline() or b"null")
        except (OSError, ValueError) as error:
            raise Refused(f"The simulator does not answer: {error}.") from error
        if not isinstance(answer, dict):
            raise Refused("The simulator closed the connection.")
        if not answer.get("ok"):
            raise Refused(str(answer.get("error", "refused")))
        return answer.get("result")


def where(control, state_dir):
    """(host, port) of the simulator that is meant."""
    if control:
        return address(control, "--control")
    if state_dir:
        try:
            return address((Path(state_dir) / "control").read_text().strip(), "The simulator's address")
        except OSError as error:
            raise Refused(f"No simulator runs in '{state_dir}'.") from error
    if os.environ.get(VARIABLE):
        return address(os.environ[VARIABLE], VARIABLE)
    usual = ROOT / "state" / "control"
    return address(usual.read_text().strip() if usual.is_file() else DEFAULT_CONTROL, "The simulator's address")


def _value(text, kind, name):
    if kind == "str":
        return text
    if kind == "bool":
        if text.lower() in ("true", "yes", "on", "1"):
            return True
        if text.lower() in ("false", "no", "off", "0"):
            return False
        raise Mistake(f"{name} must be true or false, not '{text}'.")
    try:
        value = int(text) if kind == "int" or text.lstrip("-").isdigit() else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Mistake(f"{name} must be a number, not '{text}'.")
    return value


def arguments(words, expected, cmd):
    """Command-line words as the fields that a command expects."""
    kinds = {name: kind for name, kind, _ in expected}
    order = list(kinds)
    fields = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in kinds:
            free = [candidate for candidate in order if candidate not in fields]
            if not free or (name.isidentifier() and equals and kinds[free[0]] != "str"):
                raise Mistake(f"'{word}' is no argument of {cmd}, which takes: {_signature(cmd, expected)}.")
            name, text = free[0], word
        fields[name] = _value(text, kinds[name], name)
    missing = [name for name, _, required in expected if required and name not in fields]
    if missing:
        raise Mistake(f"{cmd} needs {' and '.join(missing)}: {_signature(cmd, expected)}.")
    return fields


def _signature(cmd, expected):
    return " ".join([cmd] + [name if required else f"[{name}]" for name, _, required in expected])


def _show_help(commands):
    for name, entry in sorted(commands.items()):
        *lines, last = textwrap.wrap(_signature(name, entry["args"]), _LINE, initial_indent="  ", subsequent_indent="      ")
        if len(last) > _HELP_WIDTH + 2:
            lines, last = [*lines, last], ""
        print("\n".join([*lines, f"{last:<{_HELP_WIDTH + 2}}  {entry['text']}"]))
    print(f"  {'top':<{_HELP_WIDTH}}  With --pace: board time by task, the longest slices and gaps")


def _show_status(status):
    csms = status.get("csms", {})
    tick, heap = status["tick"], status["heap"]
    state = "starting" if status.get("starting") else f"up {status['uptime_ms'] / 1000:.1f} s"
    online = "online" if csms.get("connected") else "offline"
    print(f"charger    {state}, {online}, network {status.get('network', '?')}, time x{status.get('time_scale', 1):g}")
    print(f"tick       {tick['count']} ticks, longest gap {tick['max_gap_ms']} ms, slowest {tick['max_us']} us")
    used, free, peak = (heap[name] / 1024 for name in ("used", "free", "peak"))
    print(f"heap       {used:.0f} KiB used, {free:.0f} free, peak {peak:.0f}")
    for number, one in sorted(status["connectors"].items()):
        error = "" if one["error_code"] in (None, "NoError") else f" ({one['error_code']})"
        print(f"connector {number}  {one['ocpp_status']}{error}, car {one.get('car')}, pilot {one['pilot']}, "
              f"contactor {'closed' if one['relay'] else 'open'}")
        power = "-" if one["power_w"] is None else f"{one['power_w']} W"
        energy = "-" if one["energy_wh"] is None else f"{one['energy_wh']} Wh"
        print(f"           offered {one['offered_amps']:g} A, drawn {one['drawn_amps']:g} A, {power}, {energy}")
        if one["transaction_id"] is not None or one["id_tag"]:
            print(f"           transaction {one['transaction_id']}, tag {one['id_tag']}")
        if one.get("reason"):
            print(f"           {one['reason']}")
        if one.get("faults"):
            print(f"           raised: {', '.join(one['faults'])}")


def _table(title, rows, columns):
    """Rows of text, each column as wide as it must be; numbers to the right."""
    if not rows:
        return
    print(f"\n{title}")
    rows = [columns, *rows]
    widths = [max(len(str(row[n])) for row in rows) for n in range(len(columns))]
    for row in rows:
        cells = [str(cell).ljust(width) if name in ("task", "cause", "what") else str(cell).rjust(width)
                 for name, cell, width in zip(columns, row, widths)]
        print("  " + "  ".join(cells).rstrip())


def _ms(us):
    return f"{us / 1000:.1f}"


def _show_top(status):
    """The figures of --pace, in board time."""
    paced = status.get("paced")
    if paced is None:
        raise Refused("The simulator runs without --pace: there is no board time to show.")
    tick = status["tick"]
    up_s = status["uptime_ms"] / 1000
    print(f"pace       {status['pace']}, {paced['factor']:g} times this machine, up {up_s:.1f} s of board time")
    print(f"tick       {tick['count']} ticks, median {_ms(tick.get('median_us', 0))} ms, p99 {_ms(tick.get('p99_us', 0))}, "
          f"longest {_ms(tick['max_us'])}; longest gap {tick['max_gap_ms']} ms, {tick.get('lost', 0)} lost")
    collections = paced["collections"]
    print(f"collection {collections['count']} of {_ms(collections['us'])} ms")
    _table("Longest slices without a yield", [
        (_ms(one["us"]), _ms(one["hardware_us"]), one["times"], f"{one['at_ms'] / 1000:.1f}", one["task"])
        for one in paced["slices"]], ("ms", "hardware", "times", "at s", "task"))  # fmt: skip
    _table("Longest gaps between two ticks", [
        (_ms(one["us"]), f"{one['at_ms'] / 1000:.1f}", one["task"], one["what"] or "-")
        for one in paced["gaps"]], ("ms", "at s", "task", "cause"))  # fmt: skip
    whole = max(1, status["uptime_ms"])
    shares = sorted(paced["cpu_ms"].items(), key=lambda item: -item[1])
    _table("CPU by task", [(ms, f"{100 * ms / whole:.1f}", name) for name, ms in shares if ms], ("ms", "%", "task"))
    costs = sorted(paced["hardware_ms"].items(), key=lambda item: -item[1])
    _table("Hardware", [(ms, f"{100 * ms / whole:.1f}", name) for name, ms in costs if ms], ("ms", "%", "what"))


def _show(cmd, result):
    if cmd == "help":
        _show_help(result)
    elif cmd == "status":
        _show_status(result)
    elif isinstance(result, dict):
        for key, value in sorted(result.items()):
            print(f"{key} = {'' if value is None else value}")
    elif result is None:
        print("ok")
    else:
        print(json.dumps(result))


def failed(tool, error):
    """Print why a command failed; the exit code: 2 for a mistake on the command line, 1 for a refusal."""
    print(f"{tool}: {error}", file=sys.stderr)
    return 2 if isinstance(error, Mistake) else 1


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Mistake(message[0].upper() + message[1:] + "; see --help.")


def main(words):
    """Exit code."""
    parser = _Parser(prog="ctl.py", allow_abbrev=False, description="Drive a running simulator.",
                     epilog="'ctl.py help' lists the commands of the running simulator.")
    parser.add_argument("--control", metavar="HOST:PORT", help="its control port")
    parser.add_argument("--state-dir", metavar="DIR", help="its state directory")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("command", help="plug_in, swipe, status, help, ...")
    parser.add_argument("arguments", nargs="*", default=[], help="in order, or NAME=VALUE")
    try:
        given = parser.parse_args(words)
        port = Port(*where(given.control, given.state_dir))
        commands = port.command(cmd="help")
        top = given.command == "top"
        if top:
            given.command = "status"
        if given.command not in commands:
            raise Mistake(f"There is no command '{given.command}'; 'help' lists them.")
        fields = arguments(given.arguments, commands[given.command]["args"], given.command)
        result = port.command(cmd=given.command, **fields)
        if given.json:
            print(json.dumps(result, indent=2))
        elif top:
            _show_top(result)
        else:
            _show(given.command, result)
    except (Mistake, Refused) as error:
        return failed("ctl", error)
    return 0


if __name__ == "__main__":
    exit_with(main)
