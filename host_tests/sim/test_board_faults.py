"""Faults of the whole unit, and the cable of a refused transaction, on the simulated board (OCPP-54, OCPP-80)."""

import pytest

from backend import Result, wait_until

from .sessions import start_session, statuses


@pytest.mark.parametrize("name, code, info", [
    ("OtherError", "OtherError", "Fault input of the board"),
    ("InternalError", "InternalError", "Supply of the pilot generator out of range"),
])
def test_connector_0_is_faulted_with_the_board_and_recovers(launch, csms, name, code, info):
    """All connectors refuse, a running transaction is paused, not ended; afterwards all goes on."""
    sim = launch(connectors=2)
    csms.wait_booted(connectors=2)
    start_session(sim, csms, "GOOD0001", 1)
    mark = len(csms.record)
    sim.command("raise_fault", name=name)
    notification = csms.record.wait("StatusNotification", since=mark, where=lambda p: p["connectorId"] == 0).payload
    assert (notification["status"], notification["errorCode"], notification["info"]) == ("Faulted", code, info)
    for connector in (1, 2):
        sim.wait_ocpp_status("Faulted", connector=connector)
    assert not sim.connector(1)["relay"]
    assert csms.call("RemoteStartTransaction", idTag="GOOD0002")["status"] == "Rejected"
    assert csms.call("ReserveNow", connectorId=2, expiryDate="2029-01-01T00:00:00Z", idTag="A", reservationId=1)[
        "status"] == "Faulted"
    sim.plug_in(2)
    sim.swipe("GOOD0002", 2)
    sim.let_pass(5)
    assert not sim.connector(2)["relay"]
    assert len(csms.record.calls("StartTransaction")) == 1
    sim.plug_out(2)
    sim.command("clear_fault", name=name)
    sim.wait_ocpp_status("Charging", connector=1)
    sim.wait_ocpp_status("Available", connector=2)
    csms.record.wait("StatusNotification", since=mark, where=lambda p: p["connectorId"] == 0 and p["status"] == "Available")
    assert statuses(csms, 0, mark) == ["Faulted", "Available"]
    assert not csms.record.calls("StopTransaction")


def test_a_broken_card_reader_is_reported_and_cars_charge_all_the_same(launch, csms):
    """A warning beside the status (OCPP-83), until the reader sends whole cards again."""
    sim = launch()
    csms.wait_booted()
    mark = len(csms.record)
    sim.command("raise_fault", name="ReaderFailure", connector=1)
    warned = csms.record.wait("StatusNotification", since=mark, where=lambda p: p["connectorId"] == 1).payload
    assert (warned["status"], warned["errorCode"]) == ("Available", "ReaderFailure")
    sim.plug_in()
    assert csms.call("RemoteStartTransaction", connectorId=1, idTag="GOOD0001")["status"] == "Accepted"
    sim.wait_ocpp_status("Charging", connector=1)
    assert sim.connector(1)["error_code"] == "ReaderFailure"
    sim.command("clear_fault", name="ReaderFailure", connector=1)
    mark = len(csms.record)
    sim.swipe("UNKNOWN1")
    csms.record.wait("StatusNotification", since=mark, where=lambda p: p["connectorId"] == 1 and p["errorCode"] == "NoError")
    assert sim.connector(1)["error_code"] == "NoError"


def test_outlet_fault_leaves_connector_0_available(launch, csms):
    sim = launch(connectors=2)
    csms.wait_booted(connectors=2)
    mark = len(csms.record)
    sim.raise_fault("OtherError", 2)
    sim.wait_ocpp_status("Faulted", connector=2)
    sim.let_pass(3)
    assert sim.connector(1)["ocpp_status"] == "Available"
    assert statuses(csms, 0, mark) == []


@pytest.mark.parametrize("number, status", [(0, "Faulted"), (1, "Faulted")])
def test_a_fault_at_start_up_is_reported_after_boot(launch, csms, number, status):
    """OCPP-82: after BootNotification the present status, faults included."""
    sim = launch()
    csms.wait_booted()
    sim.command("raise_fault", name="OtherError")
    sim.wait_ocpp_status("Faulted")
    mark = len(csms.record)
    sim.reboot()
    csms.record.wait("BootNotification", since=mark)
    csms.record.wait("StatusNotification", since=mark, where=lambda p: (p["connectorId"], p["status"]) == (number, status))


def refused_start(launch, csms, status):
    """A charger whose back end refused the running transaction of GOOD0001: stopped, the car still plugged in."""
    csms.answer("StartTransaction", Result({"transactionId": 77, "idTagInfo": {"status": status}}))
    sim = launch()
    csms.wait_booted()
    sim.plug_in()
    sim.swipe("GOOD0001")
    assert csms.record.wait("StopTransaction").payload["reason"] == "DeAuthorized"
    sim.wait_ocpp_status("Finishing")
    sim.wait_connector(lambda c: c["locked"], what="the bolt at its end")
    return sim


def test_the_cable_stays_locked_after_a_refused_start(launch, csms):
    """OCPP-54: DeAuthorized in a running transaction keeps the plug until the same card is shown."""
    sim = refused_start(launch, csms, "Blocked")
    sim.let_pass(10)
    assert sim.connector()["locked"] and not sim.connector()["relay"]
    sim.swipe("GOOD0002")
    csms.record.wait("Authorize", where=lambda p: p["idTag"] == "GOOD0002")
    sim.let_pass(5)
    assert sim.connector()["locked"]
    sim.swipe("GOOD0001")
    sim.wait_connector(lambda c: not c["locked"], what="the lock open")
    assert len(csms.record.calls("StartTransaction")) == 1


def test_the_back_end_unlocks_a_held_cable(launch, csms):
    """OCPP-68."""
    sim = refused_start(launch, csms, "Invalid")
    assert csms.call("UnlockConnector", connectorId=1)["status"] == "Unlocked"
    assert not sim.connector()["locked"]


def test_a_fault_that_comes_and_goes_is_told_ever_more_seldom_and_its_end_once_it_lasts(launch, csms):
    """A short at the pilot, each 8 s: the first one at once, the last state in the end (OCPP-82)."""
    sim = launch()
    csms.wait_booted()
    mark = len(csms.record)
    for _ in range(15):
        sim.raise_fault("pilot_short", 1)
        sim.wait_ocpp_status("Faulted")
        sim.let_pass(3)
        sim.command("clear_fault", name="pilot_short", connector=1)
        sim.wait_ocpp_status("Available")
        sim.let_pass(3)
    told = statuses(csms, 1, mark)
    assert told[:3] == ["Faulted", "Available", "Faulted"]
    assert len(told) <= 8, "of 30 changes"  # 3 where the machine keeps the pace
    wait_until(lambda: statuses(csms, 1, mark)[-1] == "Available", 60, "the end is told")
