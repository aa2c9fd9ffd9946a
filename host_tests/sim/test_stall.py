"""The interpreter held up on purpose: nothing closes by mistake, the session goes on, the watchdog bites (CP-24, CP-30)."""

import pytest

from sim.sessions import end_session, start_session, transaction_messages

STALL_MS = 1500
MIN_OFF_MS = 5000  # CP-50
WATCHDOG_MS = 8000
OFFLINE = {"MeterValueSampleInterval": 0}


def stall(sim, ms=STALL_MS):
    """Hold the interpreter up; returns the charger's uptime from just before, and its status when ticks run again."""
    before_ms = sim.status()["uptime_ms"]
    sim.command("stall", ms=ms)
    over = sim.wait_for(lambda s: s if s["uptime_ms"] >= before_ms + ms else None, what="the end of the stall")
    after = sim.wait_for(lambda s: s if s["tick"]["count"] > over["tick"]["count"] else None, what="the next tick")
    assert after["tick"]["max_gap_ms"] >= ms, after["tick"]  # it was held up: no tick ran meanwhile
    return before_ms, after


def test_a_stall_while_charging_opens_and_the_session_goes_on(launch, csms, word):
    """A tick 1.5 s late opens; after the 5 s of CP-50 the contactor closes again, in the same transaction."""
    sim = launch(word=word, settings=OFFLINE)
    csms.wait_booted()
    transaction = start_session(sim, csms)
    begun = sim.wait_connector(lambda c: c["drawn_amps"] > 5)
    before_ms, _ = stall(sim)
    operations = begun["contactor_operations"] + 1  # it can only close again after it has opened
    closed = sim.wait_for(lambda s: s if s["connectors"]["1"]["contactor_operations"] == operations else None,
                          what="contacts opened by the late-tick rule and closed again")
    assert closed["uptime_ms"] >= before_ms + STALL_MS + MIN_OFF_MS
    assert [line for line in sim.log_lines() if "contactor opened: the control loop was held up" in line]
    again = sim.wait_connector(lambda c: c["drawn_amps"] > 5)
    assert (again["contactor_operations"], again["transaction_id"]) == (operations, transaction.id)
    sim.wait_ocpp_status("Charging")
    end_session(sim, csms)
    assert [m.action for m in transaction_messages(csms)] == ["StartTransaction", "StopTransaction"]


def test_stalls_close_nothing_that_may_not_be_closed(launch, csms):
    """Free, plugged without a card, authorised without a car, and behind a fault: not one closing, stall after stall."""
    sim = launch(settings=OFFLINE)
    csms.wait_booted()
    sim.wait_ocpp_status("Available")

    def stays_open():
        for _ in range(3):
            _, after = stall(sim)
            assert not after["connectors"]["1"]["contacts"]
        sim.let_pass(MIN_OFF_MS / 1000 + 2)
        assert sim.connector()["contactor_operations"] == 0

    stays_open()
    sim.plug_in()
    sim.wait_ocpp_status("Preparing")
    stays_open()
    sim.raise_fault("diode")
    sim.swipe("GOOD0001")
    stays_open()


def test_stalls_while_a_session_starts_only_delay_it(launch, csms):
    """After the plug, the card and the PWM nothing closes. With S2 it closes, and again when a stall has opened it."""
    sim = launch(settings=OFFLINE)
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    sim.ev(reaction_ms=60000)  # a contactor that has closed would be opened by the next stall: the car waits for the last one
    sim.plug_in()
    stall(sim)
    sim.swipe("GOOD0001")
    stall(sim, 800)
    sim.wait_connector(lambda c: c["offered_amps"] > 0)
    for _ in range(2):
        stall(sim, 800)
    assert sim.connector()["contactor_operations"] == 0
    sim.ev(reaction_ms=1000)
    stall(sim, 800)  # S2 closes before it, in it or behind it
    sim.wait_ocpp_status("Charging")
    sim.wait_connector(lambda c: c["drawn_amps"] > 5)
    sim.let_pass(MIN_OFF_MS / 1000 + 2)
    seen = sim.connector()
    late = sum("contactor opened: the control loop was held up" in line for line in sim.log_lines())
    assert seen["contacts"] and seen["contactor_operations"] == 1 + late <= 2
    end_session(sim, csms)


# 12 s of the charger's time: its wait notices. 60 s: it never comes back to waiting, an alarm outside of it has to.
@pytest.mark.parametrize("ms", [WATCHDOG_MS + 4000, 60000], ids=["late", "never-back"])
def test_a_stall_beyond_the_watchdog_resets_and_closes_the_session(launch, csms, ms):
    """CP-30, OCPP-37: after the reset the contactor is open and stays so, the transaction ends once, a new one works."""
    sim = launch(settings=OFFLINE)
    csms.wait_booted()
    transaction = start_session(sim, csms)
    seen = sim.wait_for(lambda s: s if s["connectors"]["1"]["drawn_amps"] > 5 else None)
    mark = len(csms.record)
    sim.command("stall", ms=ms)
    csms.wait_booted(since=mark, timeout_s=40)
    stop = csms.record.wait("StopTransaction", since=mark).payload
    assert (stop["transactionId"], stop["reason"]) == (transaction.id, "PowerLoss")
    assert stop["meterStop"] >= seen["connectors"]["1"]["energy_wh"]
    sim.let_pass(MIN_OFF_MS / 1000 + 2)
    after = sim.status()
    connector = after["connectors"]["1"]
    assert after["boots"] == seen["boots"] + 1
    before = seen["connectors"]["1"]["contactor_operations"]  # the contactor's own count, which a reset leaves
    assert (connector["contacts"], connector["contactor_operations"]) == (False, before)
    assert (connector["car"], connector["transaction_id"]) == ("asking", None)
    sim.plug_out()
    sim.wait_ocpp_status("Available")
    start_session(sim, csms)
    end_session(sim, csms)
    assert [m.action for m in transaction_messages(csms)] == ["StartTransaction", "StopTransaction"] * 2
