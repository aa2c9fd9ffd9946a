"""The link to the back end: one at a time, with pings and a clean end (OCPP-1 to OCPP-5). In manual time."""

import asyncio

from check import equal, near, raises_async, true
from connection_rig import Settings, World
from peer import CLOSE, PING, TEXT, frame, listen, until

from charger import clock
from charger.errors import (
    CallTimeoutError,
    ConnectError,
    DisconnectedError,
)
from charger.ocpp.transport.connection import Connection
from sim import timebase


def setup():
    timebase.manual()


def teardown():
    timebase.set_scale(1)


# --- a connection ---


async def test_upgrade_then_calls_both_ways():
    async def serve(peer):
        peer.answer(behind=frame(TEXT, b'[2,"early","Reset",{}]'))
        equal(await peer.message(), '[3,"early",{"did":"Reset"}]')
        call = await peer.message()
        true(call.endswith('","Heartbeat",{"a":1}]'), call)
        peer.text('[3,%s,{"ok":true}]' % call.split(",")[1])
        await world.attend(peer)

    world = World(serve, security_profile=1, basic_key=b"\xff\x00:key")
    await world.connected()
    equal(world.events, [world.link._rpc])
    equal(await world.link.call("Heartbeat", {"a": 1}), {"ok": True})
    peer = world.peers[0]
    equal(peer.request.split(b"\r\n")[0], b"GET /ocpp/CP%201 HTTP/1.1")
    equal(peer.field(b"Host"), b"csms.example")
    equal(peer.field(b"Authorization"), b"Basic Q1AgMTr/ADprZXk=")
    equal(world.opened[0][1:], ("csms.example", 80, False))
    world.end()


async def test_not_connected_is_disconnected():
    world = World(refuse=ConnectError("refused", "no"))
    await raises_async(DisconnectedError, world.link.call("A", {}))
    true(not world.link.connected)
    world.end()


async def test_lost_connection_ends_waiting_calls():
    world = World()
    peer = await world.connected()
    tasks = [asyncio.create_task(world.link.call("A", {})) for _ in range(3)]
    await until(lambda: len(world.events) == 2)
    peer.end.out.end()
    for task in tasks:
        await raises_async(DisconnectedError, task)
    await until(lambda: len(world.events) == 3)
    true(world.events[2].startswith("1006"), world.events[2])
    await world.connected(2)
    world.end()


async def test_garbage_on_the_line_does_not_end_the_connection():
    world = World()
    peer = await world.connected()
    for text in ("", "garbage", "[]", "{}", "[2", '[9,"x"]', "[" * 5000, '[3,"?",{}]', '[4,"?","GenericError","",{}]'):
        peer.text(text)
    peer.text('[2,"x","Ping",{}]')
    await until(lambda: len(world.events) > 1)
    equal((world.events[1], world.link.opened), ('[3,"x",{"did":"Ping"}]', 1))
    world.end()


async def test_a_server_that_breaks_the_protocol_is_left_and_tried_again():
    attacks = (
        frame(1, b"\xff"), frame(2, b"x"), b"\x81\xfe", frame(3), frame(1, b"x" * 30000),
        b"\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x00",
        frame(1, b"x", fin=False) + frame(1, b"y"),
    )  # fmt: skip

    async def serve(peer):
        peer.answer()
        if len(world.peers) <= len(attacks):
            peer.send(attacks[len(world.peers) - 1])
        await world.attend(peer)

    world = World(serve, backoff_min_s=1, backoff_random_s=0)
    await world.connected(len(attacks) + 1)
    equal(world.faults, [])
    world.end()


# --- dropping and closing ---


def close_answerer(goodbyes, code):
    """A back end that notes the charger's close frame in `goodbyes` and answers it with this code."""

    async def serve(peer):
        peer.answer()
        goodbyes.append(await peer.closing())
        peer.send(frame(CLOSE, code))

    return serve


async def test_drop_sends_a_close_frame_and_reconnects_at_once_if_wanted():
    goodbyes = []
    world = World(close_answerer(goodbyes, b"\x03\xe8"))
    await world.connected()
    before = clock.uptime_ms()
    world.link.drop("new key", at_once=True)
    world.link.drop("again")
    await world.connected(2)
    true(clock.uptime_ms() - before < 3000)
    equal((goodbyes, world.events[1]), ([(1000, "new key")], "new key"))
    world.link.drop("profile")
    before = clock.uptime_ms()
    await world.connected(3)
    true(clock.uptime_ms() - before >= 10000, "with the usual pause")
    world.end()


async def test_drop_does_not_wait_for_a_missing_close_frame():
    async def serve(peer):
        peer.answer()
        await asyncio.sleep_ms(1 << 28)

    world = World(serve)
    await world.connected()
    before = clock.uptime_ms()
    world.link.drop("key", at_once=True)
    await world.connected(2)
    true(clock.uptime_ms() - before < 6000)
    world.end()


async def test_reconnect_waits_for_the_answer_to_the_pending_call_wp4():
    """A back end that is closed while it sends an answer may discard the unit's answer that it has received."""
    answered = []

    async def serve(peer):
        peer.answer()
        _, payload, _ = await peer.frame()
        await asyncio.sleep_ms(1000)
        peer.send(frame(TEXT, b'[3,"' + str(payload, "utf-8").split('"')[1].encode() + b'",{}]'))
        answered.append(clock.uptime_ms())
        await world.attend(peer)

    world = World(serve)
    await world.connected()
    call = asyncio.create_task(world.link.call("Heartbeat", {}))
    await clock.sleep_ms(10)
    begun_ms = clock.uptime_ms()
    await world.link.reconnect()
    equal((await call, len(answered)), ({}, 1))
    true(answered[0] - begun_ms > 900, "the answer comes after the 200 ms for the unit's own")
    world.serve = world.keep
    await world.connected(2)
    world.end()


async def test_close_ends_for_good():
    goodbyes = []
    world = World(close_answerer(goodbyes, b"\x03\xe9"))
    await world.connected()
    await world.link.close(3000)
    equal((goodbyes, world.under_way, world.link.connected), ([(1001, "charger stops")], 0, False))
    await clock.sleep_ms(1000000)
    equal(len(world.opened), 1)
    world.end()


async def test_close_in_the_back_off_is_at_once():
    world = World(refuse=ConnectError("refused", "no"))
    await until(lambda: len(world.opened) == 3, 1 << 28, 100)
    await clock.sleep_ms(100)
    before = clock.uptime_ms()
    await world.link.close(3000)
    true(clock.uptime_ms() - before < 100)
    world.end()


async def test_a_cancelled_task_leaves_no_connection_behind():
    world = World()
    await world.connected()
    world.tasks[0].cancel()
    await until(lambda: world.under_way == 0)
    true(not world.link.connected)
    world.end()


# --- pings ---


async def pinging(interval_s, seconds, **options):
    """(uptimes in ms at which pings came, that of the connection, world) of a back end that answers them."""
    at = []

    async def serve(peer):
        peer.answer()
        while True:
            opcode, payload, _ = await peer.frame()
            if opcode == PING:
                at.append(clock.uptime_ms())
                peer.send(frame(10, payload))

    world = World(serve, ping_interval_s=interval_s, **options)
    await world.connected()
    start = clock.uptime_ms()
    await clock.sleep_ms(seconds * 1000)
    return at, start, world


async def test_pings_every_interval_ocpp4():
    at, start, world = await pinging(60, 310)
    at = [(ms - start) // 1000 for ms in at]
    equal(len(at), 5, str(at))
    for n in range(5):
        near(at[n], 60 * (n + 1), 2)
    equal(world.link.opened, 1)
    world.end()


async def test_no_pings_with_0_and_a_change_holds_at_once():
    at, _, world = await pinging(0, 5000)
    equal(at, [])
    world.settings.ping_interval_s = 10
    await clock.sleep_ms(35000)
    true(3 <= len(at) <= 4, str(at))
    world.settings.ping_interval_s = 0
    await clock.sleep_ms(100000)
    true(3 <= len(at) <= 4, str(at))
    equal(world.link.opened, 1)
    world.end()


async def test_a_missing_pong_ends_the_connection():
    for interval_s, wanted_s in ((60, 90), (20, 40), (1, 6)):

        async def serve(peer):
            peer.answer()
            while True:
                await peer.frame()

        world = World(serve, ping_interval_s=interval_s)
        await world.connected()
        start = clock.uptime_ms()
        await until(lambda world=world: len(world.events) == 2, 1 << 28, 100)
        took = (clock.uptime_ms() - start) // 1000
        equal(world.events[1], "no pong")
        true(wanted_s <= took <= wanted_s + 5, "%d s" % took)
        world.end()


async def test_half_open_a_call_without_any_sign_of_life_is_no_attempt_ocpp17():
    async def serve(peer):
        peer.answer()
        while True:
            await peer.frame()

    world = World(serve)
    await world.connected()
    start = clock.uptime_ms()
    await raises_async(DisconnectedError, world.link.call("A", {}))
    true(40 <= (clock.uptime_ms() - start) // 1000 <= 42)
    await until(lambda: len(world.events) == 2, 10000)
    equal(world.events[1], "half open: no sign of life")
    world.end()


async def test_a_server_that_lives_but_does_not_answer_is_a_timeout_and_stays():
    world = World()
    await world.connected()
    await raises_async(CallTimeoutError, world.link.call("A", {}))
    await raises_async(CallTimeoutError, world.link.call("A", {}, 5))
    equal(world.link.opened, 1)
    true(world.link.connected)
    world.end()


# --- over real sockets, in real time ---


async def test_over_tcp():
    timebase.set_scale(1)

    async def serve(peer):
        await peer.head()
        peer.answer()
        call = await peer.message()
        peer.text("[3,%s,{}]" % call.split(",")[1])
        equal(await peer.closing(), (1001, "charger stops"))
        peer.send(frame(CLOSE, b"\x03\xe9"))

    server, port = await listen(serve)
    link = Connection(Settings(url="ws://localhost:%d" % port), None)
    task = asyncio.create_task(link.run())
    await until(lambda: link.connected)
    equal(await link.call("Heartbeat", {}), {})
    await link.close(3000)
    await task
    server.close()
    await server.wait_closed()
    await until(lambda: not asyncio.core._io_queue.map)
