"""Without a back end: back-off, and transactions that wait on flash for delivery in order, once (OCPP-35..39)."""

import itertools

import pytest

from backend import Drop, Error, Silence
from backend.waiting import wait_until
from sim.sessions import BEHIND_S, end_session, offline_session, start_session, statuses, traced_at_ms, transaction_messages

FREE = {"AllowOfflineTxForUnknownId": "true", "MeterValueSampleInterval": 0}
QUICK = {"RetryBackoffWaitMinimum": 1, "RetryBackoffRandomRange": 1}


def assert_in_order_and_once(csms, sessions):
    """Start, Stop, Start, Stop...: each once, each Stop with its Start's id; meter and clock never backwards."""
    messages = transaction_messages(csms)
    assert [m.action for m in messages] == ["StartTransaction", "StopTransaction"] * sessions
    results = {m.uid: m.payload for m in csms.record.messages("StartTransaction", "out", 3)}
    meters, times = [], []
    for start, stop in zip(messages[::2], messages[1::2], strict=True):
        assert stop.payload["transactionId"] == results[start.uid]["transactionId"]
        meters += [start.payload["meterStart"], stop.payload["meterStop"]]
        times += [start.payload["timestamp"], stop.payload["timestamp"]]
    assert meters == sorted(meters)
    assert times == sorted(times)


def test_back_off_doubles(launch, csms):
    """OCPP-3: 10 s doubling, plus a random part of up to as much; never hammering."""
    csms.refuse_status = 503
    scale = 30
    sim = launch(time_scale=scale)
    sim.wait_for(lambda _: len(csms.attempts) >= 4, 40, "four attempts")
    gaps = [(b.at - a.at) * scale for a, b in itertools.pairwise(csms.attempts)]
    for n, gap in enumerate(gaps):
        assert gap >= 10 * 2**n - scale * BEHIND_S, gaps


def test_back_off_follows_its_configuration(launch, csms):
    """RetryBackoffWaitMinimum and RetryBackoffRandomRange of the contract."""
    csms.refuse_status = 503
    sim = launch(time_scale=10, settings={"RetryBackoffWaitMinimum": 3, "RetryBackoffRandomRange": 0})
    sim.wait_for(lambda _: len(csms.attempts) >= 3, 20, "three attempts")
    gaps = [(b.at - a.at) * 10 for a, b in itertools.pairwise(csms.attempts)]
    assert gaps[0] >= 3 - 10 * BEHIND_S and gaps[1] >= 6 - 10 * BEHIND_S, gaps

    def pauses():
        return [line.rsplit(" in ", 1)[1] for line in sim.log_lines() if "next attempt in" in line]

    wait_until(lambda: len(pauses()) >= 2, 10, "two pauses in the log", state=sim.log_tail)
    assert pauses()[:2] == ["3 s", "6 s"]


def test_network_up_ends_the_back_off(launch, csms):
    """The contract: no waiting once the link is back."""
    sim = launch()
    csms.wait_booted()
    sim.network_down()
    csms.wait_disconnected()
    sim.let_pass(3)
    sim.network_up()
    csms.wait_connected(2, timeout_s=5)


def test_new_connection_is_no_new_boot(charger, csms):
    """OCPP-11, OCPP-82: after a reconnect no BootNotification, but the status that changed meanwhile, and only that."""
    charger.network_down()
    csms.wait_disconnected()
    mark = len(csms.record)
    charger.plug_in()
    charger.wait_ocpp_status("Preparing")
    charger.network_up()
    csms.record.wait("StatusNotification", since=mark, where=lambda p: p["connectorId"] == 1)
    charger.plug_out()
    csms.record.wait("StatusNotification", since=mark,
                     where=lambda p: (p["connectorId"], p["status"]) == (1, "Available"))
    assert statuses(csms, 1, mark) == ["Preparing", "Available"]
    assert len(csms.record.calls("BootNotification")) == 1


def test_sessions_while_the_network_is_down(launch, csms, word):
    """OCPP-35: three sessions without a back end, delivered afterwards in order, exactly once."""
    sim = launch(word=word, settings=FREE)
    csms.wait_booted()
    sim.network_down()
    csms.wait_disconnected()
    for tag in ("GOOD0001", "GOOD0002", "GOOD0003"):
        offline_session(sim, tag)
    assert not transaction_messages(csms)
    sim.network_up()
    csms.record.wait("StopTransaction", "out", 3, count=3)
    sim.let_pass(3)
    assert_in_order_and_once(csms, 3)
    assert [m.payload["idTag"] for m in csms.record.calls("StartTransaction")] == ["GOOD0001", "GOOD0002", "GOOD0003"]
    assert sum(t.energy_wh for t in csms.ledger.closed()) == sim.connector()["energy_wh"]


def test_new_transaction_waits_for_the_queue(launch, csms):
    """OCPP-35: what happens after the reconnect comes after what was queued."""
    sim = launch(settings={**FREE, "LocalPreAuthorize": "true"})
    csms.wait_booted()
    sim.network_down()
    csms.wait_disconnected()
    offline_session(sim)
    sim.plug_in()
    sim.swipe("GOOD0002")
    sim.wait_ocpp_status("Charging")
    sim.network_up()
    csms.record.wait("StartTransaction", "out", 3, count=2)
    end_session(sim, csms)
    assert_in_order_and_once(csms, 2)


def test_power_cut_with_a_queue(launch, csms, word):
    """OCPP-37: a queue on flash survives SIGKILL, offline, and is delivered after the next boot, once."""
    sim = launch(word=word, settings=FREE)
    csms.wait_booted()
    sim.network_down()
    csms.wait_disconnected()
    offline_session(sim, "GOOD0001")
    offline_session(sim, "GOOD0002")
    energy_wh = sim.connector()["energy_wh"]
    sim.kill()
    mark = len(csms.record)
    sim.start()
    csms.wait_booted(since=mark)
    csms.record.wait("StopTransaction", "out", 3, count=2)
    sim.let_pass(3)
    assert_in_order_and_once(csms, 2)
    assert sim.connector()["energy_wh"] == energy_wh


def test_power_cut_in_a_session(launch, csms, word):
    """OCPP-37: the running transaction is closed after the cut with PowerLoss, its last known energy, and no more."""
    sim = launch(word=word, settings=FREE)
    csms.wait_booted()
    transaction = start_session(sim, csms)
    sim.set_time_scale(20)
    seen = sim.wait_connector(lambda c: c["energy_wh"] >= 150, 40, "150 Wh")["energy_wh"]
    sim.kill()
    mark = len(csms.record)
    sim.start()
    csms.wait_booted(since=mark)
    stop = csms.record.wait("StopTransaction", since=mark).payload
    assert stop["transactionId"] == transaction.id and stop["reason"] == "PowerLoss"
    assert seen - 110 <= stop["meterStop"] <= sim.connector()["energy_wh"]
    assert stop["timestamp"] >= transaction.started
    sim.wait_ocpp_status("Available")
    sim.let_pass(3)
    assert_in_order_and_once(csms, 1)


def test_power_cut_offline_in_a_session(launch, csms):
    """OCPP-37: started and cut without a back end: Start, then Stop with PowerLoss, after the next boot."""
    sim = launch(settings=FREE)
    csms.wait_booted()
    sim.network_down()
    csms.wait_disconnected()
    sim.plug_in()
    sim.swipe("GOOD0001")
    sim.wait_ocpp_status("Charging")
    sim.kill()
    sim.start()
    assert csms.record.wait("StopTransaction").payload["reason"] == "PowerLoss"
    sim.let_pass(3)
    assert_in_order_and_once(csms, 1)


def test_power_cut_by_the_control_port(launch, csms):
    """`power_cut`: comes back by itself, on the same control port, and closes what ran."""
    sim = launch(settings=FREE)
    csms.wait_booted()
    transaction = start_session(sim, csms)
    mark = len(csms.record)
    sim.power_cut()
    csms.wait_booted(since=mark)
    stop = csms.record.wait("StopTransaction", since=mark).payload
    assert (stop["transactionId"], stop["reason"]) == (transaction.id, "PowerLoss")
    sim.wait_ocpp_status("Preparing", "Finishing", "Available")


def test_repeated_power_cuts_never_lose_energy(launch, csms):
    """The energy register never decreases, and nothing delivered is delivered again, over cut after cut."""
    sim = launch(settings=FREE)
    csms.wait_booted()
    for n in range(3):
        offline = n % 2 == 1
        if offline:
            sim.network_down()
            csms.wait_disconnected()
        offline_session(sim)
        if not offline:  # an answer that the charger has not stored yet would be asked for again
            sim.wait_for(lambda s: not s["csms"]["waiting"], 10, "all answers stored")
        before = sim.connector()["energy_wh"]
        sim.kill()
        mark = len(csms.record)
        sim.start()
        csms.wait_booted(since=mark)
        assert sim.connector()["energy_wh"] >= before
    csms.record.wait("StopTransaction", "out", 3, count=3)
    sim.let_pass(3)
    assert_in_order_and_once(csms, 3)


def test_cut_between_send_and_answer(launch, csms):
    """OCPP-37: a Start that was sent but never answered is still owed: it comes first after the power cut."""
    csms.answer("StartTransaction", Silence())
    sim = launch(settings=FREE)
    csms.wait_booted()
    sim.plug_in()
    sim.swipe("GOOD0001")
    first = csms.record.wait("StartTransaction").payload
    sim.kill()
    mark = len(csms.record)
    sim.start()
    again = csms.record.wait("StartTransaction", since=mark).payload
    assert again == first
    stop = csms.record.wait("StopTransaction", since=mark).payload
    assert stop["reason"] == "PowerLoss" and stop["transactionId"] == 1


def test_lost_connection_is_no_attempt(launch, csms):
    """OCPP-17: a connection that breaks during the send does not count; the same payload comes again, and is kept."""
    csms.answer("StartTransaction", Drop(), Drop(), Drop())
    sim = launch(settings={**FREE, **QUICK, "TransactionMessageAttempts": 1})
    csms.wait_booted()
    sim.plug_in()
    sim.swipe("GOOD0001")
    for n in range(2, 5):
        csms.record.wait("StartTransaction", count=n - 1)
        csms.wait_disconnected()
        sim.network_up()
    csms.record.wait("StartTransaction", "out", 3)
    payloads = [m.payload for m in csms.record.calls("StartTransaction")]
    assert len(payloads) == 4 and all(p == payloads[0] for p in payloads)


def test_refused_message_is_retried_then_dropped(launch, csms, tmp_path):
    """OCPP-36: attempts and intervals as configured, by the charger's own clock, then the next message's turn."""
    csms.answer("StopTransaction", Error("InternalError"), Error("InternalError"), Error("InternalError"))
    trace = tmp_path / "trace.jsonl"
    sim = launch(time_scale=10, options=["--trace", str(trace)], settings={
        **FREE, "TransactionMessageAttempts": 3, "TransactionMessageRetryInterval": 8})
    csms.wait_booted()
    start_session(sim, csms)
    sim.plug_out()
    tries = [csms.record.wait("StopTransaction", count=n, timeout_s=30) for n in (1, 2, 3)]
    assert all(t.payload == tries[0].payload for t in tries)
    wait_until(lambda: len(traced_at_ms(trace, "StopTransaction")) == 3, 10, "three attempts in the trace")
    refused_ms = traced_at_ms(trace, "StopTransaction", "CALLERROR")
    pauses_ms = [sent - refused for refused, sent in zip(refused_ms, traced_at_ms(trace, "StopTransaction")[1:], strict=False)]
    assert 8000 <= pauses_ms[0] <= 9000 and 16000 <= pauses_ms[1] <= 17000, pauses_ms
    sim.wait_ocpp_status("Available")
    start_session(sim, csms, "GOOD0002")
    assert len(csms.record.calls("StopTransaction")) == 3


def test_start_never_confirmed(launch, csms):
    """OCPP-38: when all attempts of a Start are used up, its Stop carries transactionId -1."""
    csms.answer("StartTransaction", Error("InternalError"), Error("InternalError"))
    sim = launch(time_scale=10, settings={
        **FREE, "TransactionMessageAttempts": 2, "TransactionMessageRetryInterval": 2})
    csms.wait_booted()
    sim.plug_in()
    sim.swipe("GOOD0001")
    csms.record.wait("StartTransaction", count=2)
    sim.plug_out()
    assert csms.record.wait("StopTransaction", timeout_s=30).payload["transactionId"] == -1


def test_meter_values_of_a_queued_transaction(launch, csms):
    """OCPP-35: values sampled offline are delivered between their Start and Stop, in the order of their times."""
    sim = launch(time_scale=10, settings={**FREE, "MeterValueSampleInterval": 10})
    csms.wait_booted()
    sim.network_down()
    csms.wait_disconnected()
    mark = len(csms.record)
    offline_session(sim, energy_wh=60)
    sim.set_time_scale(1)
    sim.network_up()
    stop = csms.record.wait("StopTransaction", since=mark)
    start = csms.record.wait("StartTransaction", since=mark)
    values = csms.record.calls("MeterValues", since=mark)
    assert len(values) >= 2
    assert all(start.number < v.number < stop.number for v in values)
    stamps = [v.payload["meterValue"][0]["timestamp"] for v in values]
    assert stamps == sorted(stamps)
    assert {v.payload["transactionId"] for v in values} == {stop.payload["transactionId"]}


@pytest.mark.parametrize("allowed", [True, False])
def test_unknown_tag_offline(launch, csms, allowed):
    """OCPP-53: AllowOfflineTxForUnknownId decides."""
    sim = launch(settings={"AllowOfflineTxForUnknownId": str(allowed).lower()})
    csms.wait_booted()
    sim.network_down()
    csms.wait_disconnected()
    sim.plug_in()
    sim.wait_ocpp_status("Preparing")
    sim.swipe("STRANGER")
    if allowed:
        sim.wait_ocpp_status("Charging")
    else:
        sim.let_pass(4)
        assert sim.connector()["relay"] is False
