"""Habits of back ends in the field, one test each; docs/BACKENDS.md lists them with where each was reported.

Each has its right outcome: the session goes on, nothing is said twice, nothing is said that the back end cannot use.
"""

import json
from datetime import UTC, datetime

import pytest

from backend import CallRefused, Drop, Error, Late, Result, Text
from sim.sessions import end_session, limit_profile, start_session, statuses

QUICK = {"RetryBackoffWaitMinimum": 1, "RetryBackoffRandomRange": 1, "TransactionMessageRetryInterval": 1}
SAMPLES = {"MeterValueSampleInterval": 0}
ENERGY = "Energy.Active.Import.Register"


def online(launch, csms, **settings):
    """A charger with these settings that was accepted."""
    sim = launch(settings=settings)
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    return sim


def offered(sim, amps):
    sim.wait_connector(lambda c: c["offered_amps"] == amps, what=f"{amps} A offered")


# --- registration ---


def test_calls_that_come_before_the_answer_to_boot_are_answered(launch, csms):
    """The first CALLs come while BootNotification waits: they are answered, nothing else is sent until it is accepted."""
    csms.answer("BootNotification", Late(1.5, Result({"status": "Accepted", "currentTime": csms.now(), "interval": 300})))
    launch()
    csms.record.wait("BootNotification")
    assert len(csms.call("GetConfiguration")["configurationKey"]) > 40
    assert csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value="15") == {"status": "Accepted"}
    assert csms.call("RemoteStartTransaction", idTag="GOOD0001", connectorId=1) == {"status": "Rejected"}
    answered = csms.wait_booted()
    assert [m.action for m in csms.record.calls() if m.number < answered.number] == ["BootNotification"]


def test_a_triggered_boot_message_in_a_session_is_rejected_and_the_session_goes_on(charger, csms):
    transaction = start_session(charger, csms)
    for connector in ({}, {"connectorId": 0}, {"connectorId": 1}):
        answer = csms.call("TriggerMessage", requestedMessage="BootNotification", **connector)
        assert answer == {"status": "Rejected"}
    assert charger.connector()["ocpp_status"] == "Charging" and len(csms.record.calls("BootNotification")) == 1
    end_session(charger, csms)
    assert transaction.reason == "EVDisconnected"


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S.%f0+00:00", "%Y-%m-%dT%H:%M:%S.%f000Z", "%Y-%m-%dT%H:%M:%S",
                                  "%Y-%m-%d %H:%M:%S.%f"])
def test_the_time_in_forms_of_other_libraries_sets_the_clock(launch, csms, form):
    """Seven or nine digits of a second, an offset in place of Z, no zone at all, a space."""
    text = datetime(2031, 5, 6, 7, 8, 9, 123456, UTC).strftime(form)
    csms.answer("BootNotification", Result({"status": "Accepted", "currentTime": text, "interval": 300}))
    launch()
    first = csms.record.wait("StatusNotification").payload
    assert first["timestamp"].startswith("2031-05-06T07:08:"), first


# --- configuration ---


def test_all_keys_asked_for_by_their_names_are_reported_as_in_the_whole_list(charger, csms):
    whole = csms.call("GetConfiguration")["configurationKey"]
    assert csms.call("GetConfiguration", key=[])["configurationKey"] == whole
    names = [entry["key"] for entry in whole]
    assert len(names) <= int(next(e["value"] for e in whole if e["key"] == "GetConfigurationMaxKeys"))
    answer = csms.call("GetConfiguration", key=names)
    assert answer == {"configurationKey": whole}
    for name in (*names[::7], names[0].lower()):
        assert csms.call("GetConfiguration", key=[name])["configurationKey"][0]["key"].lower() == name.lower()
    assert csms.call("GetConfiguration", key=["", "NoSuchKey"])["unknownKey"] == ["", "NoSuchKey"]


def test_keys_of_other_vendors_are_not_supported_and_change_nothing(charger, csms):
    before = charger.config()
    for key in ("FreevendEnabled", "PlugAndChargeIdentifier", "MaxChargingCurrent", "AuthEnabled", "OCPP_Password", ""):
        assert csms.call("ChangeConfiguration", key=key, value="true") == {"status": "NotSupported"}, key
    assert charger.config() == before


def test_measurands_are_tried_one_by_one_and_the_list_of_the_good_ones_holds(launch, csms):
    sim = online(launch, csms, MeterValueSampleInterval="10")
    answers = {}
    for name in (ENERGY, "Current.Import", "Voltage", "Current.Offered", "Power.Offered", "SoC", "Power.Active.Import"):
        answers[name] = csms.call("ChangeConfiguration", key="MeterValuesSampledData", value=name)["status"]
    good = [name for name, status in answers.items() if status == "Accepted"]
    assert [name for name in answers if name not in good] == ["SoC"]
    assert csms.call("ChangeConfiguration", key="MeterValuesSampledData", value=",".join(good)) == {"status": "Accepted"}
    mark = len(csms.record)
    start_session(sim, csms)
    sampled = csms.record.wait("MeterValues", since=mark).payload["meterValue"][0]["sampledValue"]
    assert {value.get("measurand", ENERGY) for value in sampled} == set(good)


def test_a_change_and_a_close_right_after_it_is_no_restart(launch, csms):
    """The charger reconnects, keeps the value, and does not register again."""
    sim = online(launch, csms, **QUICK)
    assert csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value="15") == {"status": "Accepted"}
    csms.send_bytes(b"\x88\x02\x03\xe8")
    csms.wait_connected(2)
    answer = csms.call("GetConfiguration", key=["MeterValueSampleInterval"])
    assert answer["configurationKey"][0]["value"] == "15"
    assert len(csms.record.calls("BootNotification")) == 1 and sim.status()["boots"] == 1


# --- answers that are errors, late, or odd ---


def test_a_callerror_to_each_heartbeat_keeps_link_and_rhythm(launch, csms):
    csms.always("Heartbeat", Error("InternalError", "not today"))
    sim = launch(time_scale=20, settings={"HeartbeatInterval": "10"})
    csms.wait_booted()
    assert csms.call("ChangeConfiguration", key="HeartbeatInterval", value="10") == {"status": "Accepted"}
    mark = len(csms.record)
    csms.record.wait("Heartbeat", since=mark, count=3)
    begin_ms = sim.status()["uptime_ms"]
    sim.let_pass(30)
    passed_s = (sim.status()["uptime_ms"] - begin_ms) / 1000
    assert len(csms.record.calls("Heartbeat", mark)) <= 3 + passed_s / 10 + 2
    assert csms.connections == 1


def test_back_end_without_security_events_gets_no_repeated_calls(launch, csms):
    csms.always("SecurityEventNotification", Error("NotImplemented", "Unknown action"))
    sim = online(launch, csms)
    csms.record.wait("SecurityEventNotification")
    start_session(sim, csms)
    end_session(sim, csms)
    sim.let_pass(60, timeout_s=40)
    assert len(csms.record.calls("SecurityEventNotification")) == 1


def test_callerrors_to_every_status_repeat_none_and_sessions_go_on(launch, csms):
    csms.always("StatusNotification", Error("InternalError", "Connector.evseId cannot be null"))
    sim = launch()
    csms.record.wait("StatusNotification", "out", 4, count=2)
    sim.wait_ocpp_status("Available")
    transaction = start_session(sim, csms)
    end_session(sim, csms)
    csms.record.wait("StatusNotification", where=lambda p: p["status"] == "Finishing")
    sim.let_pass(20)
    told = statuses(csms)
    assert len(told) <= 6 and not [n for n in range(1, len(told)) if told[n] == told[n - 1]], told
    assert transaction.reason == "EVDisconnected"


def test_null_as_the_payload_of_an_answer_is_an_empty_one(launch, csms):
    for action in ("StatusNotification", "MeterValues", "StopTransaction"):
        csms.always(action, Text('[3,"{id}",null]'))
    sim = launch(settings={"MeterValueSampleInterval": "10"})
    csms.record.wait("StatusNotification", count=2)
    sim.wait_ocpp_status("Available")
    mark = len(csms.record)
    start_session(sim, csms)
    csms.record.wait("MeterValues", since=mark, count=2)
    sim.plug_out()
    csms.record.wait("StopTransaction", since=mark)
    sim.wait_ocpp_status("Available")
    sim.let_pass(10)
    assert len(csms.record.calls("StopTransaction")) == 1
    assert statuses(csms) == ["Available", "Preparing", "Charging", "Finishing", "Available"]


def test_an_authorize_answer_with_the_parent_alone_starts_nothing_and_is_logged(charger, csms):
    csms.answer("Authorize", Result({"idTagInfo": {"parentIdTag": "FLEET"}}))
    charger.plug_in()
    charger.swipe("GOOD0001")
    csms.record.wait("Authorize")
    charger.let_pass(5)
    assert not csms.record.calls("StartTransaction") and charger.connector()["ocpp_status"] == "Preparing"
    assert [line for line in charger.log_lines() if "idTagInfo.status" in line]
    charger.swipe("GOOD0001")
    charger.wait_ocpp_status("Charging")


def test_fields_of_other_messages_in_the_answer_to_a_start_do_not_hide_the_id(charger, csms):
    csms.answer("StartTransaction", Result({
        "status": "Accepted", "transactionId": 112200, "idTagInfo": {"status": "Accepted", "expiryDate": None}, "x": [1]}))
    charger.plug_in()
    charger.swipe("GOOD0001")
    charger.wait_ocpp_status("Charging")
    charger.wait_connector(lambda c: c["transaction_id"] == 112200, what="its id")
    assert csms.call("RemoteStopTransaction", transactionId=112200) == {"status": "Accepted"}
    csms.answer("StopTransaction", Result({}))
    assert csms.record.wait("StopTransaction").payload["transactionId"] == 112200


def test_a_start_answered_without_an_id_charges_on_and_stops_with_minus_1(charger, csms):
    csms.answer("StartTransaction", Result({"status": "Accepted"}))
    csms.answer("StopTransaction", Result({}))
    charger.plug_in()
    charger.swipe("GOOD0001")
    csms.record.wait("StartTransaction", "out", 3)
    charger.wait_ocpp_status("Charging")
    assert [line for line in charger.log_lines() if "StartTransaction.conf transactionId" in line]
    charger.plug_out()
    assert csms.record.wait("StopTransaction").payload["transactionId"] == -1
    charger.let_pass(5)
    assert len(csms.record.calls("StartTransaction")) == 1


@pytest.mark.parametrize("number", [0, -5, 2**31, 2**53])
def test_transaction_ids_of_any_size_come_back(charger, csms, number):
    csms.answer("StartTransaction", Result({"transactionId": number, "idTagInfo": {"status": "Accepted"}}))
    csms.answer("StopTransaction", Result({}))
    charger.plug_in()
    charger.swipe("GOOD0001")
    csms.record.wait("StartTransaction", "out", 3)
    charger.wait_ocpp_status("Charging")
    charger.wait_connector(lambda c: c["transaction_id"] == number, what="its id")
    uid = "stop-1"
    answer = csms.raw_call(json.dumps([2, uid, "RemoteStopTransaction", {"transactionId": number}]), uid)
    assert answer.payload == {"status": "Accepted"}
    assert csms.record.wait("StopTransaction").payload["transactionId"] == number


def test_a_stale_transaction_of_the_card_ends_the_new_one(charger, csms):
    """ConcurrentTx in the answer to StartTransaction: no energy, DeAuthorized."""
    csms.answer("StartTransaction", Result({"transactionId": 9, "idTagInfo": {"status": "ConcurrentTx"}}))
    csms.answer("StopTransaction", Result({}))
    charger.plug_in()
    charger.swipe("GOOD0001")
    stop = csms.record.wait("StopTransaction").payload
    assert (stop["transactionId"], stop["reason"]) == (9, "DeAuthorized")
    charger.wait_connector(lambda c: not c["relay"], what="no energy")


def test_a_stop_refused_once_is_reported_again_and_nothing_registers_anew(launch, csms):
    csms.answer("StopTransaction", Error("InternalError", "Object reference not set to an instance of an object"))
    sim = online(launch, csms, **QUICK, **SAMPLES)
    start_session(sim, csms)
    sim.plug_out()
    csms.record.wait("StopTransaction", "out", 3)
    stops = [m.payload for m in csms.record.calls("StopTransaction")]
    assert len(stops) == 2 and stops[0] == stops[1]
    assert len(csms.record.calls("BootNotification")) == 1 and csms.connections == 1


def test_a_back_end_that_answers_25_s_late_gets_each_message_once(launch, csms):
    scale = 20
    sim = launch(time_scale=scale, settings=SAMPLES)
    csms.wait_booted()
    for action, payload in (("Authorize", {"idTagInfo": {"status": "Accepted"}}), ("StatusNotification", {}),
                            ("StartTransaction", {"transactionId": 77, "idTagInfo": {"status": "Accepted"}}),
                            ("StopTransaction", {})):  # fmt: skip
        csms.always(action, Late(25 / scale, Result(payload)))
    mark = len(csms.record)
    sim.plug_in()
    sim.swipe("GOOD0001")
    sim.wait_connector(lambda c: c["transaction_id"] == 77, 40, "its id")
    sim.plug_out()
    csms.record.wait("StopTransaction", "out", 3, since=mark, timeout_s=40)
    assert csms.record.wait("StopTransaction", since=mark).payload["transactionId"] == 77
    for action in ("Authorize", "StartTransaction", "StopTransaction"):
        assert len(csms.record.calls(action, mark)) == 1, action
    assert csms.connections == 1


def test_an_answer_later_than_the_timeout_is_dropped_and_the_same_start_told_again(launch, csms):
    """The start comes again with the same payload, so that the back end can know it; the answer in time counts."""
    scale = 20
    started = {"transactionId": 5, "idTagInfo": {"status": "Accepted"}}
    csms.answer("StartTransaction", Late(34 / scale, Result({**started, "transactionId": 4})), Result(started))
    csms.answer("StopTransaction", Result({}))
    sim = launch(time_scale=scale, settings={**QUICK, **SAMPLES, "TransactionMessageRetryInterval": "10"})
    csms.wait_booted()
    sim.plug_in()
    sim.swipe("GOOD0001")
    first, second = (csms.record.wait("StartTransaction", count=n, timeout_s=30).payload for n in (1, 2))
    assert first == second
    sim.wait_connector(lambda c: c["transaction_id"] == 5, what="the id of the answer in time")
    sim.plug_out()
    assert csms.record.wait("StopTransaction", timeout_s=30).payload["transactionId"] == 5


# --- the link ---


def test_stop_reaches_the_instance_that_knows_the_transaction(launch, csms):
    """One instance refuses a stop that it does not know and closes; the other one takes the same stop. No new registration."""
    sim = online(launch, csms, **QUICK, **SAMPLES)
    transaction = start_session(sim, csms)
    csms.abort()
    csms.wait_connected(2)
    csms.answer("StopTransaction", Error("InternalError", "unknown transaction"), Drop())
    sim.plug_out()
    csms.record.wait("StopTransaction", count=2)
    csms.wait_connected(3)
    csms.record.wait("StopTransaction", "out", 3)
    stops = [m.payload for m in csms.record.calls("StopTransaction")]
    assert stops[0] == stops[1] == stops[2] and stops[0]["transactionId"] == transaction.id
    assert len(csms.record.calls("BootNotification")) == 1


def test_a_back_end_that_holds_the_old_link_for_alive_lets_the_charger_in_in_the_end(launch, csms):
    """Three new links are refused as duplicates; the fourth serves, without a new registration, with the missed status."""
    sim = online(launch, csms, **QUICK)
    csms.refuse_status = 409
    csms.abort()
    before = len(csms.attempts)
    sim.plug_in()
    sim.wait_for(lambda _: len(csms.attempts) >= before + 3, 40, "three attempts")
    csms.refuse_status = None
    mark = len(csms.record)
    csms.wait_connected(2, timeout_s=40)
    csms.record.wait("StatusNotification", since=mark, where=lambda p: p["status"] == "Preparing")
    assert len(csms.record.calls("BootNotification")) == 1


# --- sessions and profiles ---


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
        offered(charger, amps)
        told = csms.call("GetCompositeSchedule", connectorId=1, duration=60, chargingRateUnit="A")
        assert told["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == amps
    assert csms.call("ClearChargingProfile", chargingProfilePurpose="ChargePointMaxProfile") == {"status": "Accepted"}
    offered(charger, 32)


def test_a_profile_of_the_running_transaction_needs_no_transaction_id(charger, csms):
    """An absolute TxProfile that began long ago, with numberPhases, without transactionId."""
    start_session(charger, csms)
    profile = limit_profile(9, None, chargingProfileKind="Absolute", chargingSchedule={
        "startSchedule": "2024-08-01T07:00:00.000Z", "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9, "numberPhases": 3}]})  # fmt: skip
    del profile["transactionId"]
    assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile) == {"status": "Accepted"}
    offered(charger, 9)
    end_session(charger, csms)
    start_session(charger, csms, "GOOD0002")
    offered(charger, 32)


def test_everything_is_cleared_before_each_profile(charger, csms):
    """ClearChargingProfile without a field: Unknown while there is none, Accepted else, and the limit goes."""
    transaction = start_session(charger, csms)
    assert csms.call("ClearChargingProfile") == {"status": "Unknown"}
    for amps in (8, 12):
        profile = limit_profile(amps, transaction.id)
        assert csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile) == {"status": "Accepted"}
        offered(charger, amps)
        assert csms.call("ClearChargingProfile") == {"status": "Accepted"}
    offered(charger, 32)


def test_an_energy_manager_starts_with_its_own_tag_and_a_limit_of_0(launch, csms):
    """RemoteStart with a tag that no Authorize knows and a TxProfile; the limit is then moved every few seconds."""
    csms.ledger.set_tag("evcc")
    sim = online(launch, csms, **SAMPLES)
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
    sim = online(launch, csms)
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
