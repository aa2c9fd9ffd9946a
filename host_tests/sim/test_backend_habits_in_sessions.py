"""Habits of back ends in the field that concern sessions, charging profiles and what is triggered in a session.

See docs/BACKENDS.md, as for test_backend_habits.py.
"""

import json

from backend import CallRefused
from sim.sessions import NO_SAMPLES, end_session, launch_accepted, limit_profile, start_session, wait_offered


def test_a_maximum_current_that_is_relative_and_of_the_whole_charger_holds(charger, csms):
    """As Home Assistant's integration sets it: ChargePointMaxProfile, Relative, connector 0, the highest stack level."""
    level = int(charger.config()["ChargeProfileMaxStackLevel"])
    start_session(charger, csms)
    for amps in (10.0, 16.0, 6.0):
        maximum = {
            "chargingProfileId": 1000, "stackLevel": level, "chargingProfileKind": "Relative",
            "chargingProfilePurpose": "ChargePointMaxProfile", "chargingSchedule": {
                "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps}]}}  # fmt: skip
        assert csms.call("SetChargingProfile", connectorId=0, csChargingProfiles=maximum) == {"status": "Accepted"}
        wait_offered(charger, amps)
        told = csms.call("GetCompositeSchedule", connectorId=1, duration=60, chargingRateUnit="A")
        assert told["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == amps
    assert csms.call("ClearChargingProfile", chargingProfilePurpose="ChargePointMaxProfile") == {"status": "Accepted"}
    wait_offered(charger, 32)


def test_a_profile_of_the_running_transaction_needs_no_transaction_id(charger, csms):
    """An absolute TxProfile that began long ago, with numberPhases, without transactionId."""
    start_session(charger, csms)
    profile = limit_profile(9, None, chargingProfileKind="Absolute", chargingSchedule={
        "startSchedule": "2024-08-01T07:00:00.000Z", "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9, "numberPhases": 3}]})  # fmt: skip
    del profile["transactionId"]
    assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile) == {"status": "Accepted"}
    wait_offered(charger, 9)
    end_session(charger, csms)
    start_session(charger, csms, "GOOD0002")
    wait_offered(charger, 32)


def test_everything_is_cleared_before_each_profile(charger, csms):
    """ClearChargingProfile without a field: Unknown while there is none, Accepted else, and the limit goes."""
    transaction = start_session(charger, csms)
    assert csms.call("ClearChargingProfile") == {"status": "Unknown"}
    for amps in (8, 12):
        profile = limit_profile(amps, transaction.id)
        assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile) == {"status": "Accepted"}
        wait_offered(charger, amps)
        assert csms.call("ClearChargingProfile") == {"status": "Accepted"}
    wait_offered(charger, 32)


def test_an_energy_manager_starts_with_its_own_tag_and_a_limit_of_0(launch, csms):
    """RemoteStart with a tag that no Authorize knows and a TxProfile; the limit is then moved every few seconds."""
    csms.ledger.set_tag("evcc")
    sim = launch_accepted(launch, csms, **NO_SAMPLES)
    sim.plug_in()
    sim.wait_ocpp_status("Preparing")
    profile = limit_profile(0, None)
    del profile["transactionId"]
    assert csms.call("RemoteStartTransaction", connectorId=1, idTag="evcc", chargingProfile=profile) == {"status": "Accepted"}
    started = csms.record.wait("StartTransaction", "out", 3).payload["transactionId"]
    sim.wait_ocpp_status("SuspendedEVSE")
    for amps, status in ((16, "Charging"), (0, "SuspendedEVSE"), (6, "Charging")):
        wanted = limit_profile(amps, started)
        assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=wanted) == {"status": "Accepted"}
        sim.wait_ocpp_status(status, timeout_s=40)
    assert not csms.record.calls("Authorize")


def test_readings_triggered_every_few_seconds_come_at_once_and_each_once(charger, csms):
    transaction = start_session(charger, csms)
    for number in range(1, 6):
        mark = len(csms.record)
        answer = csms.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
        assert answer == {"status": "Accepted"}
        reading = csms.record.wait("MeterValues", since=mark, where=lambda p: p["meterValue"][0]["sampledValue"][0].get(
            "context") == "Trigger").payload  # fmt: skip
        assert reading["transactionId"] == transaction.id, number
        charger.let_pass(2)
    triggered = [m for m in csms.record.calls("MeterValues") if '"Trigger"' in m.raw]
    assert len(triggered) == 5


def test_statuses_triggered_without_a_connector_are_those_of_all_and_at_once(launch, csms):
    """MinimumStatusDuration does not hold back what is asked for."""
    sim = launch(connectors=2, settings={"MinimumStatusDuration": "600"})
    csms.wait_booted(connectors=2)
    sim.plug_in(2)
    sim.wait_ocpp_status("Preparing", connector=2)
    mark = len(csms.record)
    assert csms.call("TriggerMessage", requestedMessage="StatusNotification") == {"status": "Accepted"}
    csms.record.wait("StatusNotification", "out", 3, since=mark, count=3)
    told = [(m.payload["connectorId"], m.payload["status"]) for m in csms.record.calls("StatusNotification", mark)]
    assert told == [(0, "Available"), (1, "Available"), (2, "Preparing")]


def test_remote_starts_for_connector_0_and_without_one(charger, csms):
    """connectorId has to be above 0 (6.35): 0 is Rejected and starts nothing; without one the free connector is taken."""
    charger.plug_in()
    charger.wait_ocpp_status("Preparing")
    for number in (0, -1):
        assert csms.call("RemoteStartTransaction", idTag="GOOD0001", connectorId=number) == {"status": "Rejected"}
    charger.let_pass(2)
    assert not csms.record.calls("StartTransaction")
    assert csms.call("RemoteStartTransaction", idTag="GOOD0001") == {"status": "Accepted"}
    charger.wait_ocpp_status("Charging")


def test_stops_of_transactions_that_are_not_there_stop_nothing(charger, csms):
    transaction = start_session(charger, csms)
    for number in (0, -1, 1234, transaction.id + 1):
        assert csms.call("RemoteStopTransaction", transactionId=number) == {"status": "Rejected"}
    assert charger.connector()["ocpp_status"] == "Charging"


def test_an_update_whose_time_has_passed_begins_at_once_and_tells_how_it_ends(launch, csms):
    """retrieveDate in the past; a laboratory unit asks the server at once, and tells a pair for each attempt."""
    sim = launch_accepted(launch, csms)
    try:
        answer = csms.call("UpdateFirmware", location="http://127.0.0.1:9/fw.bin", retrieveDate="2020-01-01T00:00:00Z",
                           retries=1, retryInterval=1)
    except CallRefused as refused:  # a unit whose board has no second partition cannot be updated
        assert refused.code == "NotSupported"
        return
    assert answer == {}
    for count in (1, 2):
        csms.record.wait("FirmwareStatusNotification", where=lambda p: p["status"] == "DownloadFailed", count=count)
    sim.let_pass(5)
    told = [m.payload["status"] for m in csms.record.calls("FirmwareStatusNotification")]
    assert told == ["Downloading", "DownloadFailed"] * 2


def test_a_reservation_goes_when_its_connector_goes_out_of_service(charger, csms):
    booking = {"connectorId": 1, "expiryDate": "2037-01-01T00:00:00Z", "idTag": "GOOD0002", "reservationId": 6}
    assert csms.call("ReserveNow", **booking) == {"status": "Accepted"}
    charger.wait_ocpp_status("Reserved")
    assert csms.call("ChangeAvailability", connectorId=1, type="Inoperative") == {"status": "Accepted"}
    charger.wait_ocpp_status("Unavailable")
    assert csms.call("CancelReservation", reservationId=6) == {"status": "Rejected"}
    assert csms.call("ChangeAvailability", connectorId=1, type="Operative") == {"status": "Accepted"}
    start_session(charger, csms, "GOOD0001")


def test_vendor_data_as_an_object_and_as_text(charger, csms):
    """DataTransfer's data is text; an object in its place is refused by type, and its sender gets the reason."""
    assert csms.call("DataTransfer", vendorId="com.example", messageId="x", data="{}") == {"status": "UnknownVendorId"}
    answer = csms.raw_call('[2,"dt-1","DataTransfer",{"vendorId":"com.example","data":{"a":1}}]', "dt-1")
    assert (answer.kind, answer.code) == (4, "TypeConstraintViolation")


def test_messages_with_line_breaks_and_escapes_are_read(charger, csms):
    text = json.dumps([2, "pretty-1", "GetConfiguration", {"key": ["NumberOfConnectors"]}], indent=2).replace("y", "\\u0079")
    answer = csms.raw_call(text, "pretty-1")
    assert answer.payload["configurationKey"][0]["value"] == "1"
