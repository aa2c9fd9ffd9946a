"""Run scenarios: a simulated charger goes through the steps of a YAML file, against the local back end or any other.

    python3 tools/scenario.py run tools/scenarios/*.yaml
    python3 tools/scenario.py run FILE --against wss://csms.example/ocpp --junit report.xml -- --ca root.pem
    python3 tools/scenario.py run tools/scenarios/*.yaml --habits steve
    python3 tools/scenario.py list

docs/BACKENDS.md describes the steps. What stands after -- goes to the simulator (tools/simulate.py --help). Scenarios that
make calls of the back end run against the local one alone: against another they are skipped, and the report says so.
Exit codes: 0 all passed or skipped, 1 a scenario failed, 2 the command line or a file is wrong.
"""

import argparse
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from cli import exit_with, in_range, output_file
from scenarios import files, habits, steps
from simulator.options import Mistake as OptionMistake
from simulator.options import back_end_url

from backend import CallRefused, CommandRefused, Csms, Simulator, SimulatorError, WaitTimeout

LIBRARY = Path(__file__).resolve().parent / "scenarios"
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass
class Result:
    """The result of a scenario: `outcome`, `reason` (a sentence, or ""), and the seconds that it took."""

    scenario: files.Scenario
    outcome: str
    reason: str
    seconds: float


def play(scenario, url, options, folder, habit=None):
    """Run one scenario with a charger of its own; against the local back end when url is None, which then may have habits."""
    begun = time.monotonic()
    if url is not None and scenario.makes_calls:
        return Result(scenario, SKIPPED, "It makes calls, which only the local back end can.", 0.0)
    if habit is not None and scenario.answers:
        return Result(scenario, SKIPPED, "It says how the back end answers, and so do habits.", 0.0)
    back_end = None if url else Csms(tags=scenario.tags).start()
    if habit is not None:
        habit.prepare(back_end)
    for answer in scenario.answers:
        steps.script(back_end, **answer)
    trace = folder / "trace.jsonl"
    trace.touch()
    charger = Simulator(
        folder / "state", csms_url=url or back_end.url, identity=scenario.identity, connectors=scenario.connectors, seed=1,
        time_scale=scenario.time_scale, settings=scenario.settings, options=["--trace", str(trace), *options],
    )  # fmt: skip
    try:
        with charger:
            steps.Player(charger, back_end, trace).play(scenario.steps, ready=scenario.boots, habit=habit)
        outcome, reason = PASSED, ""
    except steps.StepFailed as failure:
        outcome, reason = FAILED, str(failure)
    except (SimulatorError, WaitTimeout, CommandRefused, CallRefused, OSError, TimeoutError) as error:
        outcome, reason = FAILED, str(error) or type(error).__name__
    finally:
        if back_end is not None:
            back_end.stop()
    return Result(scenario, outcome, reason, time.monotonic() - begun)


def junit(results, path):
    """Write a report that CI systems read."""
    suite = ElementTree.Element(
        "testsuite", name="pilotlight scenarios", tests=str(len(results)),
        failures=str(sum(one.outcome == FAILED for one in results)),
        skipped=str(sum(one.outcome == SKIPPED for one in results)),
    )  # fmt: skip
    for one in results:
        case = ElementTree.SubElement(suite, "testcase", classname=one.scenario.path.stem, name=one.scenario.name,
                                      time=f"{one.seconds:.3f}")
        if one.outcome == FAILED:
            reason = _NOT_IN_XML.sub("?", one.reason)
            ElementTree.SubElement(case, "failure", message=reason.splitlines()[0]).text = reason
        elif one.outcome == SKIPPED:
            ElementTree.SubElement(case, "skipped", message=one.reason)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise files.Mistake(message[0].upper() + message[1:] + "; see --help.")


def _parser():
    parser = _Parser(prog="scenario.py", allow_abbrev=False, description="Run scenarios of a charger against a back end.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    run = commands.add_parser("run", help="run scenario files")
    run.add_argument("file", nargs="+", type=Path)
    run.add_argument("--against", metavar="URL", help="back end, ws(s)://HOST:PORT/PATH (default: the local one)")
    run.add_argument("--habits", choices=sorted(habits.HABITS), help="what the local back end does beside the standard")
    run.add_argument("--junit", type=output_file, metavar="FILE", help="write a JUnit report")
    run.add_argument("--jobs", type=in_range(1, 64), default=2, metavar="N", help="scenarios at the same time (default 2)")
    commands.add_parser("list", help="list the library, with the procedure's test cases")
    return parser


def run_all(given, options):
    """Exit code of `run`."""
    if given.habits and given.against:
        raise files.Mistake("--habits are those of the local back end: leave --against away.")
    if given.against:
        try:
            back_end_url(given.against, "--against")
        except OptionMistake as error:
            raise files.Mistake(str(error)) from error
    scenarios = [files.load(path) for path in given.file]
    with tempfile.TemporaryDirectory(prefix="pilotlight-scenario-") as folder, ThreadPoolExecutor(given.jobs) as pool:
        def one(number):
            own = Path(folder) / str(number)
            own.mkdir()
            return play(scenarios[number], given.against, options, own, habits.HABITS.get(given.habits))

        results = []
        for result in pool.map(one, range(len(scenarios))):
            results.append(result)
            name = f"{result.scenario.path.stem:<32} {result.scenario.name}"
            print(f"{result.outcome:<8} {name} ({result.seconds:.1f} s)", flush=True)
            if result.reason:
                print("         " + result.reason.replace("\n", "\n         "), flush=True)
    if given.junit:
        try:
            junit(results, given.junit)
        except OSError as error:
            raise files.Mistake(f"--junit '{given.junit}' cannot be written: {error.strerror}.") from error
    counts = {outcome: sum(one.outcome == outcome for one in results) for outcome in (PASSED, FAILED, SKIPPED)}
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if counts[FAILED] else 0


def main(words):
    """Exit code."""
    at = words.index("--") if "--" in words else len(words)
    try:
        given = _parser().parse_args(words[:at])
        if given.command == "list":
            for path in sorted(LIBRARY.glob("*.yaml")):
                found = files.load(path)
                print(f"{path.stem:<34} {found.name}  {' '.join(found.procedure)}")
            return 0
        return run_all(given, words[at + 1 :])
    except files.Mistake as mistake:
        print(f"scenario: {mistake}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    exit_with(main)
