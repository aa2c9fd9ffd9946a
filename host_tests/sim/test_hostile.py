"""A back end that does what it should not: the charger's process lives, comes back, and charges on."""

import contextlib
import json

import pytest
from websockets.exceptions import ConnectionClosed

from backend import CutFrame, Drop, Error, Result, Text, wait_until
from backend.simulator import free_port
from sim.sessions import end_session, start_session
from sim.tcp_server import TcpServer
from sim.test_board_time import at_pace, never_late

QUICK = {"RetryBackoffWaitMinimum": 1, "RetryBackoffRandomRange": 1}
MEGABYTE = 1 << 20


def frame(opcode, payload, fin=True, masked=False):
    """A WebSocket frame as a server would send it, or as it never may."""
    head = bytes([(0x80 if fin else 0) | opcode])
    mask = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask | len(payload)])
    elif len(payload) < 65536:
        head += bytes([mask | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([mask | 127]) + len(payload).to_bytes(8, "big")
    return head + (b"\0\0\0\0" if masked else b"") + payload


ATTACKS = {
    "text": lambda c: c.send_text("not JSON"),
    "binary": lambda c: c.send_text(bytes(range(256))),
    "bad-utf8": lambda c: c.send_bytes(frame(1, b'[2,"\xff\xfe\xc0"]')),
    "megabyte": lambda c: c.send_text("x" * MEGABYTE),
    "megabyte-of-json": lambda c: c.send_text(json.dumps([2, "big", "GetConfiguration", {"key": ["k" * 50] * 18000}])),
    "megabyte-in-fragments": lambda c: c.send_bytes(
        frame(1, b"[" * 1000, fin=False) + frame(0, b"[" * 1000, fin=False) * 1000 + frame(0, b"[")),
    "deep": lambda c: c.send_text("[" * 10000 + "]" * 10000),
    "cut-frame": lambda c: c.cut_frame(),
    "reset": lambda c: c.abort(),
    "masked": lambda c: c.send_bytes(frame(1, b"[]", masked=True)),
    "reserved-opcode": lambda c: c.send_bytes(frame(3, b"??")),
    "reserved-bits": lambda c: c.send_bytes(bytes([0xF1, 2]) + b"[]"),
    "long-ping": lambda c: c.send_bytes(frame(9, b"p" * 200)),
    "fragmented-ping": lambda c: c.send_bytes(frame(9, b"p", fin=False)),
    "lone-continuation": lambda c: c.send_bytes(frame(0, b"tail")),
    "absurd-length": lambda c: c.send_bytes(bytes([0x81, 127]) + (1 << 62).to_bytes(8, "big") + b"x" * 100),
    "close-code": lambda c: c.send_bytes(frame(8, b"\x00\x01why")),
    "empty-close": lambda c: c.send_bytes(frame(8, b"")),
    "ping-storm": lambda c: c.send_bytes(frame(9, b"ping") * 2000),
    "call-storm": lambda c: c.send_bytes(b"".join(
        frame(1, b'[2,"s%d","GetConfiguration",{"key":["NumberOfConnectors"]}]' % n) for n in range(200))),
}


def process_marks(sim):
    """The state that must not change: the processes, and the number of start-ups."""
    return sim.process.pid, sim.child_pids(), sim.status().get("boots")


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_while_charging(launch, csms, attack):
    """The process, the session and the relay outlive it, and the back end gets the right bill afterwards."""
    csms.audited = attack != "call-storm"
    sim = launch(word=32, settings=QUICK)
    csms.wait_booted()
    transaction = start_session(sim, csms)
    before = process_marks(sim)
    ATTACKS[attack](csms)
    sim.let_pass(1)
    sim.network_up()  # where the connection was given up: no waiting for the back-off
    usable(csms)
    assert process_marks(sim) == before
    held = sim.connector()
    assert (held["ocpp_status"], held["relay"]) == ("Charging", True), held
    assert len(csms.record.calls("BootNotification")) == 1  # OCPP-11: a new connection is no new boot
    end_session(sim, csms)
    assert transaction.meter_stop == sim.connector()["energy_wh"]


def usable(csms, timeout_s=20):
    """Wait until the charger is connected and answers."""
    def configuration():
        try:
            return csms.call("GetConfiguration", key=["NumberOfConnectors"])
        except (OSError, TimeoutError, AssertionError, ConnectionClosed):  # the attack may still end a connection
            return None

    answer = wait_until(configuration, timeout_s, "an answer after the attack", state=lambda: csms.record.text(5))
    assert answer["configurationKey"][0]["value"] == "1"


WRONG = {
    "empty": Result({}),
    "nonsense": Result({"status": 5, "currentTime": 7, "idTagInfo": "yes", "transactionId": "abc", "interval": "x"}),
    "array": Text('[3,"{id}",[]]'),
    "null": Text('[3,"{id}",null]'),
    "nested": Result({"idTagInfo": {"status": {"status": []}}, "transactionId": [1], "currentTime": {"now": 1}}),
    "callerror": Error("InternalError", "x" * 300, {"a": [1, {"b": 2}]}),
    "odd-callerror": Text('[4,"{id}",5]'),
    "huge": Result({"idTagInfo": {"status": "Accepted"}, "transactionId": 1 << 70, "currentTime": "9" * 5000}),
    "drop": Drop(),
    "cut": CutFrame(),
}


@pytest.mark.parametrize("answer", WRONG)
def test_wrong_answers_to_everything(launch, csms, answer):
    """Any action answered with nonsense: the charger goes on, and serves the next car once the back end is well."""
    csms.audited = False
    sim = launch(time_scale=10, settings={
        **QUICK, "TransactionMessageAttempts": 1, "TransactionMessageRetryInterval": 1})
    csms.wait_booted()
    before = process_marks(sim)
    csms.always("*", WRONG[answer])
    mark = len(csms.record)
    sim.plug_in()
    sim.swipe("GOOD0001")
    csms.record.wait(since=mark, count=2)
    sim.let_pass(5)
    sim.plug_out()
    sim.let_pass(3)
    csms.always("*", None)
    sim.wait_ocpp_status("Available", timeout_s=30)
    sim.network_up()
    usable(csms)
    assert process_marks(sim) == before
    transaction = start_session(sim, csms, "GOOD0002")
    end_session(sim, csms)
    assert transaction.meter_stop is not None


@pytest.mark.parametrize("status", [400, 403, 404, 500, 302])
def test_http_refusal(launch, csms, status):
    """OCPP-3: whatever the HTTP status, try again with back-off; the control port works meanwhile."""
    csms.refuse_status = status
    sim = launch(time_scale=20, settings={**QUICK, "AllowOfflineTxForUnknownId": "true"})
    sim.wait_for(lambda _: len(csms.attempts) >= 2, 15, "a second attempt")
    csms.refuse_status = None
    sim.network_up()
    csms.wait_booted()
    assert sim.status()["csms"]


def test_stalled_handshake_and_frozen_peer(launch, csms):
    """A peer that takes the connection and says nothing, then one that stops reading: neither stalls the tick."""
    csms.stall_handshakes = True
    sim = launch(settings={**QUICK, "WebSocketPingInterval": 5}, time_scale=10)
    sim.wait_for(lambda _: len(csms.attempts) >= 2, 20, "a second attempt after a stalled handshake")
    csms.stall_handshakes = False
    sim.network_up()
    csms.wait_booted(timeout_s=40)
    connections = csms.connections
    csms.freeze()
    csms.wait_connected(connections + 1)
    usable(csms)
    assert sim.status()["tick"]["count"] > 100


RAW = {
    "silence-then-close": b"",
    "not-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "binary": bytes(range(256)) * 8,
    "no-end-of-headers": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
    "endless-header": b"HTTP/1.1 101 Switching Protocols\r\nX-A: " + b"a" * MEGABYTE,
    "endless-headers": b"HTTP/1.1 101 Switching Protocols\r\n" + b"X-A: b\r\n" * 50000,
    "wrong-accept": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n",
    "no-upgrade": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "bad-status": b"HTTP/1.1 onehundred\r\n\r\n",
}


class RawServer(TcpServer):
    """Answers every TCP connection with the same bytes, then closes it."""

    def __init__(self, reply):
        self._reply = reply
        self.connections = 0
        super().__init__(self._answer)

    def _answer(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(2)
            connection.recv(4096)
            connection.sendall(self._reply)
        self.connections += 1


@pytest.mark.parametrize("reply", RAW)
def test_something_else_on_the_port(launch, reply):
    """The peer is no OCPP back end at all: back off, try again, stay alive; masked or not, no traceback."""
    server = RawServer(RAW[reply])
    try:
        sim = launch(csms_url=f"ws://127.0.0.1:{server.port}/ocpp", time_scale=20, settings=QUICK)
        before = process_marks(sim)
        sim.wait_for(lambda _: server.connections >= 3, 30, "a third attempt")
        assert process_marks(sim) == before
    finally:
        server.close()


def test_back_end_that_cannot_be_reached(launch):
    """A port that nobody listens on, for a car that may charge offline."""
    sim = launch(csms_url=f"ws://127.0.0.1:{free_port()}/ocpp", settings={**QUICK, "AllowOfflineTxForUnknownId": "true"})
    sim.plug_in()
    sim.swipe("GOOD0001")
    sim.wait_ocpp_status("Charging")


FLOODS = ["megabyte", "megabyte-of-json", "megabyte-in-fragments", "deep", "call-storm", "ping-storm"]


@pytest.mark.parametrize("flood", FLOODS)
def test_no_peer_stalls_the_control_tick(launch, csms, word, flood):
    """At a chip's pace, whatever else this machine does: no gap between ticks comes near the 100 ms that open the contactor."""
    csms.audited = flood != "call-storm"
    sim = at_pace(launch, word=word, settings=QUICK)
    csms.wait_booted()
    start_session(sim, csms)
    ATTACKS[flood](csms)
    sim.let_pass(1)
    never_late(sim)
    assert sim.connector()["relay"] is True
