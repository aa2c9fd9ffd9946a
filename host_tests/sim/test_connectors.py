"""Chargers with two to four connectors: each is its own outlet, meter, session and status."""

import pytest

from sim.sessions import end_session, illegal_steps, start_session, statuses


@pytest.mark.parametrize("connectors", [2, 3, 4])
def test_sessions_on_all_connectors_at_once(launch, csms, connectors):
    """Every connector charges its own car for its own tag, and each is billed for itself."""
    word = 32 if connectors == 4 else 64
    sim = launch(connectors=connectors, word=word, settings={"MeterValueSampleInterval": 0})
    csms.wait_booted(connectors=connectors)
    tags = ["GOOD0001", "GOOD0002", "GOOD0003", "GOOD0004"]
    csms.ledger.set_tag("GOOD0004")
    running = {n: start_session(sim, csms, tags[n - 1], n) for n in range(1, connectors + 1)}
    for n in running:
        sim.wait_connector(lambda c: c["energy_wh"] >= 2, 30, "2 Wh", n)
    status = sim.status()["connectors"]
    assert [status[str(n)]["id_tag"] for n in running] == tags[:connectors]
    assert len({t.id for t in running.values()}) == connectors
    for n, transaction in running.items():
        end_session(sim, csms, n)
        assert (transaction.connector, transaction.id_tag) == (n, tags[n - 1])
        assert transaction.meter_stop == sim.connector(n)["energy_wh"]
        assert illegal_steps(statuses(csms, n)) == []
    assert set(statuses(csms, 0)) == {"Available"}


def test_swipe_goes_to_the_plugged_connector(launch, csms):
    """The contract: a swipe without a connector goes to the plugged outlet."""
    sim = launch(connectors=2)
    csms.wait_booted(connectors=2)
    sim.plug_in(2)
    sim.wait_ocpp_status("Preparing", connector=2)
    sim.swipe("GOOD0001")
    sim.wait_ocpp_status("Charging", connector=2)
    assert csms.record.wait("StartTransaction").payload["connectorId"] == 2
    assert sim.connector(1)["ocpp_status"] == "Available"


def test_remote_start_picks_a_free_connector(launch, csms):
    """OCPP-65: without connectorId, one that is free; when none is, Rejected."""
    sim = launch(connectors=2)
    csms.wait_booted(connectors=2)
    start_session(sim, csms, "GOOD0001", 1)
    sim.plug_in(2)
    sim.wait_ocpp_status("Preparing", connector=2)
    assert csms.call("RemoteStartTransaction", idTag="GOOD0002")["status"] == "Accepted"
    sim.wait_ocpp_status("Charging", connector=2)
    assert csms.call("RemoteStartTransaction", idTag="GOOD0003")["status"] == "Rejected"


def test_one_ends_the_other_goes_on(launch, csms):
    """Unplugging one connector, and a fault on it, leave the other alone."""
    sim = launch(connectors=2)
    csms.wait_booted(connectors=2)
    start_session(sim, csms, "GOOD0001", 1)
    start_session(sim, csms, "GOOD0002", 2)
    end_session(sim, csms, 1)
    sim.raise_fault("diode", 1)
    sim.plug_in(1)
    sim.swipe("GOOD0003", 1)  # a lost diode shows as soon as there is PWM
    sim.wait_connector(lambda c: c["ocpp_status"] == "Faulted" or c["error_code"] != "NoError", 20,
                       "the lost diode seen", 1)
    other = sim.connector(2)
    assert (other["ocpp_status"], other["relay"], other["error_code"]) == ("Charging", True, "NoError")


def test_trigger_reports_every_connector(launch, csms):
    """OCPP-72: StatusNotification without connectorId reports connector 0 and all others."""
    launch(connectors=3)
    csms.wait_booted(connectors=3)
    mark = len(csms.record)
    assert csms.call("TriggerMessage", requestedMessage="StatusNotification")["status"] == "Accepted"
    csms.record.wait("StatusNotification", since=mark, count=4)
    assert {m.payload["connectorId"] for m in csms.record.calls("StatusNotification", since=mark)} == {0, 1, 2, 3}
