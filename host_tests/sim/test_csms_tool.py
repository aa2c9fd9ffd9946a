"""tools/csms.py: a back end's calls from a shell, checked before they are sent."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backend.remote import RemoteControl

TOOL = Path(__file__).resolve().parents[2] / "tools" / "csms.py"


def tool(*words, stdin=None, control="127.0.0.1:1"):
    return subprocess.run([sys.executable, TOOL, "--control", control, *words], input=stdin, capture_output=True, text=True,
                          timeout=60, check=False)


@pytest.fixture
def remote(csms):
    with RemoteControl(csms) as served:
        yield f"127.0.0.1:{served.port}"


def test_a_call_gets_the_chargers_answer(charger, csms, remote, tmp_path):
    assert tool("chargers", control=remote).stdout == f"{charger.identity}\n"
    asked = '{"key": ["HeartbeatInterval"]}'
    (tmp_path / "payload").write_text(asked)
    for payload, stdin in ((asked, None), (f"@{tmp_path / 'payload'}", None), ("-", asked)):
        done = tool("call", charger.identity, "GetConfiguration", payload, stdin=stdin, control=remote)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["configurationKey"][0]["key"] == "HeartbeatInterval"


def test_a_limit_with_a_fraction_is_checked_and_sent(charger, csms, remote):
    """Multiples of 0.1 A, which binary fractions are not."""
    limits = [{"startPeriod": 0, "limit": 16.3}]
    profile = {"connectorId": 0, "csChargingProfiles": {
        "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Relative", "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": limits}}}
    done = tool("call", charger.identity, "SetChargingProfile", json.dumps(profile), control=remote)
    assert (done.returncode, done.stdout and json.loads(done.stdout)) == (0, {"status": "Accepted"}), done.stderr
    limits[0]["limit"] = 16.35
    done = tool("call", charger.identity, "SetChargingProfile", json.dumps(profile), control=remote)
    assert done.returncode == 2 and "multiple of" in done.stderr


def test_an_answer_that_says_no_is_exit_code_1(charger, csms, remote):
    done = tool("call", charger.identity, "RemoteStopTransaction", '{"transactionId": 99}', control=remote)
    assert done.returncode == 1 and json.loads(done.stdout) == {"status": "Rejected"}
    done = tool("call", "OTHER", "ClearCache", control=remote)
    assert done.returncode == 1 and "OTHER is not connected" in done.stderr


@pytest.mark.parametrize(("words", "why"), [
    (("Reset", '{"type": "X"}'), "not one of"),
    (("Reset", "{}"), "'type' is a required property"),
    (("Reset", "[1]"), "must be a JSON object"),
    (("Reset", "{"), "is no JSON"),
    (("Reset", "@/no/such/file"), "cannot be read"),
    (("BootNotification", "{}"), "no call 'BootNotification'"),
])  # fmt: skip
def test_a_useless_call_is_not_sent(words, why):
    done = tool("call", "CP1", *words)
    assert done.returncode == 2 and why in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_without_a_back_end_there_is_one_sentence():
    done = tool("chargers")
    assert done.returncode == 1 and re.match(r"csms: No back end answers at 127\.0\.0\.1:1 ", done.stderr)


def test_the_actions_and_their_fields_are_listed():
    assert "SetChargingProfile" in tool("actions").stdout.split()
    assert tool("actions", "Reset").stdout == "type: Hard|Soft\n"
