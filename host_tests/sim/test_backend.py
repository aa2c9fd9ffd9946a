"""The back end of these tests is itself tested: what it calls a problem, what it records, how it misbehaves on request."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
import websockets

from backend import CallRefused, Csms, Error, Late, Result, Silence, Simulator, WaitTimeout, wait_until
from backend.record import IN, OUT, Record
from backend.simulator import ROOT, session_members
from backend.station import Wire

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
STATUS = {"connectorId": 0, "errorCode": "NoError", "status": "Available"}


def say(csms, *frames, answers=None):
    """Connect as a charger, send the frames, wait for as many answers (all by default), close."""
    async def session():
        async with websockets.connect(f"{csms.url}/RAW", subprotocols=["ocpp1.6"]) as socket:
            for frame in frames:
                await socket.send(frame if isinstance(frame, str) else json.dumps(frame))
            return [await asyncio.wait_for(socket.recv(), 5) for _ in range(len(frames) if answers is None else answers)]

    return [json.loads(text) for text in asyncio.run(session())]


@pytest.fixture
def backend():
    """A back end of which nobody demands a clean record."""
    with Csms(tags={"GOOD0001": "Accepted"}) as csms:
        yield csms


def test_clean_record(backend):
    """A charger that keeps to the rules has no problems."""
    first, second = say(backend, [2, "a", "BootNotification", BOOT], [2, "b", "Heartbeat", {}], answers=2)
    assert (first[0], first[1], first[2]["status"]) == (3, "a", "Accepted")
    assert second[2]["currentTime"].endswith("Z")
    assert [p for p in backend.problems() if "no answer yet" not in p] == []


@pytest.mark.parametrize("frame, word", [
    ([2, "x" * 37, "Heartbeat", {}], "36 characters"),
    ([2, 5, "Heartbeat", {}], "36 characters"),
    ([2, "a", "StatusNotification", {**STATUS, "status": "Sleeping"}], "schema"),
    ([2, "a", "StatusNotification", {"connectorId": 0}], "schema"),
    ([2, "a", "StatusNotification", {**STATUS, "info": "i" * 51}], "schema"),
    ([2, "a", "Gossip", {}], "schema"),
    ([4, "a", "OccurrenceConstraintViolation", "", {}], "not one of OCPP"),
    (["2", "a", "Heartbeat", {}], "not an OCPP-J message"),
    ("[2,", "not an OCPP-J message"),
])
def test_each_fault_is_a_problem(backend, frame, word):
    """The audit sees it."""
    say(backend, frame, answers=0)
    backend.record.wait(None, kind=None)
    assert any(word in problem for problem in backend.problems()), backend.problems()


def test_repeated_ids_and_crossing_calls_are_problems(backend):
    """OCPP-15, OCPP-16: one id twice; a CALL before the answer to the one before."""
    backend.answer("Heartbeat", Late(0.3, Result({"currentTime": backend.now()})))
    say(backend, [2, "h", "Heartbeat", {}], [2, "i", "StatusNotification", STATUS], [2, "i", "StatusNotification", STATUS])
    backend.unanswered.clear()
    problems = backend.problems()
    assert any("used twice" in p for p in problems) and any("no answer yet" in p for p in problems)


def test_scripted_answers_come_in_order_then_the_default(backend):
    """One answer each, then as usual."""
    backend.answer("Heartbeat", Error("GenericError", "one"), Result({"two": 2}), lambda payload: Result({"three": payload}))
    answers = say(backend, *([2, f"h{n}", "Heartbeat", {}] for n in range(4)))
    assert answers[0] == [4, "h0", "GenericError", "one", {}]
    assert answers[1:3] == [[3, "h1", {"two": 2}], [3, "h2", {"three": {}}]]
    assert "currentTime" in answers[3][2]


def test_silence_sends_no_answer_and_a_wait_that_fails_shows_the_record(backend):
    """No answer means none, and waiting for what does not come fails with the record."""
    backend.answer("Heartbeat", Silence())
    say(backend, [2, "h", "Heartbeat", {}], [2, "s", "StatusNotification", STATUS], answers=1)
    with pytest.raises(WaitTimeout, match="StatusNotification"):
        backend.record.wait("Heartbeat", "out", 3, timeout_s=0.1)


def test_a_frame_is_waited_for_until_it_is_sent_and_recorded_before_what_it_causes():
    """An answer that the record shows has left: a command to the charger after it cannot be faster."""
    record = Record()
    record.add(IN, "CP", 1, '[2,"h","Heartbeat",{}]')

    class Network:
        def __init__(self, broken=False):
            self.broken, self.seen = broken, None

        async def send(self, text):
            with pytest.raises(WaitTimeout):
                record.wait("Heartbeat", OUT, 3, count=2 if self.broken else 1, timeout_s=0.01)
            self.seen = [m.raw for m in record.messages("Heartbeat", OUT)]
            if self.broken:
                raise ConnectionError

    answer = '[3,"h",{"currentTime":"2026-01-01T00:00:00Z"}]'
    network = Network()
    asyncio.run(Wire(network, record, "CP", 1).send(answer))
    assert network.seen == [answer]
    assert record.wait("Heartbeat", OUT, 3, timeout_s=0.01).raw == answer
    with pytest.raises(ConnectionError):
        asyncio.run(Wire(Network(broken=True), record, "CP", 1).send(answer))
    assert record.wait("Heartbeat", OUT, 3, count=2, timeout_s=0.01).raw == answer


def test_a_charger_may_close_the_connection_in_the_middle_of_a_text(backend):
    """As it does with a frame beyond its limit: the reset is no error of the test that has sent the frame."""
    async def half(url):
        async with websockets.connect(f"{url}/CP-1", subprotocols=["ocpp1.6"], max_queue=1) as peer:
            peer.transport.pause_reading()
            await asyncio.to_thread(backend.wait_connected)
            sending = asyncio.create_task(asyncio.to_thread(backend.send_text, "x" * 20_000_000))
            while not backend.record.messages(way=OUT):
                await asyncio.sleep(0.01)
            assert not sending.done(), "all of it was taken"
            peer.transport.abort()
            await sending

    asyncio.run(half(backend.url))


def test_charge_point_on_cpython(backend, tmp_path):
    """A whole conversation with the bench's yardstick, a charge point made with the `ocpp` package."""
    peer = subprocess.Popen([sys.executable, "-m", "backend.peer", backend.url, "PEER-1", str(tmp_path)],
                            env={**os.environ, "PYTHONPATH": str(ROOT / "tools")})
    try:
        backend.wait_booted()
        answer = backend.call("GetConfiguration", key=["HeartbeatInterval", "Nope"])
        assert answer["unknownKey"] == ["Nope"]
        assert backend.call("ChangeConfiguration", key="HeartbeatInterval", value="7")["status"] == "Accepted"
        assert json.loads((tmp_path / "configuration.json").read_text())["HeartbeatInterval"] == "7"
        backend.call("TriggerMessage", requestedMessage="MeterValues")
        backend.record.wait("MeterValues", "out", 3)
        with pytest.raises(CallRefused) as refused:
            backend.call("Reset", type="Soft")
        assert refused.value.code == "NotImplemented"
        assert backend.problems() == []
        backend.cut_frame()
        assert peer.wait(10) == 0
    finally:
        peer.kill()
        peer.wait()


class NeverReady(Simulator):
    """A simulator that runs and is not content with itself."""

    def wait_ready(self):
        """Note the process, then give up."""
        self.leader = self.process.pid
        raise WaitTimeout("never ready")


def test_charger_that_does_not_get_ready_is_not_left_running(tmp_path):
    """Whoever starts a simulator in a `with` gets rid of it also when the `with` is never entered."""
    sim = NeverReady(tmp_path)
    with pytest.raises(WaitTimeout), sim:
        pass
    wait_until(lambda: not session_members(sim.leader), 10, "nothing left running")
    assert sim.process is None
