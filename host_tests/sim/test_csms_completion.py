"""csms.py completes its command line: charger identities, actions, fields and their values; and takes fields as words."""

import json
import subprocess
import sys

import csms as tool
import csms_completion
import pytest

from backend.simulator import ROOT

TOOL = ROOT / "tools" / "csms.py"


def complete(line, chargers=("PL-0001", "PL-0002", "X1")):
    asked = []
    found = csms_completion.candidates(line, tool.actions(), tool._schema, lambda control: asked.append(control) or chargers)
    return found, asked


@pytest.mark.parametrize(("line", "words"), [
    ("csms ", ["--control", "actions", "call", "chargers", "completion", "serve"]),
    ("pilotlight-sim csms ch", ["chargers"]),
    ("python3 tools/csms.py call PL", ["PL-0001", "PL-0002"]),
    ("csms call ", ["PL-0001", "PL-0002", "X1"]),
    ("csms call PL-0001 Rem", ["RemoteStartTransaction", "RemoteStopTransaction"]),
    ("csms actions ClearC", ["ClearCache", "ClearChargingProfile"]),
    ("csms call PL-0001 ChangeAvailability ", ["connectorId=", "type="]),
    ("csms call PL-0001 ChangeAvailability connectorId=0 ", ["type="]),
    ("csms call PL-0001 ChangeAvailability connectorId=0 ty", ["type="]),
    ("csms call PL-0001 Reset type=", ["type=Hard", "type=Soft"]),
    ("csms call PL-0001 Reset type=S", ["type=Soft"]),
    ("csms call PL-0001 Reset bogus=", []),
    ("csms call PL-0001 Bogus ", []),
    ("csms completion ", ["bash", "fish", "zsh"]),
    ("csms --control ", []),
    ("csms --control 127.0.0.1:5 ac", ["actions"]),
    ("csms call PL-0001 Reset 'type", []),
    ("csms chargers; csms actions ClearC", ["ClearCache", "ClearChargingProfile"]),
    ("csms chargers|less && csms ch", ["chargers"]),
    ("csms chargers; ls ch", []),
    ("pilotlight-sim fleet ", []),
    ("csms", []),
])  # fmt: skip
def test_what_the_last_word_may_be(line, words):
    assert complete(line)[0] == words


def test_identities_are_those_of_the_back_end_that_the_line_names():
    assert complete("csms --control 127.0.0.1:5 call X")[1] == ["127.0.0.1:5"]
    assert complete("csms call X")[1] == [None]
    assert complete("csms call X1 Re")[1] == [], "it is asked for nothing else"


def test_bash_completes_with_what_the_tool_prints():
    """A shell has the value alone where "=" ends a word, and no blank after a name whose value is to follow."""
    script = f"""eval "$({sys.executable} {TOOL} completion bash)"
        compopt() {{ echo "no blank"; }}
        complete -p csms pilotlight-sim
        for COMP_LINE in "csms call CP1 TriggerM" "csms call CP1 Reset t" "csms call CP1 Reset type=H"; do
            COMP_POINT=${{#COMP_LINE}}; _csms_complete; echo "${{COMPREPLY[*]}}"
        done
        csms actions Reset"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines() == [
        "complete -o default -F _csms_complete csms", "complete -o default -F _csms_complete pilotlight-sim",
        "TriggerMessage", "no blank", "type=", "Hard", "type: Hard|Soft"]


@pytest.mark.parametrize("shell", csms_completion.SHELLS)
def test_each_shell_has_a_script_that_runs_this_tool(shell):
    printed = csms_completion.script(shell, ["a b", "csms.py"])
    assert printed.splitlines()[0].startswith(("csms() { 'a b' csms.py ", "function csms; 'a b' csms.py "))
    assert "csms complete" in printed and "@;" not in printed


@pytest.mark.parametrize(("action", "words", "payload"), [
    ("Reset", ["type=Soft"], {"type": "Soft"}),
    ("ChangeConfiguration", ["key=HeartbeatInterval", "value=300"], {"key": "HeartbeatInterval", "value": "300"}),
    ("ChangeAvailability", ["connectorId=1", "type=Operative"], {"connectorId": 1, "type": "Operative"}),
    ("GetConfiguration", ['key=["a=b"]'], {"key": ["a=b"]}),
    ("ClearCache", [], {}),
    ("DataTransfer", ['{"vendorId": "a=b"}'], {"vendorId": "a=b"}),
])  # fmt: skip
def test_fields_are_given_as_words(action, words, payload):
    assert tool.payload_of(action, words) == payload
    tool.check(action, payload)


@pytest.mark.parametrize(("words", "why"), [
    (["type"], "The payload is no JSON"), (["type=Hard", "again"], "JSON, @FILE, - or NAME=VALUE words"),
    (["type=Hard", "type=Soft"], "each name once"), (["more={"], "more takes JSON"), (["{}", "{}"], "JSON, @FILE, - or"),
])  # fmt: skip
def test_words_that_make_no_payload_are_refused(words, why):
    with pytest.raises(tool.Mistake, match=why):
        tool.payload_of("Reset", words)


def test_without_a_back_end_there_are_no_identities(capsys):
    assert tool.main(["complete", "csms --control 127.0.0.1:1 call "]) == 0
    assert json.dumps(capsys.readouterr().out) == r'"\n"'


def test_a_list_as_a_word_is_refused_with_the_form_that_it_has():
    with pytest.raises(tool.Mistake, match=r"""key takes JSON, such as key='\["HeartbeatInterval"\]'; 'HeartbeatInterval' is"""):
        tool.payload_of("GetConfiguration", ["key=HeartbeatInterval"])


def test_an_empty_variable_names_no_back_end(monkeypatch):
    monkeypatch.setenv(tool.VARIABLE, "")
    assert tool._parser().parse_args(["chargers"]).control == tool.DEFAULT_CONTROL
