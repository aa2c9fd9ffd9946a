"""Availability that lasts, and the two resets (OCPP-69, OCPP-70)."""

import pytest

from sim.sessions import end_session, start_session, transaction_messages


def change(csms, connector, kind):
    """ChangeAvailability's answer."""
    return csms.call("ChangeAvailability", connectorId=connector, type=kind)["status"]


def test_inoperative_and_back(charger, csms):
    """OCPP-69: Accepted, StatusNotification, no charging; Accepted again when it is there already."""
    assert change(csms, 1, "Inoperative") == "Accepted"
    charger.wait_ocpp_status("Unavailable")
    csms.record.wait("StatusNotification", where=lambda p: (p["connectorId"], p["status"]) == (1, "Unavailable"))
    assert change(csms, 1, "Inoperative") == "Accepted"
    charger.plug_in()
    charger.swipe("GOOD0001")
    assert csms.call("RemoteStartTransaction", idTag="GOOD0001", connectorId=1)["status"] == "Rejected"
    charger.let_pass(4)
    assert charger.connector()["relay"] is False and not csms.record.calls("StartTransaction")
    charger.plug_out()
    assert change(csms, 1, "Operative") == "Accepted"
    charger.wait_ocpp_status("Available")
    start_session(charger, csms)


@pytest.mark.parametrize("end", ["restart", "kill", "reboot"])
def test_inoperative_persists(charger, csms, end):
    """OCPP-69: over a restart, a power cut and a reboot."""
    assert change(csms, 1, "Inoperative") == "Accepted"
    charger.wait_ocpp_status("Unavailable")
    mark = len(csms.record)
    if end == "restart":
        charger.restart()
    elif end == "kill":
        charger.kill()
        charger.start()
    else:
        charger.reboot()
    csms.wait_booted(since=mark)
    charger.wait_ocpp_status("Unavailable")
    csms.record.wait("StatusNotification", since=mark,
                     where=lambda p: (p["connectorId"], p["status"]) == (1, "Unavailable"))


def test_scheduled_while_charging(charger, csms):
    """OCPP-69: Scheduled during a transaction, done when it ends."""
    start_session(charger, csms)
    assert change(csms, 1, "Inoperative") == "Scheduled"
    assert charger.connector()["ocpp_status"] == "Charging"
    charger.plug_out()
    csms.record.wait("StopTransaction", "out", 3)
    charger.wait_ocpp_status("Unavailable")
    csms.record.wait("StatusNotification", where=lambda p: (p["connectorId"], p["status"]) == (1, "Unavailable"))


def test_connector_zero_is_all(launch, csms):
    """OCPP-69: connector 0 means the charge point and every connector."""
    sim = launch(connectors=2)
    csms.wait_booted(connectors=2)
    assert change(csms, 0, "Inoperative") == "Accepted"
    for n in (0, 1, 2):
        csms.record.wait("StatusNotification",
                         where=lambda p, n=n: (p["connectorId"], p["status"]) == (n, "Unavailable"))
    assert change(csms, 0, "Operative") == "Accepted"
    for n in (1, 2):
        sim.wait_ocpp_status("Available", connector=n)


def test_unknown_connector_is_rejected(charger, csms):
    """A connector that is not there."""
    assert change(csms, 5, "Inoperative") == "Rejected"


@pytest.mark.parametrize("kind, reason", [("Soft", "SoftReset"), ("Hard", "HardReset")])
def test_reset_in_a_session(launch, csms, word, kind, reason):
    """F-O25, OCPP-70: answered first; Stop with the reset's reason, once, before the link closes; a new boot."""
    sim = launch(word=word)
    csms.wait_booted()
    transaction = start_session(sim, csms)
    process = sim.process.pid
    mark = len(csms.record)
    assert csms.call("Reset", type=kind)["status"] == "Accepted"
    boot = csms.record.wait("BootNotification", since=mark, timeout_s=30)
    csms.wait_booted(since=mark)
    stop = csms.record.wait("StopTransaction", since=mark)
    assert (stop.payload["transactionId"], stop.payload["reason"]) == (transaction.id, reason)
    assert stop.number < boot.number
    sim.let_pass(3)
    assert [m.action for m in transaction_messages(csms, mark)] == ["StopTransaction"]
    assert sim.running and sim.process.pid == process
    assert sim.connector()["relay"] is False


def test_reset_when_idle(charger, csms):
    """OCPP-70: without a session there is only the new boot, and the charger serves as before."""
    mark = len(csms.record)
    assert csms.call("Reset", type="Soft")["status"] == "Accepted"
    csms.wait_booted(since=mark)
    assert not transaction_messages(csms)
    start_session(charger, csms)
    end_session(charger, csms)
