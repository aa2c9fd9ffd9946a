"""The lid: charging stops and stays stopped, over a power cut, too, until the owner acknowledges (SEC-16, SEC-17)."""

import pytest

from .sessions import start_session
from .test_security_events import entries, wait_event


def faulted(status):
    """The connector as the driver and the back end see it."""
    return status["ocpp_status"] == "Faulted" and not status["relay"]


def tampered(sim, **wanted):
    """Wait for the watch's state."""
    return sim.wait_for(lambda s: wanted.items() <= s["tamper"].items(), what=f"tamper {wanted}")


def test_opened_enclosure_stops_latches_and_is_reported(charger, csms):
    """Online: the contactor opens, the back end hears of it; closing the lid changes nothing, the owner does."""
    start_session(charger, csms)
    charger.raise_fault("tamper")
    charger.wait_connector(faulted, what="energy off")
    event = wait_event(csms, "TamperDetectionActivated")
    assert event.payload["techInfo"] == "enclosure opened"
    assert charger.command("acknowledge") == {"clear": False}  # not while it is open
    charger.clear_fault("tamper")
    tampered(charger, open=False, latched=True)
    charger.let_pass(5)
    assert faulted(charger.connector())
    assert charger.command("acknowledge") == {"clear": True}
    charger.wait_connector(lambda c: c["relay"], what="energy back")
    assert wait_event(csms, "TamperAcknowledged").payload["techInfo"] == "bench"


def test_the_latch_survives_restarts_and_power_cuts(launch, csms, word):
    """Offline, closed again at once, then a reset and a power cut: still latched, told later, in order, once."""
    sim = launch(word=word)
    csms.wait_booted()
    sim.network_down()
    sim.raise_fault("tamper")
    tampered(sim, open=True, latched=True)
    sim.clear_fault("tamper")
    tampered(sim, open=False, latched=True)
    sim.kill()
    sim.start()
    tampered(sim, open=False, latched=True)
    sim.wait_connector(faulted, what="the fault")
    event = wait_event(csms, "TamperDetectionActivated")
    started = [m for m in csms.record.calls("SecurityEventNotification")
               if m.payload["type"] == "StartupOfTheDevice" and m.number > event.number]
    assert len(csms.record.calls("SecurityEventNotification", where=lambda p: p["type"] == event.payload["type"])) == 1
    assert started or csms.record.wait("SecurityEventNotification", since=event.number,
                                       where=lambda p: p["type"] == "StartupOfTheDevice")
    assert sim.command("acknowledge") == {"clear": True}
    sim.restart()
    tampered(sim, latched=False)
    sim.wait_ocpp_status("Available")
    assert sim.command("security_log")["broken"] is None


def test_a_lid_that_is_open_at_the_start_is_seen(launch, csms):
    """SEC-16: opened while the unit had no power, and still open."""
    sim = launch()
    csms.wait_booted()
    sim.raise_fault("tamper")
    tampered(sim, latched=True)
    sim.command("reboot")  # the world stays as it is
    csms.wait_booted(since=len(csms.record))
    tampered(sim, open=True, latched=True)
    assert ("TamperDetectionActivated", "enclosure open at start-up") in entries(sim)


@pytest.mark.parametrize(("policy", "stops"), [("stop", True), ("report", False)])
def test_other_policies(launch, csms, policy, stops):
    """The owner may choose less: energy comes back with the lid closed, or never goes; it is told all the same."""
    sim = launch(settings={"TamperPolicy": policy})
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    start_session(sim, csms)
    sim.raise_fault("tamper")
    wait_event(csms, "TamperDetectionActivated")
    if stops:
        sim.wait_connector(faulted, what="energy off")
    else:
        sim.let_pass(2)
        assert sim.connector()["relay"] is True
    sim.clear_fault("tamper")
    sim.wait_connector(lambda c: c["relay"], what="energy")
    tampered(sim, open=False, latched=False, policy=policy)
