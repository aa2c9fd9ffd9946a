"""Security events on the wire: the back end gets them in order, each once, over restarts and lost connections.

WP-42 to 45, SEC-22, SEC-23.
"""

import json

from backend import Error, Silence
from backend.ledger import utc_now

from .sessions import start_session


def events_sent(csms, since=0):
    """The types of the SecurityEventNotifications that were sent, in order."""
    return [m.payload["type"] for m in csms.record.calls("SecurityEventNotification", since)]


def wait_event(csms, event, since=0, **options):
    """Wait for an event; returns the message."""
    return csms.record.wait("SecurityEventNotification", since=since, where=lambda p: p["type"] == event, **options)


def entries(sim):
    """The tail of the log as (event, info)."""
    return [(e["event"], e["info"]) for e in sim.command("security_log", count=50)["entries"]]


def test_start_is_reported_after_the_boot_notification_with_the_right_time(charger, csms):
    """WP-45: nothing precedes BootNotification; the entry of before the time was known carries the time it had."""
    started = wait_event(csms, "StartupOfTheDevice")
    assert started.payload["techInfo"].startswith("power on, firmware ")
    set_ = wait_event(csms, "SettingSystemTime")
    assert set_.payload["techInfo"] == "ocpp, was unknown"
    assert started.payload["timestamp"] <= set_.payload["timestamp"]
    assert csms.record.calls()[0].action == "BootNotification"
    log = charger.command("security_log")
    assert log["broken"] is None
    assert [e["event"] for e in log["entries"][:2]] == ["StartupOfTheDevice", "SettingSystemTime"]
    assert log["entries"][0]["time"] == started.payload["timestamp"]


def test_offline_events_are_sent_later_in_order_over_restarts(launch, csms, word):
    """WP-42: queued on flash, sent in order, none twice, none lost; a reset says why it came."""
    sim = launch(word=word)
    csms.wait_booted()
    wait_event(csms, "SettingSystemTime")
    sim.wait_for(lambda _: sim.command("security_log")["sent"]["ocpp"] == 1, what="both acknowledged")
    csms.close()
    sim.raise_fault("tamper")
    sim.wait_for(lambda s: s["tamper"]["latched"], what="the latch")
    sim.power_cut()
    sim.wait_for(lambda s: s.get("tamper") and sim.command("security_log")["next"] == 5, what="power back, lid seen open")
    sim.restart()
    mark = len(csms.record)
    csms.open()
    sim.network_up()
    csms.wait_booted(since=mark)
    wait_event(csms, "StartupOfTheDevice", mark, count=2)
    wait_event(csms, "SettingSystemTime", mark)
    assert events_sent(csms, mark)[:4] == ["TamperDetectionActivated", "StartupOfTheDevice", "TamperDetectionActivated",
                                    "StartupOfTheDevice"]  # still open after the power cut
    whole = [e["event"] for e in sim.command("security_log", count=50)["entries"]]
    sim.wait_for(lambda _: sim.command("security_log")["sent"]["ocpp"] >= len(whole) - 1, what="all acknowledged")
    assert events_sent(csms) == whole  # none of these is kept at home
    stamps = [m.payload["timestamp"] for m in csms.record.calls("SecurityEventNotification", mark)]
    assert stamps == sorted(stamps)


def test_an_event_is_only_done_when_it_was_answered(launch, csms):
    """WP-42: no answer, or an error, is no acknowledgement; a back end that does not know the message is left alone."""
    csms.answer("SecurityEventNotification", Silence(), Error("InternalError"))
    sim = launch(time_scale=20)
    csms.wait_booted()
    wait_event(csms, "StartupOfTheDevice", count=3, timeout_s=30)
    wait_event(csms, "SettingSystemTime", timeout_s=30)
    assert events_sent(csms)[:4] == ["StartupOfTheDevice"] * 3 + ["SettingSystemTime"]
    csms.always("SecurityEventNotification", Error("NotImplemented", ""))
    mark = len(csms.record)
    sim.raise_fault("tamper")
    wait_event(csms, "TamperDetectionActivated", mark)
    sim.let_pass(100)
    assert len(events_sent(csms, mark)) == 1
    assert sim.command("security_log")["sent"]["ocpp"] < sim.command("security_log")["next"] - 1


def test_reset_gives_the_reason(charger, csms):
    """SEC-23: the entry of before the restart, then the start; both are sent."""
    wait_event(csms, "SettingSystemTime")
    mark = len(csms.record)
    assert csms.call("Reset", type="Soft") == {"status": "Accepted"}
    reset = wait_event(csms, "ResetOrReboot", mark)
    assert reset.payload["techInfo"] == "Soft reset by the back end"
    started = wait_event(csms, "StartupOfTheDevice", mark)
    assert reset.number < started.number
    assert started.payload["techInfo"].startswith("ordered reset by ")


def test_charging_attempts_are_logged_without_the_card(charger, csms):
    """SEC-22, SEC-15: accepted and refused attempts; the back end decided on them, so none is sent."""
    start_session(charger, csms, "GOOD0001")
    charger.swipe("BLOCKED1")
    charger.wait_for(lambda _: ("AuthorisationRefused", "connector 1, card refused: session of another user: Blocked")
                     in entries(charger), what="the refused card in the log")
    assert ("AuthorisationAccepted", "connector 1, card: Accepted") in entries(charger)
    assert not any("GOOD" in info or "BLOCKED" in info or "GO**" in info for _, info in entries(charger))
    assert not {"AuthorisationAccepted", "AuthorisationRefused"} & set(events_sent(csms))


def test_invalid_messages_are_logged_at_a_bounded_rate(charger, csms):
    """SEC-13: what cannot be understood, and what does not have the right form; a flood is counted, not written."""
    csms.audited = False
    csms.send_text("no JSON at all")
    wait_event(csms, "InvalidMessages")
    for number in range(40):
        uid = f"bad-{number}"
        answer = csms.raw_call(json.dumps([2, uid, "ChangeAvailability", {"connectorId": 1, "type": "Nonsense"}]), uid)
        assert answer.code == "PropertyConstraintViolation"
    found = [info for event, info in entries(charger) if event == "InvalidMessages"]
    assert len(found) == 5
    assert found[0].startswith("not JSON") and found[1].startswith("ChangeAvailability, type")


def test_only_real_steps_of_the_clock_are_reported(launch, csms):
    """WP-45: not at each Heartbeat. Both sides live in real time: their clocks differ by nothing else."""
    csms.now = utc_now
    charger = launch(time_scale=1)
    wait_event(csms, "SettingSystemTime")
    for _ in range(3):
        mark = len(csms.record)
        csms.call("TriggerMessage", requestedMessage="Heartbeat")
        csms.record.wait("Heartbeat", "out", 3, since=mark)
    csms.call("GetLocalListVersion")  # answered once the last Heartbeat's answer has been read
    charger.command("set_time", iso="2030-01-01T00:00:00Z")
    step = wait_event(csms, "SettingSystemTime", count=2)
    assert step.payload["techInfo"].startswith("installer, was 20")
    assert events_sent(csms).count("SettingSystemTime") == 2
