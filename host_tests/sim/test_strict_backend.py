"""Whole scenarios against the strict second back end, and that it notices what is wrong (SCH-1 to 16).

ocpp-rpc checks each CALL and each result itself, both ways, with its own schemas; it closes over a bad frame. The charger
has to get through all of them without one violation.
"""

import asyncio
import contextlib
import json

import pytest
import websockets

from backend import CallRefused, StrictBackend
from backend.waiting import wait_until
from sim.sessions import limit_profile

SETTINGS = {
    "AllowOfflineTxForUnknownId": "true", "MeterValueSampleInterval": 5, "RetryBackoffWaitMinimum": 1,
    "RetryBackoffRandomRange": 1, "StopTxnSampledData": "Energy.Active.Import.Register,Voltage",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,Current.Offered,"
                              "Power.Offered,Frequency,Power.Factor,Temperature",
}
TRIGGERS = ("BootNotification", "Heartbeat", "MeterValues", "StatusNotification", "FirmwareStatusNotification",
            "DiagnosticsStatusNotification")


@pytest.fixture
def strict():
    """The strict back end, of which the test may ask for violations only on purpose."""
    with StrictBackend() as backend:
        backend.audited = True
        yield backend
        if backend.audited:
            assert backend.violations == []
            assert backend.problems_of(backend.record) == []


@pytest.fixture
def online(launch, strict, word):
    """A charger of either word size that the strict back end has accepted."""
    sim = launch(csms_url=strict.url, word=word, settings=SETTINGS)
    strict.record.wait("StatusNotification", where=lambda p: p["connectorId"] == 1)
    sim.wait_ocpp_status("Available")
    return sim


def in_session(sim, strict, tag="GOOD0001"):
    """Charging; the transaction's id."""
    mark = len(strict.record)
    sim.plug_in()
    sim.swipe(tag)
    sim.wait_ocpp_status("Charging")
    number = strict.record.wait("StartTransaction", "out", 3, since=mark).payload["transactionId"]
    sim.wait_connector(lambda c: c["transaction_id"] == number, what=f"transaction {number}")
    return number


def finished(sim, strict, mark):
    """The plug is out and the StopTransaction answered."""
    sim.plug_out()
    stop = strict.record.wait("StopTransaction", since=mark)
    strict.record.wait("StopTransaction", "out", 3, since=mark)
    sim.wait_ocpp_status("Available")
    return stop.payload


def test_session_with_meter_values_limits_and_offline_time(online, strict):
    """Boot to StopTransaction with transactionData, with a limit, messages queued without a link, and a remote stop."""
    mark = len(strict.record)
    transaction = in_session(online, strict)
    strict.record.wait("MeterValues", since=mark, count=2)
    assert strict.call("SetChargingProfile", connectorId=1,
                       csChargingProfiles=limit_profile(10.5, transaction)) == {"status": "Accepted"}
    online.wait_connector(lambda c: c["offered_amps"] == 10.5, what="10.5 A")
    for unit in "AW":
        for connector in (0, 1):
            answer = strict.call("GetCompositeSchedule", connectorId=connector, duration=600, chargingRateUnit=unit)
            assert answer["status"] == "Accepted"
    assert strict.call("ClearChargingProfile", id=1) == {"status": "Accepted"}
    online.network_down()
    online.let_pass(20)
    online.plug_out()
    online.wait_ocpp_status("Available")
    second = len(strict.record)
    online.network_up()
    stop = strict.record.wait("StopTransaction", since=second).payload
    assert stop["transactionId"] == transaction and stop["transactionData"]
    assert strict.record.calls("MeterValues", second), "readings were queued"


def test_remote_start_and_stop_and_power_cut(online, strict):
    """Remote control with a profile, and a session that ends with PowerLoss after a cut."""
    online.plug_in()
    online.wait_ocpp_status("Preparing")
    profile = limit_profile(8, 1)
    del profile["transactionId"]
    assert strict.call("RemoteStartTransaction", idTag="GOOD0002", connectorId=1, chargingProfile=profile) == {
        "status": "Accepted"}
    started = strict.record.wait("StartTransaction", "out", 3).payload
    online.wait_connector(lambda c: c["offered_amps"] == 8, what="8 A from the first moment on")
    assert strict.call("RemoteStopTransaction", transactionId=started["transactionId"]) == {"status": "Accepted"}
    finished(online, strict, 0)
    mark = len(strict.record)
    in_session(online, strict)
    online.kill()
    online.start()
    assert strict.record.wait("StopTransaction", since=mark).payload["reason"] == "PowerLoss"


def test_local_list_reservations_and_configuration(online, strict):
    """The messages of the other profiles, with their refusals."""
    assert strict.call("GetLocalListVersion") == {"listVersion": 0}
    entries = [{"idTag": "LISTED01", "idTagInfo": {"status": "Accepted", "parentIdTag": "PARENT"}}, {"idTag": "GONE"}]
    assert strict.call("SendLocalList", listVersion=3, updateType="Full", localAuthorizationList=entries[:1]) == {
        "status": "Accepted"}
    assert strict.call("SendLocalList", listVersion=4, updateType="Differential",
                       localAuthorizationList=entries)["status"] == "Accepted"
    assert strict.call("GetLocalListVersion") == {"listVersion": 4}
    booking = {"connectorId": 1, "expiryDate": "2037-01-01T00:00:00Z", "idTag": "GOOD0001", "reservationId": 5}
    assert strict.call("ReserveNow", **booking) == {"status": "Accepted"}
    online.wait_ocpp_status("Reserved")
    assert strict.call("CancelReservation", reservationId=5) == {"status": "Accepted"}
    assert strict.call("CancelReservation", reservationId=5) == {"status": "Rejected"}
    keys = strict.call("GetConfiguration")["configurationKey"]
    assert len(keys) > 40
    assert strict.call("GetConfiguration", key=["Nope"])["unknownKey"] == ["Nope"]
    for key, value, status in (("HeartbeatInterval", "120", "Accepted"), ("MeterValuesSampledData", "SoC", "Rejected"),
                               ("Nope", "1", "NotSupported"), ("NumberOfConnectors", "2", "Rejected")):
        assert strict.call("ChangeConfiguration", key=key, value=value) == {"status": status}
    assert strict.call("ClearCache") == {"status": "Accepted"}
    assert strict.call("DataTransfer", vendorId="nobody") == {"status": "UnknownVendorId"}
    for kind in ("Inoperative", "Operative"):
        assert strict.call("ChangeAvailability", connectorId=0, type=kind) == {"status": "Accepted"}
    assert strict.call("UnlockConnector", connectorId=1)["status"] in ("Unlocked", "NotSupported")


def test_triggers_statuses_and_reset(online, strict):
    """TriggerMessage for each message, firmware and diagnostics statuses, a fault, and a soft reset."""
    for name in TRIGGERS:
        mark = len(strict.record)
        if strict.call("TriggerMessage", requestedMessage=name)["status"] == "Accepted":
            strict.record.wait(name, since=mark)
    online.raise_fault("GroundFailure")
    strict.record.wait("StatusNotification", where=lambda p: p["errorCode"] == "GroundFailure")
    online.clear_fault("GroundFailure")
    with contextlib.suppress(CallRefused):
        strict.call("GetDiagnostics", location="ftp://127.0.0.1:9/", retries=0)
        strict.record.wait("DiagnosticsStatusNotification")
    with contextlib.suppress(CallRefused):  # NotSupported by a unit that cannot be updated (OCPP-116)
        strict.call("UpdateFirmware", location="ftp://127.0.0.1:9/x", retries=0, retrieveDate="2026-01-01T00:00:00Z")
        strict.record.wait("FirmwareStatusNotification")
    mark = len(strict.record)
    assert strict.call("Reset", type="Soft") == {"status": "Accepted"}
    strict.record.wait("BootNotification", since=mark, timeout_s=30)
    strict.record.wait("StatusNotification", since=mark, timeout_s=30)


def test_many_links_lost(online, strict):
    """A session over ten cuts: whatever is repeated is as valid as the first time."""
    transaction = in_session(online, strict)
    for count in range(2, 12):
        strict.drop()
        online.network_up()
        online.wait_for(lambda s, n=count: strict.connections >= n, 20, f"connection {count}")
    assert finished(online, strict, 0)["transactionId"] == transaction
    assert len(strict.record.calls("StartTransaction")) == 1


BROKEN = [
    [2, "a", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Sleeping"}],
    [2, "a", "StatusNotification", {"connectorId": "1", "errorCode": "NoError", "status": "Available"}],
    [2, "a", "StartTransaction", {"connectorId": 1, "idTag": "A" * 21, "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}],
    [2, "a", "StartTransaction", {"connectorId": 1, "idTag": "A", "meterStart": 0.5, "timestamp": "2026-01-01T00:00:00Z"}],
    [2, "a", "StartTransaction", {"connectorId": 1, "idTag": "A", "meterStart": 1, "timestamp": "yesterday"}],
    [2, "a", "StartTransaction", {"connectorId": 1, "idTag": "A", "meterStart": 1}],
    [2, "a", "Heartbeat", {"extra": 1}],
    [2, "a", "Gossip", {}],
    [2, 7, "Heartbeat", {}],
    ["2", "a", "Heartbeat", {}],
]


@pytest.mark.parametrize("frame", BROKEN, ids=lambda frame: json.dumps(frame)[:60])
def test_strict_back_end_bites(strict, frame):
    """Each broken frame is a violation, seen on the wire and, where it is a CALL, by the judge."""
    strict.audited = False

    async def session():
        async with websockets.connect(f"{strict.url}/RAW", subprotocols=["ocpp1.6"]) as socket:
            await socket.send(json.dumps(frame))
            return json.loads(await asyncio.wait_for(socket.recv(), 5))

    assert asyncio.run(session())[0] == 4
    wait_until(lambda: strict.violations, 10, "the violation")  # node tells it beside its answer
    if frame[:2] == [2, "a"]:
        assert strict.problems_of(strict.record)


def test_judge_bites_on_results(strict):
    """CALLRESULTs are judged by the action that they answer; what is right passes."""
    good = [2, "Heartbeat", {}], [3, "Reset", {"status": "Accepted"}]
    bad = [3, "Reset", {"status": "Perhaps"}], [3, "GetLocalListVersion", {}], [3, "GetConfiguration", {"unknownKey": [1]}]
    assert [at for at, _ in strict.judge([*good, *bad])] == [2, 3, 4]


def test_bad_answer_of_the_charger_is_a_violation(strict):
    """A CALLRESULT with an unknown status, on the wire."""
    strict.audited = False

    async def session():
        async with websockets.connect(f"{strict.url}/RAW", subprotocols=["ocpp1.6"]) as socket:
            asked = asyncio.create_task(asyncio.to_thread(strict.call, "Reset", type="Soft"))
            uid = json.loads(await asyncio.wait_for(socket.recv(), 5))[1]
            await socket.send(json.dumps([3, uid, {"status": "Perhaps"}]))
            with pytest.raises(CallRefused):
                await asked

    asyncio.run(session())
    assert any("Perhaps" in text for text in strict.violations)
