"""Boot: what is said first, and what Pending and Rejected forbid (OCPP-25..30)."""

import base64
import itertools

import pytest

from backend import Drop, Error, Result, Silence, wait_until
from sim.sessions import BEHIND_S, traced_at_ms

FAULT = ("Faulted", "GroundFailure")
FAR_AHEAD = "2031-05-06T07:08:09.000Z"


def accepted(interval=300, now="2030-01-01T00:00:00.000Z"):
    return Result({"status": "Accepted", "currentTime": now, "interval": interval})


def held(status, interval):
    return Result({"status": status, "currentTime": "2030-01-01T00:00:00.000Z", "interval": interval})


def call_actions(csms):
    return [m.action for m in csms.record.calls()]


def test_boot_notification_comes_first_then_every_connector(launch, csms, word):
    """OCPP-25, OCPP-26: Boot, then StatusNotification for connector 0 and each other one.

    On a slow link the first security events, which wait a second, come between these.
    """
    launch(word=word, connectors=2)
    csms.wait_booted(connectors=2)
    calls = csms.record.calls()
    assert calls[0].action == "BootNotification"
    assert calls[0].payload["chargePointVendor"] and calls[0].payload["chargePointModel"]
    assert calls[0].payload["chargePointSerialNumber"] == calls[0].payload["chargeBoxSerialNumber"]  # F-O20
    first = [m for m in calls[1:] if m.action != "SecurityEventNotification"][:3]
    assert sorted((m.action, m.payload.get("connectorId")) for m in first) == [("StatusNotification", n) for n in (0, 1, 2)]
    assert {m.payload["status"] for m in first} == {"Available"}


def test_device_facts_reach_the_boot_notification(launch, csms):
    """Factory values given on the command line are what the charger calls itself."""
    launch(settings={"ChargePointVendor": "Acme", "ChargePointModel": "Model 7", "ChargeBoxSerialNumber": "SN-77",
                     "FirmwareVersion": "9.9.9"})
    boot = csms.record.wait("BootNotification").payload
    assert (boot["chargePointVendor"], boot["chargePointModel"]) == ("Acme", "Model 7")
    assert boot["firmwareVersion"] == "9.9.9"
    assert boot["chargeBoxSerialNumber"] == "SN-77"


def test_nothing_is_sent_before_the_answer(launch, csms):
    """OCPP-25: a charger whose BootNotification has no answer stays silent, whatever happens to it."""
    csms.answer("BootNotification", Silence())
    sim = launch()
    csms.record.wait("BootNotification")
    sim.plug_in()
    sim.swipe("GOOD0001")
    sim.let_pass(4)
    assert call_actions(csms) == ["BootNotification"]


def test_clock_follows_the_back_end(launch, csms):
    """OCPP-26: time stamps are those of the accepting answer's clock."""
    csms.answer("BootNotification", accepted(now=FAR_AHEAD))
    launch()
    first = csms.record.wait("StatusNotification", where=lambda p: p["connectorId"] == 1)
    assert first.payload["timestamp"].startswith("2031-05-06T07:08:")


def test_heartbeat_interval_is_the_back_ends(launch, csms, tmp_path):
    """OCPP-26, OCPP-30: the interval of the answer is used and stored as HeartbeatInterval."""
    csms.answer("BootNotification", accepted(interval=20))
    trace = tmp_path / "trace.jsonl"
    sim = launch(time_scale=20, options=["--trace", str(trace)])
    wait_until(lambda: len(traced_at_ms(trace, "Heartbeat")) >= 3, 15, "three Heartbeats")
    assert sim.config()["HeartbeatInterval"] == "20"
    for earlier, later in itertools.pairwise(traced_at_ms(trace, "Heartbeat")):
        assert later - earlier > 19000  # it counts whole seconds of its uptime


def test_pending_sends_only_what_is_triggered(launch, csms, word):
    """OCPP-27: requests are answered, remote start and stop Rejected, nothing is sent unasked, Boot comes again."""
    csms.answer("BootNotification", held("Pending", 3))
    sim = launch(word=word, time_scale=1)
    first = csms.record.wait("BootNotification", "out", 3)
    sim.plug_in()
    assert csms.call("GetConfiguration", key=["HeartbeatInterval"])["configurationKey"][0]["key"] == "HeartbeatInterval"
    assert csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value="30")["status"] == "Accepted"
    assert csms.call("RemoteStartTransaction", idTag="GOOD0001", connectorId=1)["status"] == "Rejected"
    assert csms.call("RemoteStopTransaction", transactionId=1)["status"] == "Rejected"
    mark = len(csms.record)
    assert csms.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=1)["status"] == "Accepted"
    triggered = csms.record.wait("StatusNotification", since=mark)
    assert triggered.payload["connectorId"] == 1
    again = csms.record.wait("BootNotification", count=2, timeout_s=20)
    assert again.at - first.at >= 2.9
    before = [m.action for m in csms.record.calls() if m.number < again.number]
    assert before == ["BootNotification", "StatusNotification"]
    csms.wait_booted()


def test_pending_boot_can_be_triggered_early(launch, csms):
    """OCPP-27, OCPP-72: TriggerMessage(BootNotification) cuts the wait short."""
    csms.answer("BootNotification", held("Pending", 3600))
    launch()
    csms.record.wait("BootNotification", "out", 3)
    assert csms.call("TriggerMessage", requestedMessage="BootNotification")["status"] == "Accepted"
    csms.record.wait("BootNotification", count=2)
    csms.wait_booted()


def test_rejected_charger_sends_and_answers_nothing_before_the_interval_is_over(launch, csms, word):
    """OCPP-28: nothing is sent, nothing answered before the next BootNotification, after the interval."""
    csms.answer("BootNotification", held("Rejected", 3))
    sim = launch(word=word, time_scale=1)
    first = csms.record.wait("BootNotification", "out", 3)
    sim.let_pass(0.3)
    if csms.station() is not None:  # the charger may also close the socket
        csms.send_text('[2,"deaf-1","GetConfiguration",{}]')
    sim.plug_in()
    second = csms.record.wait("BootNotification", count=2, timeout_s=20)
    assert second.at - first.at >= 2.9
    assert [m for m in csms.record.messages(way="in") if first.number < m.number < second.number] == []
    csms.wait_booted()
    assert not [m for m in csms.record.messages(way="in") if m.uid == "deaf-1"]
    assert csms.call("GetConfiguration", key=["HeartbeatInterval"])["configurationKey"]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_interval_zero_is_no_flood(launch, csms, status):
    """OCPP-28: with interval 0 the charger chooses: at least a minute after Rejected, some time after Pending."""
    csms.always("BootNotification", held(status, 0))
    launch(time_scale=50)
    boots = [csms.record.wait("BootNotification", count=n, timeout_s=20) for n in (1, 2)]
    waited_s = (boots[1].at - boots[0].at) * 50
    assert waited_s >= (60 if status == "Rejected" else 10) - 50 * BEHIND_S


@pytest.mark.parametrize("answer", [Error("InternalError", "no"), Result({"status": "Maybe"}), Result({}), Drop()],
                         ids=["callerror", "wrong-enum", "empty", "drop"])
def test_boot_answered_badly_is_sent_again(launch, csms, answer):
    """OCPP-25: no acceptance, no other message; the charger tries again and gets in."""
    csms.answer("BootNotification", answer)
    launch(time_scale=30, settings={"RetryBackoffWaitMinimum": 2, "RetryBackoffRandomRange": 1})
    csms.wait_booted(timeout_s=30)
    second = csms.record.wait("BootNotification", count=2)
    assert [m.action for m in csms.record.calls() if m.number < second.number] == ["BootNotification"]


@pytest.mark.parametrize("offer", [None, "ocpp2.0.1"])
def test_wrong_subprotocol_is_not_spoken_to(launch, csms, offer):
    """OCPP-2: a 101 answer without ocpp1.6 is closed without a word, and tried again later."""
    csms.subprotocol = offer
    sim = launch(time_scale=20, settings={"RetryBackoffWaitMinimum": 2, "RetryBackoffRandomRange": 1})
    sim.wait_for(lambda _: len(csms.attempts) >= 2, 15, "a second try")
    csms.wait_disconnected()
    assert csms.record.calls() == []
    assert {a.subprotocols for a in csms.attempts} == {"ocpp1.6"}
    csms.subprotocol = "ocpp1.6"
    sim.network_up()
    csms.wait_booted()


def test_identity_is_percent_encoded(launch, csms):
    """OCPP-1: endpoint, one slash, percent-encoded identity."""
    launch(identity="RDAM|123")
    csms.wait_booted()
    assert csms.attempts[0].path == "/ocpp/RDAM%7C123"


def test_basic_auth_in_every_request(launch, csms):
    """OCPP-3, OCPP-5: profile 1 sends the credentials unasked each time, also after a 401, and keeps trying."""
    csms.refuse_status = 401
    sim = launch(identity="PL-7", time_scale=20, settings={"RetryBackoffWaitMinimum": 2, "RetryBackoffRandomRange": 1},
                 options=["--security-profile", "1", "--basic-auth-password", "0123456789abcdef"])
    sim.wait_for(lambda _: len(csms.attempts) >= 2, 15, "a second try after 401")
    csms.refuse_status = None
    csms.wait_booted()
    expected = "Basic " + base64.b64encode(b"PL-7:0123456789abcdef").decode()
    assert {a.authorization for a in csms.attempts} == {expected}
    assert not [line for line in sim.log_lines() if "0123456789abcdef" in line]


def test_triggered_boot_after_acceptance_is_rejected(charger, csms):
    """OCPP-31."""
    assert csms.call("TriggerMessage", requestedMessage="BootNotification")["status"] == "Rejected"


def test_only_a_power_on_delays_the_first_connection_by_a_random_time(launch, csms):
    """Many units get their power back at one instant; a unit that was reset connects at once."""
    sim = launch(settings={"PowerOnRandomRange": 5})
    csms.wait_booted()
    assert csms.call("Reset", type="Soft")["status"] == "Accepted"
    csms.record.wait("BootNotification", count=2)
    sim.power_cut()
    csms.record.wait("BootNotification", count=3)
    waits_ms = [int(line.split()[-2]) for line in sim.log_lines() if "first attempt in" in line]
    assert [wait_ms > 0 for wait_ms in waits_ms] == [True, False, True]
    assert max(waits_ms) <= 5000


def test_a_residual_current_trip_is_latched_after_a_restart_and_a_power_cut_until_the_car_leaves_cp44(charger, csms):
    """The current is gone and the car is still plugged in."""
    def faulted(since):
        csms.record.wait("StatusNotification", since=since, where=lambda p: (p["status"], p["errorCode"]) == FAULT)
        return len(csms.record)

    charger.plug_in()
    charger.wait_ocpp_status("Preparing")
    charger.raise_fault("GroundFailure")
    mark = faulted(0)
    charger.clear_fault("GroundFailure")
    assert csms.call("Reset", type="Soft")["status"] == "Accepted"
    csms.wait_booted(since=mark)
    mark = faulted(mark)
    charger.power_cut()
    csms.wait_booted(since=mark)
    faulted(mark)
    charger.plug_out()
    charger.wait_ocpp_status("Available")
