"""The largest frames a back end may send, in a small heap (OCPP-22): 32-bit interpreter, code in ROMFS."""

import json

import pytest

from .sessions import end_session, start_session

LIMIT = 24576


@pytest.fixture
def small(launch, csms):
    """A charger with a small heap, and a car that charges."""
    sim = launch(word=32, settings={"MeterValueSampleInterval": 5})
    csms.wait_booted()
    start_session(sim, csms)
    return sim


def frame(uid, action, payload):
    return json.dumps([2, uid, action, payload], separators=(",", ":"))


def local_list(version, entries):
    """SendLocalList whose entries are as long as the schema lets them be."""
    return {
        "listVersion": version, "updateType": "Full", "localAuthorizationList": [{
            "idTag": f"TAG{n:017d}", "idTagInfo": {
                "expiryDate": "2030-12-31T23:59:59.999999+00:00", "parentIdTag": f"PARENT{n:014d}", "status": "Accepted"}}
            for n in range(entries)]}


def profile(periods, **more):
    """SetChargingProfile with so many periods."""
    return {"connectorId": 1, "csChargingProfiles": {
        "chargingProfileId": 1, "stackLevel": 1, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "duration": 999999, "chargingSchedulePeriod": [
            {"startPeriod": n * 600, "limit": 8.5 + n % 2, "numberPhases": 1} for n in range(periods)]}, **more}}


def unharmed(sim, csms):
    """It charges and answers."""
    assert csms.call("GetLocalListVersion")["listVersion"] >= 0
    status = sim.status()
    assert status["csms"]["connected"], status["csms"]
    assert status["connectors"]["1"]["relay"], status["connectors"]["1"]
    assert status["boots"] == 1


def padded(text, size):
    """The same JSON with spaces before its end, so many bytes long."""
    return text[:-1] + " " * (size - len(text)) + text[-1]


def test_the_largest_local_list_and_profile_are_taken(small, csms):
    """SendLocalListMaxLength entries and ChargingScheduleMaxPeriods periods, and 16 KiB of either."""
    keys = csms.call("GetConfiguration", key=["SendLocalListMaxLength", "ChargingScheduleMaxPeriods"])["configurationKey"]
    entries, periods = (int(key["value"]) for key in keys)
    for uid, action, payload in (("a", "SendLocalList", local_list(1, entries)), ("b", "SetChargingProfile", profile(periods))):
        text = frame(uid, action, payload)
        assert csms.raw_call(padded(text, 16384), uid).payload == {"status": "Accepted"}
        unharmed(small, csms)
    assert csms.call("GetLocalListVersion")["listVersion"] == 1
    schedule = csms.call("GetCompositeSchedule", connectorId=1, duration=3000)["chargingSchedule"]["chargingSchedulePeriod"]
    assert [p["limit"] for p in schedule][:4] == [8.5, 9.5, 8.5, 9.5]
    end_session(small, csms)


def test_beyond_the_configured_lengths_the_content_is_refused(small, csms):
    """Still a well-formed message: Failed and Rejected, the list before stays (OCPP-56, 102)."""
    assert csms.call("SendLocalList", **local_list(1, 2))["status"] == "Accepted"
    long = frame("a", "SendLocalList", local_list(2, 120))
    assert 15000 < len(long) < LIMIT
    answer = csms.raw_call(long, "a")
    assert answer.kind == 4 or answer.payload == {"status": "Failed"}
    assert csms.call("GetLocalListVersion")["listVersion"] == 1
    answer = csms.raw_call(frame("b", "SetChargingProfile", profile(250)), "b")
    assert answer.kind == 4 or answer.payload == {"status": "Rejected"}
    unharmed(small, csms)


def test_a_frame_beyond_the_limit_is_refused_and_the_charger_goes_on(small, csms):
    """The connection is closed with 1009 and made again; nothing else happens (OCPP-22)."""
    csms.audited = False
    for size in (LIMIT + 1, 200_000, 2_000_000):
        mark = len(csms.record)
        before = csms.connections
        csms.send_text(padded(frame("big", "SendLocalList", local_list(5, 10)), size))
        csms.wait_connected(before + 1, 40)
        assert not [m for m in csms.record.messages(since=mark, way="in") if m.uid == "big"]
        small.network_up()
    assert csms.call("GetLocalListVersion")["listVersion"] == 0
    unharmed(small, csms)
