"""The library of scenarios passes against the local back end; what fails, and what is no scenario, is said."""

import re
import subprocess
import sys
import types
from pathlib import Path
from xml.etree import ElementTree

import pytest
import scenario as launcher
import yaml
from scenarios import files, steps

from backend import StrictBackend

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


def test_the_document_says_how_many_run_against_another_back_end():
    text = " ".join((ROOT / "docs" / "BACKENDS.md").read_text().split())
    assert f"{len(WITHOUT_CALLS)} of the library's {len(LIBRARY)} scenarios run against another back end" in text


def test_the_list_has_the_numbers_of_the_procedure():
    printed = run("list").stdout.splitlines()
    assert len(printed) == len(LIBRARY)
    [line] = [line for line in printed if line.startswith("session_plug_first ")]
    assert line.split()[-1] == "TC_003_CS" and "A session: plug first, then the card" in line


def test_against_another_back_end_scenarios_with_calls_are_skipped(tmp_path):
    """ocpp-rpc's server, which knows nothing of scenarios."""
    report = tmp_path / "report.xml"
    path = next(path for path in WITHOUT_CALLS if path.stem == "session_unplugged")
    with StrictBackend() as foreign:
        done = run("run", path, LIBRARY[0], "--against", foreign.url, "--junit", report)
        assert done.returncode == 0, done.stdout
        assert "1 passed, 0 failed, 1 skipped" in done.stdout
        assert foreign.record.calls("StopTransaction") and foreign.violations == []
    assert ElementTree.parse(report).getroot().get("skipped") == "1"


@pytest.mark.parametrize(("wanted", "good", "bad"), [
    ({"gt": 5}, 6, 5), ({"ge": 5}, 5, 4), ({"lt": 5}, 4, 5), ({"le": 5}, 5, 6), ({"ne": "Faulted"}, "Available", "Faulted"),
    ({"in": [1, 2]}, 2, 3), ({"matches": "^PL-"}, "PL-1", "XPL-1"), ({"ge": 5, "lt": 7}, 6, 7), (5, 5, 6), ({"gt": 5}, 6, None),
    ({"status": {"ne": "Faulted"}}, {"status": "Available", "more": 1}, {"status": "Faulted"}), ({"a": 1}, {"a": 1}, [1]),
    ([{"a": {"gt": 1}}], [{"a": 0}, {"a": 2}], [{"a": 1}]), ({}, {}, None),
    ({"gt": 5}, 6, "six"), ({"lt": "b"}, "a", 1),
])  # fmt: skip
def test_predicates(wanted, good, bad):
    assert steps.fits(good, wanted) and not steps.fits(bad, wanted)


@pytest.mark.parametrize(("habits", "words", "walked"), [
    ("home-assistant", {"message": "TriggerMessage", "where": {"requestedMessage": "StatusNotification"}},
     "profile_of_the_transaction"),
    ("steve", {"message": "BootNotification", "kind": "result", "where": {"status": "Pending"}}, "session_plug_first"),
])  # fmt: skip
def test_the_local_back_end_has_habits_of_others(tmp_path, habits, words, walked):
    path = scenario(tmp_path, [{"expect": {"from": "back_end", **words}}, {"plug_in": 1}])
    done = run("run", path, ROOT / "tools" / "scenarios" / f"{walked}.yaml", "--habits", habits)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout
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


@pytest.mark.parametrize(("text", "why"), [
    ("name: [1]", "name must be a text"), ("identity: 5", "identity must be a text"), ("connectors: many", "from 1"),
    ("time_scale: 0", "above 0"), ("settings: [1]", "settings must be"), ("tags: {12345678: Accepted}", "numbers in quotes"),
    ("procedure: TC_1", "procedure must be a list"), ("answers: [5]", "answer takes fields"),
    ("answers: [{action: No}]", "an action of"), ("steps: [wait: long]", "step 1: wait must be a number"),
    ("steps: [wait: -1]", "wait must be"), ("steps: [configure: 5]", "configure must"),
    ("steps: [expect: {message: Boot}]", "message must be an action"),
    ("steps: [expect: {message: Authorize, within: x}]", "within must"),
    ("steps: [expect: {message: Authorize, kind: x}]", "kind must be"),
    ("steps: [expect: {message: Authorize, from: x}]", "from must be"),
    ("steps: [expect: {message: Authorize, count: x}]", "count must be"),
    ("steps: [expect: {message: Authorize, where: 5}]", "where must"),
    ("steps: [expect: {message: Authorize, save: x}]", "save must be"),
    ("steps: [expect_none: {message: Authorize, for: x}]", "for must"),
    ("steps: [call: {action: Reset, payload: 5}]", "payload must be"),
    ("steps: [call: {action: Reset, answer: 5}]", "answer must"),
    ("steps: [status: {connector: -1, where: {}}]", "connector must be"),
    ("steps: [status: {where: {a: {in: 5}}}]", "in takes a list"),
    ("steps: [status: {where: {a: [{gt: []}]}}]", "gt takes a number"),
    ("steps: [status: {where: {a: {gt: 1, b: 2}}}]", "beside a field"),
    ("steps: [status: {where: {a: {matches: '['}}}]", "regular"),
])  # fmt: skip
def test_each_field_of_a_file_has_its_kind(tmp_path, text, why):
    head = {"name": "name: X\n", "steps": "steps: [wait: 1]\n"}
    path = tmp_path / "bad.yaml"
    path.write_text("".join(line for name, line in head.items() if not text.startswith(name)) + text)
    with pytest.raises(files.Mistake, match=why):
        files.load(path)


def test_true_and_false_are_written_as_ocpp_writes_them(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text("name: X\nsteps: [wait: 1]\nsettings: {AllowOfflineTxForUnknownId: true, HeartbeatInterval: 60}")
    assert files.load(path).settings == {"AllowOfflineTxForUnknownId": "true", "HeartbeatInterval": "60"}
    calls = []
    back_end = types.SimpleNamespace(call=lambda action, **payload: calls.append(payload) or {"status": "Accepted"})
    player = steps.Player(None, back_end, None)
    player._done_so_far = lambda: None
    player._step("configure", {"StopTransactionOnInvalidId": False})
    assert calls == [{"key": "StopTransactionOnInvalidId", "value": "false"}]


def test_a_long_wait_has_the_time_that_it_takes_and_a_connector_must_be_there():
    waited = []
    charger = types.SimpleNamespace(
        time_scale=10, let_pass=lambda *given: waited.append(given), status=lambda: {"connectors": {"1": {}}})
    player = steps.Player(charger, None, None)
    player._step("wait", 600)
    player._step("wait", 1)
    assert waited == [(600, 180), (1, 30)]
    with pytest.raises(steps.StepFailed, match="no connector 9"):
        player._step("status", {"connector": 9, "where": {}})


def test_a_back_end_that_is_not_there_is_the_reason():
    log = ["1.0 I link: connecting to 127.0.0.1:1", "1.1 W link: no connection to 127.0.0.1:1", "2.0 I other: thing"]
    charger = types.SimpleNamespace(command=lambda _: {}, log_lines=lambda: log)
    player = steps.Player(charger, None, Path("/dev/null"))
    player._booted = lambda: False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "WITHIN_S", 0.01)
        with pytest.raises(steps.StepFailed, match=r"not accepted .*; no connection to 127.0.0.1:1\)"):
            player.play([])


def test_a_setting_that_the_charger_ignores_is_a_failure(tmp_path):
    done = run("run", scenario(tmp_path, [{"plug_in": 1}], settings={"MeterValuSampleInterval": 10}))
    assert done.returncode == 1 and "A setting has no effect: MeterValuSampleInterval: unknown key" in done.stdout, done.stdout


def test_a_report_is_xml_whatever_a_reason_holds(tmp_path):
    result = launcher.Result(files.Scenario(Path("a.yaml"), "A", []), launcher.FAILED, "A step\x1b[0m \x00 ö\nmore", 1.0)
    launcher.junit([result], tmp_path / "report.xml")
    failure = ElementTree.parse(tmp_path / "report.xml").getroot().find("testcase/failure")
    assert failure.get("message") == "A step?[0m ? ö" and failure.text.endswith("\nmore")
