"""The library of scenarios passes against the local back end; what fails, and what is no scenario, is said."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from scenarios import files

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "scenario.py"
LIBRARY = sorted((ROOT / "tools" / "scenarios").glob("*.yaml"))
WITHOUT_CALLS = [path for path in LIBRARY if not files.load(path).makes_calls]


def run(*words, timeout=300):
    return subprocess.run([sys.executable, TOOL, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False)


def scenario(tmp_path, steps, **head):
    path = tmp_path / "one.yaml"
    path.write_text(yaml.safe_dump({"name": "One", "steps": steps, **head}))
    return path


@pytest.mark.timeout(400)
def test_every_scenario_of_the_library_passes(tmp_path):
    report = tmp_path / "report.xml"
    done = run("run", *LIBRARY, "--junit", report, "--jobs", 4)
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if not line.startswith("passed"))
    suite = ElementTree.parse(report).getroot()
    assert (int(suite.get("tests")), suite.get("failures"), suite.get("skipped")) == (len(LIBRARY), "0", "0")


def test_the_library_walks_at_least_forty_cases_of_the_compliance_procedure():
    cases = {case for path in LIBRARY for case in files.load(path).procedure}
    assert len(LIBRARY) >= 40 and len(cases) >= 40
    assert all(re.fullmatch(r"TC_\d{3}(_\d)?_CS", case) for case in cases)


def test_against_another_back_end_scenarios_with_calls_are_skipped(csms, tmp_path):
    csms.ledger.set_tag("GOOD0001")
    report = tmp_path / "report.xml"
    path = next(path for path in WITHOUT_CALLS if path.stem == "session_unplugged")
    done = run("run", path, LIBRARY[0], "--against", csms.url, "--junit", report)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 0 failed, 1 skipped" in done.stdout
    assert csms.record.calls("StopTransaction")
    assert ElementTree.parse(report).getroot().get("skipped") == "1"


@pytest.mark.parametrize(("habits", "words"), [
    ("home-assistant", {"message": "TriggerMessage", "where": {"requestedMessage": "StatusNotification"}}),
    ("steve", {"message": "BootNotification", "kind": "result", "where": {"status": "Pending"}}),
])  # fmt: skip
def test_the_local_back_end_has_habits_of_others(tmp_path, habits, words):
    path = scenario(tmp_path, [{"expect": {"from": "back_end", **words}}, {"plug_in": 1}])
    done = run("run", path, "--habits", habits)
    assert done.returncode == 0, done.stdout
    assert run("run", scenario(tmp_path, [{"expect": {"from": "back_end", "within": 1, **words}}])).returncode == 1


@pytest.mark.parametrize("words", [("--habits", "nobody"), ("--habits", "steve", "--against", "ws://127.0.0.1:1/x")])
def test_habits_that_are_not_there_are_refused(words):
    done = run("run", LIBRARY[0], *words)
    assert done.returncode == 2 and done.stderr.startswith("scenario: ") and len(done.stderr.splitlines()) == 1


def test_a_step_that_does_not_come_true_fails_with_its_number_and_the_last_messages(tmp_path):
    path = scenario(tmp_path, [{"plug_in": 1}, {"expect": {"message": "StopTransaction", "within": 1}}])
    report = tmp_path / "report.xml"
    done = run("run", path, "--junit", report)
    assert done.returncode == 1
    assert "Step 2, expect" in done.stdout and "-> CALL StatusNotification" in done.stdout
    assert ElementTree.parse(report).getroot().find("testcase/failure") is not None


@pytest.mark.parametrize(("step", "why"), [
    ({"expect_none": {"message": "StatusNotification", "for": 3}}, "StatusNotification came"),
    ({"call": {"action": "ClearCache", "answer": {"status": "Rejected"}}}, "answered"),
    ({"call": {"action": "ClearCache", "error": "InternalError"}}, "instead of InternalError"),
    ({"status": {"where": {"ocpp_status": "Faulted"}, "within": 1}}, "not within 1 s"),
    ({"no_such_command": 1}, "no such step or command"),
    ({"swipe": "${tag}"}, "nothing was saved as tag"),
])  # fmt: skip
def test_each_kind_of_step_can_fail(tmp_path, step, why):
    steps = [{"plug_in": 1}, step] if "expect_none" in step else [step]
    done = run("run", scenario(tmp_path, steps))
    assert done.returncode == 1 and why in done.stdout, done.stdout


@pytest.mark.parametrize(("text", "why"), [
    ("- a list", "needs a name and a list of steps"),
    ("name: X", "needs a name and a list of steps"),
    ("name: X\nsteps: []\nbogus: 1", "unknown field: bogus"),
    ("name: X\nsteps: [{expect: {message: A, whre: {}}}]", "has no field whre"),
    ("name: X\nsteps: [{expect: {where: {}}}]", "needs message"),
    ("name: X\nsteps: [plug_in]", "write 'plug_in: {}'"),
    ("name: [", "is no YAML"),
])  # fmt: skip
def test_a_mistake_in_a_file_is_one_sentence_and_exit_code_2(tmp_path, text, why):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    done = run("run", path)
    assert done.returncode == 2 and why in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
