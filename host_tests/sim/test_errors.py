"""Malformed messages: the right CALLERROR where one can be answered, silence elsewhere, life always (OCPP-15..22)."""

import itertools
import json

import pytest

from backend import Csms, Late, Result, Simulator

INCOMPLETE = {"OccurenceConstraintViolation", "ProtocolError"}
MISSHAPEN = {"FormationViolation", "ProtocolError", "TypeConstraintViolation", "OccurenceConstraintViolation"}
TYPE = {"TypeConstraintViolation"}
PROPERTY = {"PropertyConstraintViolation"}

_ids = itertools.count(1)

CALLS = [
    ("NoSuchAction", {}, {"NotImplemented"}),
    ("__init__", {}, {"NotImplemented"}),
    ("../app", {}, {"NotImplemented"}),
    ("", {}, {"NotImplemented", "FormationViolation"}),
    ("BootNotification", {"chargePointVendor": "a", "chargePointModel": "b"}, {"NotImplemented", "NotSupported"}),
    ("ChangeConfiguration", {"key": "HeartbeatInterval"}, INCOMPLETE),
    ("ChangeConfiguration", {}, INCOMPLETE),
    ("ChangeConfiguration", {"key": 5, "value": "5"}, TYPE),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": 60}, TYPE),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": None}, TYPE | INCOMPLETE),
    ("ChangeConfiguration", {"key": "K" * 51, "value": "1"}, PROPERTY),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "1" * 501}, PROPERTY),
    ("GetConfiguration", {"key": "HeartbeatInterval"}, TYPE),
    ("GetConfiguration", {"key": [5]}, TYPE),
    ("GetConfiguration", {"key": {}}, TYPE),
    ("GetConfiguration", [], MISSHAPEN),
    ("GetConfiguration", "text", MISSHAPEN),
    ("GetConfiguration", 7, MISSHAPEN),
    ("Reset", {}, INCOMPLETE),
    ("Reset", {"type": 1}, TYPE),
    ("Reset", {"type": "Warm"}, PROPERTY),
    ("Reset", {"type": "soft"}, PROPERTY),
    ("Reset", {"type": ["Soft"]}, TYPE),
    ("ChangeAvailability", {"connectorId": 1}, INCOMPLETE),
    ("ChangeAvailability", {"connectorId": "1", "type": "Operative"}, TYPE),
    ("ChangeAvailability", {"connectorId": True, "type": "Operative"}, TYPE),
    ("ChangeAvailability", {"connectorId": 1.5, "type": "Operative"}, TYPE),
    ("ChangeAvailability", {"connectorId": 1, "type": "Broken"}, PROPERTY),
    ("RemoteStartTransaction", {}, INCOMPLETE),
    ("RemoteStartTransaction", {"idTag": 17}, TYPE),
    ("RemoteStartTransaction", {"idTag": "T" * 21}, PROPERTY),
    ("RemoteStartTransaction", {"idTag": "GOOD0001", "chargingProfile": "fast"}, TYPE),
    ("RemoteStopTransaction", {}, INCOMPLETE),
    ("RemoteStopTransaction", {"transactionId": "1"}, TYPE),
    ("TriggerMessage", {}, INCOMPLETE),
    ("TriggerMessage", {"requestedMessage": 4}, TYPE),
    ("SetChargingProfile", {"connectorId": 1}, INCOMPLETE),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": []}, TYPE),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": {}}, INCOMPLETE),
    ("UnlockConnector", {"connectorId": "one"}, TYPE),
]

# Nothing in these can be answered, or they say that they want no answer (OCPP-16, OCPP-19, OCPP-21).
UNANSWERABLE = [
    "", " ", "hello", "{", "[", "]", "null", "true", "5", '"text"', "{}", "[]", "[2]", '[2,"a"',
    '[2,null,"Reset",{"type":"Hard"}]', '["2","x","Reset",{"type":"Hard"}]', '[1,"x","Reset",{"type":"Hard"}]',
    '[5,"x","Reset",{"type":"Hard"}]', '[2.5,"x","Reset",{"type":"Hard"}]', '[-2,"x","Reset",{"type":"Hard"}]',
    '[3,"nobody-asked",{"status":"Accepted"}]', '[3,"short"]', '[3]', '[4,"nobody-asked","GenericError","",{}]',
    '[4,"x"]',
    '[3,5,{}]', "[[[[[[[[[[[[[[[[[[[[", "[" * 5000, '{"a":' * 2000 + "1" + "}" * 2000, "\ufeff[]", "\x00\x01\x02",
    "[2,\"" + "i" * 3000 + '","Reset",{"type":"Hard"}]',
]


@pytest.fixture(scope="module", params=[64, 32], ids=["64bit", "32bit"])
def peer(request, tmp_path_factory):
    """One charger a word size for the tables; strictly a peer that is never to notice what went before."""
    with Csms(tags={"GOOD0001": "Accepted"}) as csms:
        with Simulator(tmp_path_factory.mktemp("errors"), csms_url=csms.url, word=request.param) as sim:
            csms.wait_booted()
            sim.csms = csms
            yield sim
            assert not [line for line in sim.log_lines() if "Traceback" in line], sim.log_tail()
        assert csms.problems() == []


@pytest.mark.parametrize("action, payload, codes", CALLS,
                         ids=[f"{a or 'empty'}-{json.dumps(p)[:34]}" for a, p, _ in CALLS])
def test_callerror(peer, action, payload, codes):
    """OCPP-18..20: exactly the code that the fault calls for."""
    uid = f"bad-{next(_ids)}"
    answer = peer.csms.raw_call(json.dumps([2, uid, action, payload]), uid)
    assert answer.kind == 4, answer
    assert answer.code in codes, answer
    assert len(json.loads(answer.raw)) == 5 and isinstance(json.loads(answer.raw)[4], dict)


@pytest.mark.parametrize("frame", ['[2,"{id}","GetConfiguration"]', '[2,"{id}"]', '[2,"{id}",5,{}]',
                                   '[2,"{id}",null,{}]', '[2,"{id}","Reset",{"type":"Soft"},{}]'],
                         ids=["no-payload", "no-action", "action-number", "action-null", "five-items"])
def test_misshapen_call_with_a_readable_id(peer, frame):
    """A CALL whose id can be read is answered with an error, or not at all; it is never obeyed."""
    uid = f"odd-{next(_ids)}"
    mark = len(peer.csms.record)
    peer.csms.send_text(frame.replace("{id}", uid))
    still_there(peer)
    answers = [m for m in peer.csms.record.messages(way="in", since=mark) if m.uid == uid]
    assert all(m.kind == 4 and m.code in MISSHAPEN | {"NotImplemented"} for m in answers), answers
    assert len(answers) <= 1


def still_there(peer):
    """The charger answers an ordinary request, on the same connection, in the same run of the firmware."""
    answer = peer.csms.call("GetConfiguration", key=["NumberOfConnectors"])
    assert answer["configurationKey"][0]["value"] == "1"
    assert peer.csms.connections == 1
    assert len(peer.csms.record.calls("BootNotification")) == 1


@pytest.mark.parametrize("frame", UNANSWERABLE, ids=[f"{n}-{f[:20]!r}" for n, f in enumerate(UNANSWERABLE)])
def test_unanswerable_frame_is_ignored(peer, frame):
    """OCPP-19, OCPP-21, OCPP-22: no answer, no effect, and the connection stays."""
    mark = len(peer.csms.record)
    peer.csms.send_text(frame)
    still_there(peer)
    replies = [m for m in peer.csms.record.messages(way="in", since=mark)
               if m.kind in (3, 4) and m.action != "GetConfiguration"]
    assert replies == []


def test_unknown_extra_field_is_ignored(peer):
    """OCPP-19: process what is known."""
    answer = peer.csms.raw_call(
        '[2,"extra-1","GetConfiguration",{"key":["NumberOfConnectors"],"com.example":{"a":[1,2]}}]', "extra-1")
    assert answer.kind == 3 and answer.payload["configurationKey"][0]["value"] == "1"


def test_null_payload_is_an_empty_one(peer):
    """OCPP-10."""
    answer = peer.csms.raw_call('[2,"null-1","GetConfiguration",null]', "null-1")
    assert answer.kind == 3 and len(answer.payload["configurationKey"]) > 10


def test_answers_cross_an_open_call(peer):
    """OCPP-16: while the charger waits for an answer of its own, it answers ours."""
    now = peer.csms.now()
    peer.csms.answer("Heartbeat", Late(2, Result({"currentTime": now})))
    mark = len(peer.csms.record)
    assert peer.csms.call("TriggerMessage", requestedMessage="Heartbeat")["status"] == "Accepted"
    peer.csms.record.wait("Heartbeat", since=mark)
    still_there(peer)
    late = peer.csms.record.wait("Heartbeat", "out", 3, since=mark)
    answered = peer.csms.record.wait("GetConfiguration", "in", 3, since=mark)
    assert answered.number < late.number


def test_profile_not_supported(launch, csms):
    """OCPP-20: a feature profile that the charger does not have gives NotSupported."""
    launch(settings={"SupportedFeatureProfiles": "Core,RemoteTrigger"})
    csms.wait_booted()
    answer = csms.raw_call('[2,"np-1","SetChargingProfile",{"connectorId":1,"csChargingProfiles":{}}]', "np-1")
    assert (answer.kind, answer.code) == (4, "NotSupported")
    assert csms.call("TriggerMessage", requestedMessage="Heartbeat")["status"] == "Accepted"
