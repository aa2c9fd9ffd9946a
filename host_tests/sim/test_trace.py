"""--trace: each OCPP message as one line of JSON, both ways, validated, without secrets; and the tool that reads it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from backend import Text, wait_until
from sim.sessions import end_session, start_session

ROOT = Path(__file__).resolve().parents[2]


def tool(name, *words, **more):
    return subprocess.run([sys.executable, ROOT / "tools" / name, *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False, **more)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("word", [64, 32])
def test_trace_holds_the_messages_of_the_back_end_in_the_same_order(launch, csms, tmp_path, word):
    file = tmp_path / "trace.jsonl"
    sim = launch(word=word, options=["--trace", str(file)])
    csms.wait_booted()
    start_session(sim, csms)
    csms.call("GetConfiguration", key=["HeartbeatInterval"])
    end_session(sim, csms)
    sim.stop()
    traced = lines(file)
    for ours, theirs in (("out", "in"), ("in", "out")):  # a call of each side may cross the other's on its way
        messages = [m for m in csms.record.messages() if m.way == theirs]
        sent = [line for line in traced if line["dir"] == ours]
        assert [(line["id"], line["action"]) for line in sent] == [(m.uid, m.action) for m in messages]
        assert [line["payload"] for line in sent if line["kind"] == "CALL"] == [m.payload for m in messages if m.kind == 2]
    begun = {line["id"]: number for number, line in enumerate(traced) if line["kind"] == "CALL"}
    assert all(begun[line["id"]] < number for number, line in enumerate(traced) if line["kind"] != "CALL")
    assert not [line for line in traced if line["invalid"]]
    assert all(line["latency_ms"] >= 0 for line in traced if line["kind"] != "CALL")


def test_a_trace_names_what_breaks_the_schema_and_what_is_no_ocpp(launch, csms, tmp_path):
    csms.audited = False
    file = tmp_path / "trace.jsonl"
    launch(options=["--trace", str(file)])
    csms.wait_booted()
    csms.answer("Heartbeat", Text('[3,"{id}",{"currentTime":5}]'))
    csms.call("TriggerMessage", requestedMessage="Heartbeat")
    csms.send_text('{"no": "list"}')
    bad = wait_until(lambda: [line for line in lines(file) if line["invalid"]][1:] and lines(file), 10, "two bad lines")
    invalid = {line["action"] if line["kind"] else None: line for line in bad if line["invalid"]}
    assert "currentTime" in json.dumps(invalid["Heartbeat"]) and "5" in invalid["Heartbeat"]["invalid"]
    assert invalid[None]["raw"] == '{"no": "list"}'


def test_passwords_do_not_reach_a_trace(launch, csms, tmp_path):
    file = tmp_path / "trace.jsonl"
    launch(options=["--trace", str(file)])
    csms.wait_booted()
    csms.call("ChangeConfiguration", key="AuthorizationKey", value="a secret of the link")
    csms.wait_connected(2)  # the link is made anew with it
    csms.call("GetDiagnostics", location="ftp://someone:hidden@127.0.0.1:1/in/")
    wait_until(lambda: "GetDiagnostics" in file.read_text(), 10, "the call")
    assert "a secret of the link" not in file.read_text() and "hidden" not in file.read_text()
    assert "someone" not in file.read_text()


def test_a_trace_to_stdout_leaves_the_log_to_stderr(csms, tmp_path):
    words = [sys.executable, str(ROOT / "tools" / "simulate.py"), "--state-dir", str(tmp_path / "state"), "--csms", csms.url,
             "--identity", "PL-0001", "--lab", "--control", "127.0.0.1:0", "--trace", "-"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        csms.wait_booted()
        process.terminate()
        out, err = process.communicate(timeout=20)
    assert json.loads(out.splitlines()[0])["action"] == "BootNotification"
    assert "boot: Accepted" in err


@pytest.fixture
def trace(tmp_path):
    """A small trace, and the path of it."""
    file = tmp_path / "a.jsonl"
    common = {"time": "2030-01-01T00:00:00.000Z", "charger": "CP1", "invalid": None}
    made = [
        {"at_ms": 5, "dir": "out", "kind": "CALL", "id": "1", "action": "StatusNotification",
         "payload": {"connectorId": 1, "status": "Available", "timestamp": "2030-01-01T00:00:00Z"}},
        {"at_ms": 9, "dir": "in", "kind": "CALLRESULT", "id": "1", "action": "StatusNotification", "latency_ms": 4,
         "payload": {}},
        {"at_ms": 20, "dir": "in", "kind": "CALL", "id": "x", "action": "Reset", "payload": {"type": "Soft"}},
        {"at_ms": 25, "dir": "out", "kind": "CALLRESULT", "id": "x", "action": "Reset", "latency_ms": 5,
         "payload": {"status": "Accepted"}},
    ]  # fmt: skip
    file.write_text("".join(json.dumps(common | line) + "\n" for line in made))
    return file


def test_show_filters_by_action_direction_and_kind(trace):
    assert tool("trace.py", "show", trace, "--action", "Reset").stdout.count("Reset") == 2
    [line] = tool("trace.py", "show", trace, "--dir", "in", "--kind", "call").stdout.splitlines()
    assert line == '     0.020 CP1 <- CALL Reset {"type":"Soft"}'
    assert tool("trace.py", "show", trace, "--invalid").stdout == ""


def test_diff_compares_messages_and_not_times(trace, tmp_path):
    other = tmp_path / "b.jsonl"
    other.write_text(trace.read_text().replace("2030", "2031").replace('"id": "1"', '"id": "7"'))
    assert tool("trace.py", "diff", trace, other).returncode == 0
    other.write_text(trace.read_text().replace("Available", "Faulted"))
    done = tool("trace.py", "diff", trace, other)
    assert done.returncode == 1 and "+-> CALL StatusNotification" in done.stdout


def test_show_filters_by_charger_and_validity_and_prints_lines_as_they_are(trace):
    told = lines(trace)
    told[1] |= {"charger": "CP2", "invalid": "'status' is a required property"}
    trace.write_text("".join(json.dumps(line) + "\n" for line in told))
    for words, expected in ((["--charger", "cp2"], told[1:2]), (["--charger", "CP1"], [told[0], *told[2:]]),
                            (["--invalid"], told[1:2]), (["--invalid", "--charger", "CP1"], []), ([], told)):
        printed = tool("trace.py", "show", trace, "--json", *words).stdout
        assert [json.loads(line) for line in printed.splitlines()] == expected, words
    assert tool("trace.py", "show", trace, "--invalid").stdout.endswith("!! 'status' is a required property\n")


@pytest.mark.parametrize("content", ["no json", '{"a": 1}', None])
def test_invalid_trace_file_is_one_sentence_and_exit_code_2(tmp_path, content):
    path = tmp_path / "x"
    if content is not None:
        path.write_text(content)
    done = tool("trace.py", "show", path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_a_reader_that_has_seen_enough_is_no_error(trace):
    long = trace.parent / "long.jsonl"
    long.write_text(trace.read_text() * 5000)
    command = f"{sys.executable} {ROOT}/tools/trace.py show {long} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "" and len(done.stdout.splitlines()) == 1


def test_stdin_is_one_of_two_traces_at_most():
    done = tool("trace.py", "diff", "-", "-", stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and done.stderr == "trace: Only one of the two traces can come from stdin.\n"
