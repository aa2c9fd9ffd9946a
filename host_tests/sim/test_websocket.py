"""The charger's WebSocket as a well-behaved server meets it: fragments, pings, closing, and a changed key (OCPP-2, 4, 9)."""

import asyncio
import base64
import json

import pytest

from backend import wait_until

FRAGMENTED = json.dumps([2, "frag-1", "GetConfiguration", {"key": ["NumberOfConnectors"]}])
QUICK = {"RetryBackoffWaitMinimum": 1, "RetryBackoffRandomRange": 1}


def in_loop(csms, function):
    """Run an async function of the charger's socket in the back end's loop."""
    return asyncio.run_coroutine_threadsafe(function(csms.station().wire.socket), csms.loop).result(10)


@pytest.mark.parametrize("size", [1, 7, 40])
def test_fragmented_message(charger, csms, size):
    """RFC 6455 5.4: a message in pieces, with a ping between them, is one message."""
    async def send(socket):
        async def pieces():
            for at in range(0, len(FRAGMENTED), size):
                yield FRAGMENTED[at:at + size]
        await socket.send(pieces())
        await asyncio.wait_for(await socket.ping(b"between"), 5)

    in_loop(csms, send)
    answer = csms.record.wait(None, "in", 3, where=lambda p: bool(p.get("configurationKey")))
    assert answer.uid == "frag-1" and answer.payload["configurationKey"][0]["value"] == "1"


@pytest.mark.parametrize("payload", [b"", b"x", b"y" * 125])
def test_ping_is_answered_with_its_payload(charger, csms, payload):
    """RFC 6455 5.5.3; the library resolves the ping only when the pong carries the same bytes."""
    async def ping(socket):
        await asyncio.wait_for(await socket.ping(payload), 5)

    in_loop(csms, ping)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4000])
def test_close_is_answered_and_the_charger_comes_back(launch, csms, code):
    """RFC 6455 5.5.1: the close is echoed; then a new connection, without a new boot."""
    launch(settings=QUICK)
    csms.wait_booted()

    async def close(socket):
        await socket.close(code, "bye")
        return socket.close_code, socket.protocol.close_rcvd.code

    sent, echoed = in_loop(csms, close)
    assert sent == echoed == code
    csms.wait_connected(2)
    assert len(csms.record.calls("BootNotification")) == 1


def test_charger_pings(launch, csms):
    """OCPP-4: WebSocketPingInterval seconds between pings, applied at once when it is changed."""
    launch(time_scale=10, settings={"WebSocketPingInterval": 0})
    csms.wait_booted()
    pings = []
    protocol = csms.station().wire.socket.protocol
    receive = protocol.recv_frame

    def watch(frame):
        if frame.opcode == 9:
            pings.append(frame)
        return receive(frame)

    protocol.recv_frame = watch
    assert csms.call("ChangeConfiguration", key="WebSocketPingInterval", value="5")["status"] == "Accepted"
    wait_until(lambda: len(pings) >= 3, 15, "three pings")


def test_new_authorization_key(launch, csms):
    """OCPP-6..9: a hex key is stored and answered first, then used, decoded, on a new connection; it is never reported."""
    key = bytes(range(1, 21))
    sim = launch(identity="PL-9", settings=QUICK,
                 options=["--security-profile", "1", "--basic-auth-password", "0123456789abcdef"])
    csms.wait_booted()
    assert csms.call("ChangeConfiguration", key="AuthorizationKey", value=key.hex())["status"] == "Accepted"
    csms.wait_connected(2)
    expected = "Basic " + base64.b64encode(b"PL-9:" + key).decode()
    assert csms.attempts[-1].authorization == expected
    reported = csms.call("GetConfiguration", key=["AuthorizationKey"])
    assert not any("value" in entry and entry["value"] for entry in reported.get("configurationKey", []))
    assert not [line for line in sim.log_lines() if key.hex() in line.lower()]
    assert len(csms.record.calls("BootNotification")) == 1
    mark = len(csms.record)
    sim.restart()
    csms.wait_booted(since=mark)
    assert csms.attempts[-1].authorization == expected


@pytest.mark.parametrize("value", ["short", "0123456789abcdef0", "zz" * 20, "00" * 21, ""])
def test_useless_authorization_key(launch, csms, value):
    """OCPP-7: what is neither 16 to 20 characters nor 32 to 40 hex digits is Rejected; 17 characters are text."""
    launch(options=["--security-profile", "1", "--basic-auth-password", "0123456789abcdef"], settings=QUICK)
    csms.wait_booted()
    status = csms.call("ChangeConfiguration", key="AuthorizationKey", value=value)["status"]
    assert status == ("Accepted" if len(value) == 17 else "Rejected")
