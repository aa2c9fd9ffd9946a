"""The session as driver and back end see it: plug, tag, charge, pause, stop; what is reported, in which order."""

from datetime import datetime

import pytest

from backend import Late, Result
from backend.waiting import wait_until
from sim.sessions import end_session, illegal_steps, start_session, statuses


def test_whole_session(charger_of, csms):
    """From plug-in to bill: Authorize, Start, meter values, Stop; the billed energy is the meter's."""
    sim = charger_of(settings={"MeterValueSampleInterval": 10})
    before_wh = sim.connector()["energy_wh"]
    mark = len(csms.record)
    sim.plug_in()
    sim.wait_ocpp_status("Preparing")
    sim.swipe("GOOD0001")
    charging = sim.wait_ocpp_status("Charging")
    assert charging["relay"] is True and charging["offered_amps"] >= 6
    assert charging["id_tag"] == "GOOD0001"
    sim.set_time_scale(20)
    sim.wait_connector(lambda c: c["energy_wh"] >= before_wh + 60, 30, "60 Wh")
    csms.record.wait("MeterValues", count=2, since=mark)
    sim.set_time_scale(1)
    sim.plug_out()
    stop = csms.record.wait("StopTransaction").payload
    sim.wait_ocpp_status("Available")

    start = csms.record.wait("StartTransaction").payload
    transaction = csms.ledger.transactions[1]
    wait_until(lambda: transaction.energy_wh is not None, 10, "the back end's own book")  # after its record of the message
    assert charging["transaction_id"] in (None, transaction.id)
    assert (start["connectorId"], start["idTag"], start["meterStart"]) == (1, "GOOD0001", before_wh)
    assert stop["transactionId"] == transaction.id and stop["reason"] == "EVDisconnected"
    assert sim.connector()["energy_wh"] - before_wh == transaction.energy_wh >= 60
    assert transaction.duration_s > 0
    beside = ("StatusNotification", "SecurityEventNotification")
    order = [m.action for m in csms.record.calls(since=mark) if m.action not in beside]
    assert order[:2] == ["Authorize", "StartTransaction"] and order[-1] == "StopTransaction"
    assert set(order[2:-1]) <= {"MeterValues", "Heartbeat"}


@pytest.fixture
def charger_of(launch, csms, word):
    """Start an online charger of this test's word size."""
    def start(**options):
        sim = launch(word=word, **options)
        csms.wait_booted(connectors=options.get("connectors", 1))
        sim.wait_ocpp_status("Available")
        return sim
    return start


def test_status_sequence_is_legal_and_ends_the_session(charger_of, csms):
    """OCPP-80, OCPP-81: a session with a pause shows exactly these statuses, and only steps that the table knows."""
    sim = charger_of()
    start_session(sim, csms)
    sim.pause()
    sim.wait_ocpp_status("SuspendedEV")
    assert sim.connector()["relay"] is False
    sim.let_pass(12)  # the contactor's rest between two closures (CP-50) would show as SuspendedEVSE
    sim.resume()
    sim.wait_ocpp_status("Charging")
    end_session(sim, csms)
    csms.record.wait("StatusNotification", count=2,
                     where=lambda p: (p["connectorId"], p["status"]) == (1, "Available"))
    seen = statuses(csms)
    assert illegal_steps(seen) == []
    assert [s for s in seen if s != "Finishing"] == [
        "Available", "Preparing", "Charging", "SuspendedEV", "Charging", "Available"]


def test_plug_to_charging_takes_one_to_three_seconds(charger_of, csms):
    """The contract: a plain plug-in takes 1 to 3 s from plug to Charging, as a real car does; by the unit's own times."""
    sim = charger_of(settings={"FreeVend": "true", "FreeVendIdTag": "GOOD0001"})
    sim.let_pass(5)  # a restart has opened the contactor (CP-50)
    mark = len(csms.record)
    sim.plug_in()
    sim.wait_ocpp_status("Charging")
    csms.record.wait("StatusNotification", since=mark, where=lambda p: p["status"] == "Charging")
    stamps = [datetime.fromisoformat(message.payload["timestamp"])
              for message in csms.record.calls("StatusNotification", since=mark) if message.payload["connectorId"] == 1]
    assert 1 <= (stamps[-1] - stamps[0]).total_seconds() <= 3.5, stamps


def test_car_that_does_not_ask_is_suspended_ev(charger, csms):
    """OCPP-81: authorised but in state B: the transaction runs, no relay; it charges when the car asks."""
    charger.plug_in_idle()
    charger.wait_ocpp_status("Preparing")
    charger.swipe("GOOD0001")
    csms.record.wait("StartTransaction")
    held = charger.wait_ocpp_status("SuspendedEV")
    assert held["relay"] is False and held["pilot"].startswith("B")
    charger.resume()
    charger.wait_ocpp_status("Charging")


def test_tag_before_plug(charger, csms):
    """OCPP-80 A2: the tag opens the session, the plug completes it."""
    charger.swipe("GOOD0001")
    charger.wait_ocpp_status("Preparing")
    charger.plug_in()
    charger.wait_ocpp_status("Charging")
    assert csms.record.wait("StartTransaction").payload["idTag"] == "GOOD0001"


def test_tag_without_plug_times_out(launch, csms):
    """OCPP-59: without a plug the authorisation lapses after ConnectionTimeOut; a plug later starts nothing."""
    sim = launch(settings={"ConnectionTimeOut": 20}, time_scale=10)
    csms.wait_booted()
    sim.swipe("GOOD0001")
    sim.wait_ocpp_status("Preparing")
    sim.wait_ocpp_status("Available")
    sim.plug_in()
    sim.wait_ocpp_status("Preparing")
    sim.let_pass(10)
    assert not csms.record.calls("StartTransaction")


@pytest.mark.parametrize("tag", ["BLOCKED1", "EXPIRED1", "STRANGER"])
def test_refused_tag_starts_nothing(charger, csms, tag):
    """A tag that Authorize answers with anything but Accepted gives no energy and no transaction."""
    charger.plug_in()
    charger.wait_ocpp_status("Preparing")
    charger.swipe(tag)
    csms.record.wait("Authorize", "out", 3)
    charger.let_pass(4)
    assert not csms.record.calls("StartTransaction")
    assert charger.connector()["relay"] is False
    start_session(charger, csms)


def test_same_tag_stops_and_unplug_frees(charger, csms):
    """OCPP-41, OCPP-42: the tag that started stops, unasked for; Local, with the idTag, then Finishing."""
    transaction = start_session(charger, csms)
    mark = len(csms.record)
    charger.swipe("GOOD0001")
    stop = csms.record.wait("StopTransaction").payload
    assert stop.get("reason", "Local") == "Local" and stop["idTag"] == "GOOD0001"
    assert stop["transactionId"] == transaction.id
    finishing = charger.wait_ocpp_status("Finishing")
    assert finishing["relay"] is False
    assert not csms.record.calls("Authorize", since=mark)
    charger.plug_out()
    charger.wait_ocpp_status("Available")
    assert illegal_steps(statuses(csms)) == []


def test_another_tag_does_not_stop(charger, csms):
    """OCPP-42: a different tag is asked about, and without the same parent the transaction goes on."""
    start_session(charger, csms)
    mark = len(csms.record)
    charger.swipe("GOOD0002")
    csms.record.wait("Authorize", since=mark, where=lambda p: p["idTag"] == "GOOD0002")
    charger.let_pass(3)
    assert charger.connector()["ocpp_status"] == "Charging"
    assert not csms.record.calls("StopTransaction")


def test_tag_of_the_same_parent_stops(charger, csms):
    """OCPP-42, OCPP-58: a different tag of the same group may stop."""
    csms.ledger.set_tag("GOOD0001", parent="FAMILY")
    csms.ledger.set_tag("GOOD0002", parent="FAMILY")
    start_session(charger, csms)
    charger.swipe("GOOD0002")
    assert csms.record.wait("StopTransaction").payload["idTag"] == "GOOD0002"


def test_second_session_after_finishing(charger, csms):
    """OCPP-80 F2: with the cable still in, the same tag starts a new transaction."""
    start_session(charger, csms)
    charger.swipe("GOOD0001")
    charger.wait_ocpp_status("Finishing")
    csms.record.wait("StopTransaction", "out", 3)
    charger.let_pass(2)  # the card has been away from the reader
    charger.swipe("GOOD0001")
    charger.wait_ocpp_status("Charging", timeout_s=30)
    csms.record.wait("StartTransaction", count=2)
    assert illegal_steps(statuses(csms)) == []


@pytest.mark.parametrize("stop", ["true", "false"])
def test_tag_refused_by_start_transaction(launch, csms, stop):
    """OCPP-54: StartTransaction.conf says Blocked: the transaction ends DeAuthorized, or stays without energy."""
    csms.answer("StartTransaction", Result({"transactionId": 77, "idTagInfo": {"status": "Blocked"}}))
    sim = launch(settings={"StopTransactionOnInvalidId": stop, "MaxEnergyOnInvalidId": 0})
    csms.wait_booted()
    sim.plug_in()
    sim.swipe("GOOD0001")
    csms.record.wait("StartTransaction")
    if stop == "true":
        ended = csms.record.wait("StopTransaction").payload
        assert ended["reason"] == "DeAuthorized" and ended["transactionId"] == 77
    else:
        sim.wait_ocpp_status("SuspendedEVSE")
        sim.let_pass(3)
        assert not csms.record.calls("StopTransaction")
    assert sim.wait_connector(lambda c: not c["relay"], what="the relay open")["transaction_id"] in (77, None)


def test_meter_values_belong_to_the_transaction(launch, csms):
    """OCPP-90, OCPP-93, OCPP-96: sampled every interval, with the transaction's id, values plain decimal strings."""
    sim = launch(time_scale=20, settings={"MeterValueSampleInterval": 10})
    csms.wait_booted()
    transaction = start_session(sim, csms)
    csms.record.wait("MeterValues", count=3)
    sim.set_time_scale(1)
    end_session(sim, csms)
    seen = csms.record.calls("MeterValues")
    assert {m.payload["transactionId"] for m in seen} == {transaction.id}
    energies = []
    for message in seen:
        for sample in message.payload["meterValue"][0]["sampledValue"]:
            float(sample["value"])
            assert "e" not in sample["value"].lower()
            if sample.get("measurand", "Energy.Active.Import.Register") == "Energy.Active.Import.Register":
                energies.append(int(sample["value"]))
    assert len(energies) == len(seen) and energies == sorted(energies)
    assert transaction.meter_start <= energies[0] and energies[-1] <= transaction.meter_stop


def test_slow_back_end_does_not_hold_the_car_up_for_ever(charger, csms):
    """A StartTransaction answered seconds late: the session still has its id, and the stop waits for it (OCPP-38)."""
    csms.answer("StartTransaction", Late(2, Result({"transactionId": 4711, "idTagInfo": {"status": "Accepted"}})))
    charger.plug_in()
    charger.swipe("GOOD0001")
    csms.record.wait("StartTransaction")
    charger.plug_out()
    assert csms.record.wait("StopTransaction").payload["transactionId"] == 4711
    start, stop = (csms.record.wait(a) for a in ("StartTransaction", "StopTransaction"))
    assert stop.at - start.at >= 1.9


def test_the_cable_stays_locked_when_only_the_car_s_end_is_pulled(charger, csms):
    """UnlockConnectorOnEVSideDisconnect=false: the session ends, the socket keeps the cable until its tag comes back."""
    assert csms.call("ChangeConfiguration", key="UnlockConnectorOnEVSideDisconnect", value="false")["status"] == "Accepted"
    start_session(charger, csms)
    assert charger.connector()["locked"]
    mark = len(csms.record)
    charger.plug_out()
    stop = csms.record.wait("StopTransaction", since=mark).payload
    assert stop["reason"] == "EVDisconnected"
    charger.wait_ocpp_status("Finishing")
    charger.let_pass(5)
    assert charger.connector()["locked"] and not charger.connector()["contacts"]
    charger.swipe("GOOD0002")
    charger.let_pass(3)
    assert charger.connector()["locked"], "somebody else's tag does not open it"
    charger.swipe("GOOD0001")
    charger.wait_connector(lambda c: not c["locked"])
    charger.wait_ocpp_status("Available")
    assert csms.call("ChangeConfiguration", key="UnlockConnectorOnEVSideDisconnect", value="true")["status"] == "Accepted"
    charger.let_pass(2)  # the card has been away from the reader
    start_session(charger, csms)
    end_session(charger, csms)
    charger.wait_connector(lambda c: not c["locked"])
