"""The WebSocket client's handshake: the request, answers that are wrong, and servers that do not end theirs."""

import asyncio

from check import equal, raises, true
from peer import TEXT, frame, listen, received_text

from charger.net import time_sources, tls, websocket, websocket_handshake


async def upgraded(serve, deadline_ms=2000, **options):
    """Connect to a server on a real port and return (what connect() made or raised, the peer)."""
    peers = []

    async def job(peer):
        peers.append(peer)
        await serve(peer)

    server, port = await listen(job)
    reader, writer = await tls.open_stream("127.0.0.1", port, None, 2000)
    try:
        try:
            ws = await websocket.connect(
                reader, writer, "csms.example", "/ocpp/CP%201", "ocpp1.6", deadline_ms=deadline_ms, **options)
        except websocket_handshake.WebSocketHandshakeError as error:
            return error, peers[0] if peers else None
        return ws, peers[0]
    finally:
        server.close()


async def test_the_request_and_a_good_answer_with_a_frame_right_behind():
    async def serve(peer):
        await peer.head()
        peer.answer(behind=frame(TEXT, b"early") + frame(TEXT, b"x" * 400))
        await peer.closing()

    ws, peer = await upgraded(serve, login=("CP 1", b"\x00\xffkey:1"))
    equal(await received_text(ws), "early")
    equal(await received_text(ws), "x" * 400)
    lines = peer.request.split(b"\r\n")
    equal(lines[0], b"GET /ocpp/CP%201 HTTP/1.1")
    equal(peer.field(b"Host"), b"csms.example")
    equal(peer.field(b"Sec-WebSocket-Version"), b"13")
    equal(peer.field(b"Sec-WebSocket-Protocol"), b"ocpp1.6")
    equal(peer.field(b"Authorization"), b"Basic Q1AgMToA/2tleTox")
    equal(len(peer.field(b"Sec-WebSocket-Key")), 24)
    await ws.close()
    ws.abort()


async def test_a_date_that_is_no_text_does_not_end_the_task_of_the_link():
    """Not UTF-8 in a field that is only evidence: the connection is made."""

    async def serve(peer):
        await peer.head()
        peer.answer(extra=b"Date: \xff\xfe, 21 Sep 2026 14:13:20 GMT\r\n", behind=frame(TEXT, b"early"))
        await peer.closing()

    ws, _ = await upgraded(serve)
    equal(await received_text(ws), "early")
    await ws.close()
    ws.abort()


async def test_f_s6_the_date_of_the_back_ends_answer_is_evidence_of_the_time():
    async def serve(peer):
        await peer.head()
        peer.answer(extra=b"Date: Sun, 07 Nov 2027 08:49:37 GMT\r\n", behind=frame(TEXT, b"early"))
        await peer.closing()

    time_sources._offered.clear()
    ws, _ = await upgraded(serve)
    equal(await received_text(ws), "early")
    equal(list(time_sources._offered), ["ocpp"])
    await ws.close()
    ws.abort()


async def refused(answer, status=0):
    """A server that answers with these bytes: the upgrade fails with this status."""

    async def serve(peer):
        await peer.head()
        peer.send(answer)
        await peer.exactly(1)

    error, peer = await upgraded(serve)
    true(isinstance(error, websocket_handshake.WebSocketHandshakeError), answer)
    equal(error.status, status, answer)
    equal(peer.field(b"Authorization"), None)
    return error


async def test_http_statuses_are_reported():
    for status in (200, 301, 400, 401, 403, 404, 500, 503):
        await refused(b"HTTP/1.1 %d Whatever\r\nContent-Length: 5\r\n\r\nhello" % status, status)
    await refused(b"HTTP/1.0 404 Not Found\r\n\r\n", 404)


async def test_malformed_handshake_answers_are_refused():
    for answer in (
        b"\r\n\r\n", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 1o1 x\r\n\r\n",
        b"HTTP/1.1 10 x\r\n\r\n", b"HTTP/1.1 101 x\r\n\r\n", b"HTTP/1.1 101 x\r\nUpgrade websocket\r\n\r\n",
        b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 100 + b"\r\n",
        b"HTTP/1.1 101 x\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 101 x\r\nSec-WebSocket-\xff: 1\r\nSec-WebSocket-\xff: 1\r\n\r\n",
        b"HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", b"\xff\xfe\x00\r\n\r\n",
    ):  # fmt: skip
        await refused(answer)


async def bad_answer(*args, **kwargs):
    async def serve(peer):
        await peer.head()
        peer.answer(*args, **kwargs)
        await peer.exactly(1)

    error, _ = await upgraded(serve)
    true(isinstance(error, websocket_handshake.WebSocketHandshakeError))
    equal(error.status, 0)


async def test_wrong_subprotocols_ocpp2():
    for protocol in (None, b"ocpp1.5", b"ocpp2.0.1", b"ocpp1.6, ocpp1.5", b"", b"OCPP1.6"):
        await bad_answer(protocol)
    await bad_answer(b"ocpp1.6", b"Sec-WebSocket-Protocol: ocpp1.5\r\n")


async def test_wrong_accept_key_and_extensions():
    await bad_answer(extra=b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
    await bad_answer(extra=b"Sec-WebSocket-Accept: AAAA\r\n")
    await refused(
        b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )


async def test_an_endless_head_is_cut_off():
    async def serve(peer):
        await peer.head()
        peer.send(b"HTTP/1.1 101 x\r\n")
        for _ in range(100):
            peer.send(b"X-Filler: " + b"x" * 100 + b"\r\n")
        await peer.exactly(1)

    error, _ = await upgraded(serve)
    true("longer than" in str(error), error)


async def test_a_slow_loris_runs_into_the_deadline():
    async def serve(peer):
        await peer.head()
        while True:
            peer.send(b"H")
            await asyncio.sleep_ms(20)

    error, _ = await upgraded(serve, deadline_ms=200)
    true("within 200 ms" in str(error), error)


async def test_a_server_that_hangs_up_on_the_request():
    async def serve(peer):
        await peer.head()

    error, _ = await upgraded(serve)
    true("closed without" in str(error), error)


def test_no_line_break_gets_into_the_request():
    for bad in ("/a\r\nX: y", "/a b", "/ä", "/\x00"):
        raises(websocket_handshake.WebSocketHandshakeError, websocket_handshake.request, "host", bad, "ocpp1.6", None, b"k")
        raises(websocket_handshake.WebSocketHandshakeError, websocket_handshake.request, bad, "/", "ocpp1.6", None, b"k")
