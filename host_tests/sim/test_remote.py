"""Requests of the back end: remote start and stop, limits, triggers (OCPP-65..67, 72, 100..107)."""

import json

import pytest

from backend import CallRefused
from sim.sessions import illegal_steps, limit_profile, start_session, statuses


def test_remote_start_and_stop(charger, csms):
    """OCPP-65, OCPP-67: started without asking for the tag, stopped with reason Remote."""
    charger.plug_in()
    charger.wait_ocpp_status("Preparing")
    assert csms.call("RemoteStartTransaction", idTag="GOOD0002", connectorId=1)["status"] == "Accepted"
    charger.wait_ocpp_status("Charging")
    started = csms.record.wait("StartTransaction", "out", 3).payload
    assert not csms.record.calls("Authorize")
    assert csms.call("RemoteStopTransaction", transactionId=started["transactionId"] + 1)["status"] == "Rejected"
    assert csms.call("RemoteStopTransaction", transactionId=started["transactionId"])["status"] == "Accepted"
    assert csms.record.wait("StopTransaction").payload["reason"] == "Remote"
    charger.wait_ocpp_status("Finishing")
    assert csms.call("RemoteStopTransaction", transactionId=started["transactionId"])["status"] == "Rejected"
    charger.plug_out()
    charger.wait_ocpp_status("Available")
    assert illegal_steps(statuses(csms)) == []


def test_remote_start_before_the_plug(charger, csms):
    """OCPP-65: without a car the connector waits in Preparing."""
    assert csms.call("RemoteStartTransaction", idTag="GOOD0001")["status"] == "Accepted"
    charger.wait_ocpp_status("Preparing")
    charger.plug_in()
    charger.wait_ocpp_status("Charging")


def test_remote_start_is_refused_where_it_cannot_be(charger, csms):
    """OCPP-65: unknown connector, connector 0, and a connector in use."""
    assert csms.call("RemoteStartTransaction", idTag="GOOD0001", connectorId=9)["status"] == "Rejected"
    start_session(charger, csms)
    assert csms.call("RemoteStartTransaction", idTag="GOOD0002", connectorId=1)["status"] == "Rejected"
    assert csms.call("RemoteStartTransaction", idTag="GOOD0002")["status"] == "Rejected"


@pytest.mark.parametrize("tag", ["GOOD0001", "BLOCKED1"])
def test_remote_start_with_authorisation(launch, csms, tag):
    """OCPP-65: AuthorizeRemoteTxRequests makes the charger ask first."""
    sim = launch(settings={"AuthorizeRemoteTxRequests": "true"})
    csms.wait_booted()
    sim.plug_in()
    sim.wait_ocpp_status("Preparing")
    assert csms.call("RemoteStartTransaction", idTag=tag, connectorId=1)["status"] == "Accepted"
    assert csms.record.wait("Authorize").payload["idTag"] == tag
    if tag == "GOOD0001":
        sim.wait_ocpp_status("Charging")
    else:
        sim.let_pass(4)
        assert not csms.record.calls("StartTransaction")


def test_limit_lowers_the_current_and_its_end_restores_it(charger, csms):
    """OCPP-101, OCPP-107: offered and drawn current follow a TxProfile; below 6 A the session is suspended."""
    transaction = start_session(charger, csms)
    full = charger.wait_connector(lambda c: c["drawn_amps"] >= 12, what="more than 12 A")
    assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=limit_profile(10, transaction.id)) == {
        "status": "Accepted"}
    low = charger.wait_connector(lambda c: 0 < c["drawn_amps"] <= 10.4, what="at most 10 A")
    assert low["offered_amps"] == 10 < full["offered_amps"]
    csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=limit_profile(5, transaction.id))
    held = charger.wait_ocpp_status("SuspendedEVSE")
    assert held["offered_amps"] == 0
    charger.wait_connector(lambda c: not c["relay"], what="the relay open")
    csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=limit_profile(16, transaction.id))
    charger.wait_ocpp_status("Charging", timeout_s=30)
    assert charger.connector()["offered_amps"] == 16
    assert illegal_steps(statuses(csms)) == []


def test_limit_in_watts(charger, csms):
    """OCPP-106, OCPP-107: W over nominal voltage and phases, floored to 0.1 A."""
    transaction = start_session(charger, csms)
    profile = limit_profile(2530, transaction.id, unit="W")
    profile["chargingSchedule"]["chargingSchedulePeriod"][0]["numberPhases"] = 1
    assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile)["status"] == "Accepted"
    assert charger.wait_connector(lambda c: c["offered_amps"] <= 11, what="2530 W")["offered_amps"] == 11


def test_limit_ends_with_the_transaction(charger, csms):
    """OCPP-100: a TxProfile is deleted when its transaction ends."""
    transaction = start_session(charger, csms)
    csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=limit_profile(8, transaction.id))
    charger.wait_connector(lambda c: c["offered_amps"] == 8, what="8 A")
    charger.plug_out()
    csms.record.wait("StopTransaction", "out", 3)
    charger.wait_ocpp_status("Available")
    start_session(charger, csms, "GOOD0002")
    assert charger.wait_connector(lambda c: c["offered_amps"] > 8, what="the full current")


def test_profile_without_transaction_is_rejected(charger, csms):
    """OCPP-100, OCPP-20: a TxProfile needs its transaction; an unknown connector is a constraint violation."""
    early = limit_profile(10, 5)
    assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=early)["status"] == "Rejected"
    transaction = start_session(charger, csms)
    other = limit_profile(10, transaction.id + 5)
    assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=other)["status"] == "Rejected"
    with pytest.raises(CallRefused) as refused:
        csms.call("SetChargingProfile", connectorId=7, csChargingProfiles=limit_profile(10, transaction.id))
    assert refused.value.code == "PropertyConstraintViolation"


@pytest.mark.parametrize("change", [
    {"chargingProfilePurpose": "WishProfile"}, {"chargingProfileKind": "Sometimes"},
    {"chargingSchedule": {"chargingRateUnit": "VA", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}},
], ids=["purpose", "kind", "unit"])
def test_profile_with_unknown_enum(charger, csms, change):
    """OCPP-20: PropertyConstraintViolation, and the current stays."""
    transaction = start_session(charger, csms)
    before = charger.connector()["offered_amps"]
    payload = {"connectorId": 1, "csChargingProfiles": limit_profile(10, transaction.id, **change)}
    answer = csms.raw_call(json.dumps([2, "bad-profile", "SetChargingProfile", payload]), "bad-profile")
    assert (answer.kind, answer.code) == (4, "PropertyConstraintViolation")
    assert charger.connector()["offered_amps"] == before


@pytest.mark.parametrize("name, expected", [
    ("Heartbeat", "Heartbeat"), ("MeterValues", "MeterValues"), ("StatusNotification", "StatusNotification"),
    ("FirmwareStatusNotification", "FirmwareStatusNotification"),
    ("DiagnosticsStatusNotification", "DiagnosticsStatusNotification"),
])
def test_trigger_message(charger, csms, name, expected):
    """OCPP-72: answered first, then sent; or NotImplemented, and then nothing is sent."""
    mark = len(csms.record)
    status = csms.call("TriggerMessage", requestedMessage=name)["status"]
    if name in ("Heartbeat", "MeterValues", "StatusNotification"):
        assert status == "Accepted"
    if status == "NotImplemented":
        charger.let_pass(2)
        assert not csms.record.calls(expected, since=mark)
        return
    sent = csms.record.wait(expected, since=mark)
    answered = csms.record.messages("TriggerMessage", "in", 3, since=mark)[0]
    assert answered.number < sent.number
    if name == "StatusNotification":
        csms.record.wait(expected, since=mark, count=2)
        assert {m.payload["connectorId"] for m in csms.record.calls(expected, since=mark)} == {0, 1}
    if name == "MeterValues":
        contexts = {s.get("context") for s in sent.payload["meterValue"][0]["sampledValue"]}
        assert contexts == {"Trigger"}


def test_trigger_for_a_connector_that_is_not(charger, csms):
    """OCPP-72: a connector that does not exist is refused for messages about connectors."""
    assert csms.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=5)["status"] == "Rejected"
