"""Habits of back ends in the field that concern answers: errors, late ones, odd ones.

See docs/BACKENDS.md, as for test_backend_habits.py.
"""

import json

import pytest

from backend import Error, Held, Late, Release, Result, Text, wait_until
from sim.sessions import NO_SAMPLES, QUICK_RETRIES, end_session, launch_accepted, start_session, statuses


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
    sim = launch_accepted(launch, csms)
    csms.record.wait("SecurityEventNotification")
    start_session(sim, csms)
    end_session(sim, csms)
    sim.let_pass(60, timeout_s=40)
    assert len(csms.record.calls("SecurityEventNotification")) == 1


def test_callerrors_to_every_status_leave_sessions_alone_and_each_is_sent_three_times_at_most(launch, csms):
    csms.always("StatusNotification", Error("InternalError", "Connector.evseId cannot be null"))
    sim = launch()
    csms.record.wait("StatusNotification", "out", 4, count=2)
    sim.wait_ocpp_status("Available")
    transaction = start_session(sim, csms)
    end_session(sim, csms)
    csms.record.wait("StatusNotification", where=lambda p: p["status"] == "Finishing")
    sim.let_pass(20)
    told = statuses(csms)
    assert not [n for n in range(3, len(told)) if told[n - 3 : n] == [told[n]] * 3], told
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
    wait_until(lambda: [line for line in charger.log_lines() if "StartTransaction.conf transactionId" in line], 20, "a warning",
               state=charger.log_tail)
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
    sim = launch_accepted(launch, csms, **QUICK_RETRIES, **NO_SAMPLES)
    start_session(sim, csms)
    sim.plug_out()
    csms.record.wait("StopTransaction", "out", 3)
    stops = [m.payload for m in csms.record.calls("StopTransaction")]
    assert len(stops) == 2 and stops[0] == stops[1]
    assert len(csms.record.calls("BootNotification")) == 1 and csms.connections == 1


def test_a_back_end_that_answers_25_s_late_gets_each_message_once(launch, csms):
    scale = 20
    sim = launch(time_scale=scale, settings=NO_SAMPLES)
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
    started = {"transactionId": 5, "idTagInfo": {"status": "Accepted"}}
    late = Held(Result({**started, "transactionId": 4}))
    csms.answer("StartTransaction", late, Release(late, Result(started)))
    csms.answer("StopTransaction", Result({}))
    sim = launch(time_scale=20, settings={**QUICK_RETRIES, **NO_SAMPLES, "TransactionMessageRetryInterval": "10"})
    csms.wait_booted()
    sim.plug_in()
    sim.swipe("GOOD0001")
    first, second = (csms.record.wait("StartTransaction", count=n, timeout_s=30).payload for n in (1, 2))
    assert first == second
    sim.wait_connector(lambda c: c["transaction_id"] == 5, what="the id of the answer in time")
    sim.plug_out()
    assert csms.record.wait("StopTransaction", timeout_s=30).payload["transactionId"] == 5
