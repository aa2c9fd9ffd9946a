"""A whole charger with each NFC reader: a card starts and ends a session, and a silent chip is told and stops nothing."""

import pytest
from simulator import settings

from backend.simulator import CommandRefused
from sim.sessions import start_session

KINDS = ("PN532", "PN532-UART", "RC522")
CARD = "04A2B3C4D5E680"


def test_each_reader_of_the_simulator_is_here():
    """The serial one is the reader of all other tests."""
    assert set(settings.READERS) == {"serial", *KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_from_card_to_card(launch, csms, kind):
    """The UID in capital hexadecimal is the idTag; ReaderFailure comes, goes, and lets the car charge on."""
    sim = launch(settings={"ReaderKind": kind}, time_scale=5)
    csms.wait_booted()
    csms.ledger.set_tag(CARD)
    sim.wait_ocpp_status("Available")
    start_session(sim, csms, tag=CARD)
    assert csms.record.wait("StartTransaction").payload["idTag"] == CARD
    sim.raise_fault("ReaderFailure")
    state = sim.wait_connector(lambda c: c["error_code"] == "ReaderFailure", what="ReaderFailure")
    assert state["relay"] is True
    sim.clear_fault("ReaderFailure")
    sim.wait_connector(lambda c: c["error_code"] == "NoError", what="the reader again")
    sim.let_pass(2)  # a card that was there a moment ago lies there still
    sim.swipe(CARD)
    assert csms.record.wait("StopTransaction").payload["reason"] == "Local"
    with pytest.raises(CommandRefused, match="8, 14 or 20 hexadecimal digits"):
        sim.swipe("GOOD0001")
