"""Habits of back ends in the field that concern registration, configuration and the link.

docs/BACKENDS.md lists them with where each was reported, one test each. Each has its right outcome: the
session goes on, nothing is said twice, nothing is said that the back end cannot use.
"""

from datetime import UTC, datetime

import pytest

from backend import Drop, Error, Late, Result
from sim.sessions import NO_SAMPLES, QUICK_RETRIES, end_session, launch_accepted, start_session

ENERGY = "Energy.Active.Import.Register"


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
    sim = launch_accepted(launch, csms, MeterValueSampleInterval="10")
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
    sim = launch_accepted(launch, csms, **QUICK_RETRIES)
    assert csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value="15") == {"status": "Accepted"}
    csms.send_bytes(b"\x88\x02\x03\xe8")
    csms.wait_connected(2)
    answer = csms.call("GetConfiguration", key=["MeterValueSampleInterval"])
    assert answer["configurationKey"][0]["value"] == "15"
    assert len(csms.record.calls("BootNotification")) == 1 and sim.status()["boots"] == 1


# --- the link ---


def test_stop_reaches_the_instance_that_knows_the_transaction(launch, csms):
    """One instance refuses a stop that it does not know and closes; the other one takes the same stop. No new registration."""
    sim = launch_accepted(launch, csms, **QUICK_RETRIES, **NO_SAMPLES)
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
    sim = launch_accepted(launch, csms, **QUICK_RETRIES)
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
