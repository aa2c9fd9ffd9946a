"""trace.py scenario: what was done to a charger is derived from what it said, and passes when it is done to another one."""

import itertools
import subprocess
import sys
import trace as tool

import pytest
import scenario
import yaml
from scenarios import files

from backend.simulator import ROOT

TRACE = ROOT / "tools" / "trace.py"


@pytest.mark.timeout(240)
def test_recorded_sessions_pass_again_as_scenarios(tmp_path):
    """A stop by the back end, which names the transaction; a fault that ends a session."""
    recorded = []
    for name in ("remote_stop", "fault_in_a_session"):
        folder = tmp_path / name
        folder.mkdir()
        assert scenario.play(files.load(scenario.LIBRARY / f"{name}.yaml"), None, [], folder).outcome == scenario.PASSED
        made = subprocess.run([sys.executable, TRACE, "scenario", folder / "trace.jsonl"], capture_output=True, text=True,
                              timeout=60, check=True).stdout
        recorded.append(tmp_path / f"{name}.yaml")
        recorded[-1].write_text(made)
    ran = subprocess.run([sys.executable, ROOT / "tools" / "scenario.py", "run", *recorded], capture_output=True, text=True,
                         timeout=200, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    stop, fault = (files.load(path).steps for path in recorded)
    [call] = [step["call"] for step in stop if "call" in step]
    assert call["action"] == "RemoteStopTransaction" and call["payload"] == {"transactionId": "${transaction1}"}
    done = [next(iter(step)) for step in fault if "expect" not in step and "wait" not in step]
    assert sorted(done[:2]) == ["plug_in", "swipe"], "the charger may have told of the card first"
    assert done[2:] == ["raise_fault", "plug_out", "clear_fault"]


def trace_of(*messages):
    """Lines of a trace: (way, action, payload, answer's payload or a CALLERROR's code or None), a second apart."""
    made, numbers = [], itertools.count(1)
    for way, action, payload, answer in messages:
        number = next(numbers)
        common = {"at_ms": number * 1000, "charger": "CP1", "id": str(number), "action": action}
        made.append(common | {"dir": way, "kind": "CALL", "payload": payload})
        back = {"out": "in", "in": "out"}[way]
        if isinstance(answer, str):
            made.append(common | {"dir": back, "kind": "CALLERROR", "error": [answer, ""]})
        elif answer is not None:
            made.append(common | {"dir": back, "kind": "CALLRESULT", "payload": answer})
    return made


def status(name, code="NoError", connector=1):
    return "out", "StatusNotification", {"connectorId": connector, "status": name, "errorCode": code}, {}


BOOT = ("out", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": "1"},
        {"status": "Accepted"})
CARD = ("out", "Authorize", {"idTag": "CARD"}, {"idTagInfo": {"status": "Accepted"}})
START = ("out", "StartTransaction", {"connectorId": 1, "idTag": "CARD", "meterStart": 5},
         {"transactionId": 77, "idTagInfo": {"status": "Accepted"}})
VALUES = ("out", "MeterValues", {"connectorId": 1, "transactionId": 77, "meterValue": []}, {})


def stop(reason, **more):
    return "out", "StopTransaction", {"transactionId": 77, "reason": reason, "meterStop": 9, **more}, {}


def events(*messages):
    """The steps that do something to the charger."""
    made = tool.as_scenario(trace_of(*messages))
    yaml.safe_dump(made)
    return [step for step in made["steps"] if "expect" not in step and "wait" not in step]


SWIPE = {"swipe": {"token": "CARD", "connector": 1}}


@pytest.mark.parametrize(("messages", "done"), [
    ((status("Available"), status("Preparing"), CARD, START, status("Charging"), stop("Local", idTag="CARD"),
      status("Finishing"), status("Available")), [{"plug_in": 1}, SWIPE, SWIPE, {"plug_out": 1}]),
    ((CARD, status("Preparing"), START, status("Charging"), status("Finishing"), stop("EVDisconnected"), status("Available")),
     [SWIPE, {"plug_in": 1}, {"plug_out": 1}]),
    ((CARD, status("Preparing"), status("Available"), status("Preparing")), [SWIPE, {"plug_in": 1}]),
    ((START, status("Charging"), status("SuspendedEV"), status("Charging")),
     [{"plug_in": 1}, SWIPE, {"pause": 1}, {"resume": 1}]),
    ((BOOT, status("Available"), BOOT, stop("Reboot")), [{"reboot": {}}]),
    ((BOOT, START, status("Charging"), BOOT, START, stop("PowerLoss"), status("Available")),
     [{"plug_in": 1}, SWIPE, {"power_cut": 2}, {"plug_out": 1}]),
    ((BOOT, ("in", "TriggerMessage", {"requestedMessage": "BootNotification"}, {"status": "Accepted"}), BOOT),
     [{"call": {"action": "TriggerMessage", "payload": {"requestedMessage": "BootNotification"},
                "answer": {"status": "Accepted"}}}]),
    ((("in", "RemoteStartTransaction", {"idTag": "CARD"}, {"status": "Accepted"}), status("Preparing"), CARD, START),
     [{"call": {"action": "RemoteStartTransaction", "payload": {"idTag": "CARD"}, "answer": {"status": "Accepted"}}},
      {"plug_in": 1}]),
    ((("in", "DataTransfer", {"vendorId": "V"}, "NotImplemented"), ("in", "ClearCache", {}, None)),
     [{"call": {"action": "DataTransfer", "payload": {"vendorId": "V"}, "error": "NotImplemented"}},
      {"call": {"action": "ClearCache", "payload": {}}}]),
    ((("in", "ChangeConfiguration", {"key": "AuthorizationKey", "value": "***"}, {"status": "Accepted"}),), []),
])  # fmt: skip
def test_what_was_done_to_the_charger_is_derived(messages, done):
    assert events(*messages) == done


def test_what_comes_by_the_clock_or_was_refused_is_not_expected():
    found = tool.as_scenario(trace_of(
        ("out", "Heartbeat", {}, {}), ("out", "StatusNotification", status("Preparing")[2], "InternalError"), START, VALUES,
        VALUES, ("out", "StopTransaction", {"transactionId": 5, "reason": "PowerLoss"}, {})))
    expected = [step["expect"]["message"] for step in found["steps"] if "expect" in step]
    assert expected == ["StartTransaction", "StartTransaction", "MeterValues"] and found["tags"] == {"CARD": "Accepted"}
    [values] = [step["expect"] for step in found["steps"] if step.get("expect", {}).get("message") == "MeterValues"]
    assert values["where"] == {"connectorId": 1, "transactionId": "${transaction1}"}


@pytest.mark.parametrize(("messages", "done"), [
    ((status("Available"), (*status("Preparing")[:3], None)), [{"plug_in": 1}]),
    (((*START[:3], None),), [{"plug_in": 1}, SWIPE]),
    (((*CARD[:3], None),), [SWIPE]),
    (((*status("Preparing")[:3], None), status("Available")), []),
])  # fmt: skip
def test_the_last_message_needs_no_answer(messages, done):
    """The charger may have been stopped before it came."""
    assert events(*messages) == done


def test_a_trace_of_several_chargers_needs_a_choice():
    several = [line | {"charger": name} for name in ("CP1", "CP2") for line in trace_of(BOOT)]
    with pytest.raises(tool.Mistake, match="2 chargers: choose one by --charger"):
        tool.as_scenario(several)
    assert len(tool.as_scenario(several, "CP2")["steps"]) == 1
    with pytest.raises(tool.Mistake, match="no message of 'CP3'"):
        tool.as_scenario(several, "CP3")


def test_a_call_that_ocpp_does_not_have_is_left_out(tmp_path):
    """A back end of another version made it; the local one cannot."""
    found = tool.as_scenario(trace_of(
        BOOT, ("in", "GetVariables", {"a": 1}, "NotImplemented"), ("in", "ClearCache", {}, {"status": "Accepted"})))
    assert [step["call"]["action"] for step in found["steps"] if "call" in step] == ["ClearCache"]
    path = tmp_path / "made.yaml"
    path.write_text(yaml.safe_dump(found))
    assert files.load(path).makes_calls
