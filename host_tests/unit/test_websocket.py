"""The WebSocket client's frames and messages, with servers that keep to RFC 6455 and with those that do not."""

import asyncio
import gc
import random

from check import equal, raises_async, true
from peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Peer, frame, pair, received_text, until

from charger.errors import ConnectionClosedError
from charger.net import utf8
from charger.net.websocket import WebSocket

WORDS = (64, 32)


def joined(**options):
    """A client and the peer at the other end of an in-memory connection."""
    near, far = pair()
    return WebSocket(near, near, **options), Peer(far)


# --- messages from the server ---


async def test_messages_of_all_length_forms_arrive_whole():
    ws, peer = joined()
    for size in (0, 1, 125, 126, 255, 256, 257, 1023, 1024, 1025, 5000, 24576):
        sent = "".join(chr(33 + (i * 7 + size) % 90) for i in range(size))
        peer.text(sent)
        equal(await received_text(ws), sent)


async def test_many_messages_in_one_packet_come_out_one_by_one():
    ws, peer = joined()
    peer.send(b"".join(frame(TEXT, b"message %d" % i) for i in range(100)))
    for i in range(100):
        equal(await received_text(ws), "message %d" % i)


async def test_a_message_cut_at_every_byte_arrives():
    data = frame(TEXT, b"one") + frame(PING, b"p") + frame(TEXT, b"x" * 200)
    for cut in range(1, len(data)):
        ws, peer = joined()
        peer.send(data[:cut])
        task = asyncio.create_task(received_text(ws))
        for _ in range(5):
            await asyncio.sleep_ms(0)
        peer.send(data[cut:])
        equal(await task, "one")
        equal(await received_text(ws), "x" * 200)


async def test_fragments_with_control_frames_between_them():
    ws, peer = joined()
    peer.send(frame(TEXT, b"\xc3", fin=False))  # a character cut in two
    peer.send(frame(PING, b"are you there"))
    peer.send(frame(CONTINUATION, b"\xa9", fin=False) + frame(PONG, b"nobody asked"))
    peer.send(frame(CONTINUATION, b"", fin=False))
    peer.send(frame(CONTINUATION, b" fin"))
    equal(await received_text(ws), "é fin")
    equal(await peer.frame(), (PONG, b"are you there", True))


async def test_the_view_is_the_kept_buffer_and_shrinks_back_after_a_big_message():
    ws, peer = joined()
    peer.text("x" * 20000)
    await ws.recv()
    gc.collect()
    before = gc.mem_alloc()
    peer.text("small")
    equal(await received_text(ws), "small")
    gc.collect()
    true(gc.mem_alloc() < before - 15000, "the big buffer is still held")


async def test_a_ping_flood_is_answered_and_does_not_hide_the_message():
    ws, peer = joined()
    for i in range(500):
        peer.send(frame(PING, b"%d" % i))
    peer.text("after")
    equal(await received_text(ws), "after")
    for i in range(500):
        equal(await peer.frame(), (PONG, b"%d" % i, True))


async def test_a_flood_of_empty_fragments_lets_other_tasks_run():
    """A message that never ends costs its reader time, and no other task."""
    ws, peer = joined()
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep_ms(0)

    task = asyncio.create_task(other())
    peer.send(frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"", fin=False) * 1000 + frame(CONTINUATION, b"b"))
    equal(await received_text(ws), "ab")
    task.cancel()
    true(turns > 900, turns)


# --- servers that break the rules ---


async def broken(data, code, **options):
    """The client must end with this code and tell the server so."""
    ws, peer = joined(**options)
    peer.send(data)
    error = await raises_async(ConnectionClosedError, ws.recv())
    equal(error.code, code, "client")
    equal((await peer.closing())[0], code, "on the wire")
    true(ws.over.is_set())
    equal((await raises_async(ConnectionClosedError, ws.send(("x",)))).code, code)
    ws.abort()


async def test_reserved_bits():
    for rsv in (1, 2, 4, 7):
        await broken(frame(TEXT, b"x", rsv=rsv), 1002)


async def test_unknown_opcodes():
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        await broken(frame(opcode, b"x"), 1002)


async def test_a_server_must_not_mask():
    await broken(frame(TEXT, b"x", mask=b"abcd"), 1002)


async def test_control_frames_are_short_and_whole():
    for opcode in (CLOSE, PING, PONG):
        await broken(frame(opcode, b"x" * 126), 1002)
        await broken(frame(opcode, b"x", fin=False), 1002)


async def test_lengths_in_their_shortest_form():
    await broken(frame(TEXT, b"x" * 125, length=16), 1002)
    await broken(frame(TEXT, b"x" * 300, length=64), 1002)
    await broken(b"\x81\x7f" + b"\xff" * 8, 1002)


async def test_continuation_without_a_beginning_and_a_beginning_without_an_end():
    await broken(frame(CONTINUATION, b"x"), 1002)
    await broken(frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002)


async def test_binary_messages_are_not_supported():
    await broken(frame(BINARY, b"x"), 1003)


async def test_a_megabyte_is_refused_by_its_header_alone():
    before = gc.mem_alloc()
    await broken(b"\x81\x7f" + (1000000).to_bytes(8, "big"), 1009)
    await broken(frame(TEXT, b"x" * 20000, fin=False) + frame(CONTINUATION, b"x" * 4577), 1009)
    await broken(frame(TEXT, b"x" * 101), 1009, max_message=100)
    gc.collect()
    true(gc.mem_alloc() < before + 50000)


BAD_UTF8 = (
    b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xc3(", b"\xe0\x80\x80", b"\xe0\x9f\xbf",
    b"\xe2\x82", b"\xe2(\xa1", b"\xed\xa0\x80", b"\xed\xbf\xbf",
    b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff",
)  # fmt: skip


async def test_text_that_is_not_utf8():
    for bad in BAD_UTF8:
        await broken(frame(TEXT, b"ok " + bad), 1007)
        await broken(frame(TEXT, b"a" * 255 + bad + b"b" * 300), 1007)
        await broken(frame(CLOSE, b"\x03\xe8" + bad), 1007)


async def test_utf8_of_every_length_at_every_place():
    good = "aé€😀߿ࠀ퟿￿𐀀" + chr(0x10FFFF) + chr(0xE000)
    for shift in range(250, 262):
        data = ("x" * shift + good * 3).encode()
        true(await utf8.check(data, 0, len(data)))
        true(await utf8.check(b"\xff" + data + b"\xff", 1, len(data) + 1), "the bytes around do not matter")
        true(not await utf8.check(data, 0, len(data) - 1), "cut at the end")


async def test_close_codes_that_may_be_on_the_wire():
    for code in (1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999):
        ws, peer = joined()
        peer.send(frame(CLOSE, code.to_bytes(2, "big") + "Ende für heute".encode()))
        error = await raises_async(ConnectionClosedError, ws.recv())
        equal((error.code, error.reason), (code, "Ende für heute"))
        equal((await peer.closing())[0], code, "echoed")
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
        await broken(frame(CLOSE, code.to_bytes(2, "big")), 1002)
    await broken(frame(CLOSE, b"\x03"), 1002)


async def test_close_without_a_code():
    ws, peer = joined()
    peer.send(frame(CLOSE))
    equal((await raises_async(ConnectionClosedError, ws.recv())).code, 1005)
    equal((await peer.closing())[0], 1000)


async def test_the_connection_ends_in_the_middle_of_a_frame():
    data = frame(TEXT, b"x" * 1000)
    for cut in (0, 1, 3, 500):
        ws, peer = joined()
        peer.send(data[:cut])
        peer.end.out.end()
        equal((await raises_async(ConnectionClosedError, ws.recv())).code, 1006)
        equal((await raises_async(ConnectionClosedError, ws.recv())).code, 1006, "and stays so")


async def test_random_bytes_never_do_more_than_end_the_connection():
    seed = random.getrandbits(30)
    random.seed(seed)
    for _ in range(300):
        ws, peer = joined(max_message=2000)
        peer.send(bytes(random.getrandbits(8) for _ in range(random.randint(1, 60))))
        peer.end.out.end()
        try:
            while True:
                await ws.recv()
        except ConnectionClosedError as error:
            true(1000 <= error.code < 5000, "seed %d" % seed)


# --- messages to the server ---


async def test_sent_frames_are_masked_and_complete():
    ws, peer = joined()
    for size in (0, 1, 3, 125, 126, 495, 496, 497, 511, 512, 513, 1007, 1008, 1009, 65535, 65536, 70001):
        message = "".join(chr(33 + (i * 11) % 90) for i in range(size % 977)) * (size // (size % 977 or 1) + 1)
        await ws.send((message[:size],))
        equal(await peer.frame(), (TEXT, message[:size].encode(), True), "size %d" % size)
    masks = {bytes(peer.masks[i : i + 4]) for i in range(0, len(peer.masks), 4)}
    equal(4 * len(masks), len(peer.masks), "a fresh mask for each frame")


async def test_pieces_of_text_and_bytes_are_joined_on_the_line():
    ws, peer = joined()
    for pieces in (
        ["[2,", b'"id"', "", ',"ü€😀",', b"", "x" * 1000, memoryview(b"...end")[3:]],
        ["[2,", b'"id"', memoryview(b"...end")[3:]],
        ("[2,", '"id"', "", ',"ü€😀",', "x" * 460, "]"),
        ("[2,", '"id"', "", ',"ü€😀",', "ü" * 470, "]"),
    ):
        await ws.send(pieces)
        wanted = b"".join(p.encode() if isinstance(p, str) else bytes(p) for p in pieces)
        equal(await peer.frame(), (TEXT, wanted, True))


async def test_small_messages_go_out_in_one_write():
    ws, _ = joined()
    writes = []
    real = ws._writer.s.write
    ws._writer.s.write = lambda data: writes.append(len(data)) or real(data)
    await ws.send(("x" * 300,))
    equal(writes, [308])


async def test_a_message_of_two_chunks_goes_out_in_one_slice_and_a_longer_one_in_several():
    for size, first in ((1000, [504, 504]), (1600, [504])):
        ws, peer = joined()
        writes = []
        real = ws._writer.s.write
        ws._writer.s.write = lambda data, writes=writes, real=real: writes.append(len(data)) or real(data)
        sending = asyncio.create_task(ws.send(("y" * (size - 300), "z" * 300)))
        await asyncio.sleep_ms(0)
        equal(writes, first)
        await sending
        equal(await peer.frame(), (TEXT, b"y" * (size - 300) + b"z" * 300, True))


async def test_long_messages_in_fragments_with_a_pong_between():
    ws, peer = joined(max_frame=100)
    ws._writer.s._end.out.room = 150
    sending = asyncio.create_task(ws.send(("y" * 250, "z" * 50)))
    receiving = asyncio.create_task(ws.recv())
    await until(lambda: ws._writer.s._end.out.room == 0)
    peer.send(frame(PING, b"now"))
    for _ in range(20):
        await asyncio.sleep_ms(0)
    ws._writer.s._end.out.room = 1000
    frames = []
    while len(frames) < 4:
        frames.append(await peer.frame())
    equal([f for f in frames if f[0] == PONG], [(PONG, b"now", True)])
    data = [f for f in frames if f[0] != PONG]
    equal([(f[0], f[2]) for f in data], [(TEXT, False), (CONTINUATION, False), (CONTINUATION, True)])
    equal(b"".join(f[1] for f in data), b"y" * 250 + b"z" * 50)
    true(frames[-1][0] != PONG, "the pong did not wait for the last fragment")
    await sending
    receiving.cancel()


async def test_two_senders_do_not_mix():
    ws, peer = joined()
    ws._writer.s._end.out.room = 10
    tasks = [asyncio.create_task(ws.send((c * 700,))) for c in ("a", "b", "c")]
    await until(lambda: ws._writer.s._end.out.room == 0)
    ws._writer.s._end.out.room = 1 << 30
    got = []
    while len(got) < len(tasks):
        got.append((await peer.frame())[1])
    equal(sorted(got), [b"a" * 700, b"b" * 700, b"c" * 700])


async def test_a_server_that_takes_nothing_ends_the_connection():
    from sim import timebase

    ws, _ = joined()
    ws._writer.s._end.out.room = 100
    timebase.manual()
    try:
        error = await raises_async(ConnectionClosedError, ws.send(("x" * 200,)))
    finally:
        timebase.set_scale(1)
    equal(error.code, 1006)
    true(ws.over.is_set())


async def test_a_sender_cancelled_half_way_ends_the_connection():
    ws, _ = joined()
    ws._writer.s._end.out.room = 100
    sending = asyncio.create_task(ws.send(("x" * 200,)))
    await until(lambda: ws._writer.s._end.out.room == 0)
    waiting = asyncio.create_task(ws.send(("y",)))
    sending.cancel()
    equal((await raises_async(ConnectionClosedError, waiting)).code, 1006)
    await raises_async(asyncio.CancelledError, sending)


async def test_after_our_close_nothing_more_is_sent():
    ws, peer = joined()
    await ws.close(1001, "going")
    await raises_async(ConnectionClosedError, ws.send(("x",)))
    equal(await peer.closing(), (1001, "going"))
    peer.send(frame(PING, b"?") + frame(CLOSE, b"\x03\xe9"))
    equal((await raises_async(ConnectionClosedError, ws.recv())).code, 1001)
    ws.abort()
    await raises_async(EOFError, peer.frame())


async def test_the_transport_is_closed_once():
    ws, _ = joined()
    ws.abort()
    ws.abort()
    equal(ws._writer.s.closed, 1)
