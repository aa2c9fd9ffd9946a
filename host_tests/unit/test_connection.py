"""The link to the back end: one at a time, with pings and a clean end (OCPP-1 to OCPP-5). In manual time."""

import asyncio

from check import equal, near, raises, raises_async, true
from connection_rig import Settings, World
from peer import CLOSE, PING, TEXT, frame, listen, pair, until

from charger import clock
from charger.errors import (
    CallTimeoutError,
    ConfigurationError,
    ConnectError,
    DisconnectedError,
    LinkFailedError,
    PlainTextError,
    TlsError,
)
from charger.ocpp.transport.connection import Connection
from charger.ocpp.transport.websocket_connect import ConnectionTarget, dial, encode, split_url
from sim import timebase


def setup():
    timebase.manual()


def teardown():
    timebase.set_scale(1)


# --- where to ---


def test_the_identity_in_the_url_ocpp1():
    for identity, wanted in (
        ("RDAM|123", "RDAM%7C123"), ("RDAM 123", "RDAM%20123"), ("A-Z.0_9~", "A-Z.0_9~"), ("a/b?c#d%e", "a%2Fb%3Fc%23d%25e"),
        ("Ä€", "%C3%84%E2%82%AC"),
        ("a:b@c", "a%3Ab%40c"), ("\r\n", "%0D%0A"),
    ):  # fmt: skip
        equal(encode(identity), wanted)


def test_urls():
    for url, wanted in (
        ("ws://host", ("host", None, "")), ("wss://host/", ("host", None, "")), ("WS://h:9000/ocpp/", ("h", 9000, "/ocpp")),
        ("ws://h/a/b//", ("h", None, "/a/b")), ("ws://[::1]:80/x", ("::1", 80, "/x")), ("ws://[fe80::1]", ("fe80::1", None, "")),
    ):  # fmt: skip
        equal(split_url(url), wanted)
    for bad in (
        "", "host", "http://h/", "ws:/h", "ws:///path", "ws://h:0/", "ws://h:99999", "ws://h:x/", "ws://u@h/", "ws://h/?q",
        "ws://h/#f",
    ):  # fmt: skip
        raises(ConfigurationError, split_url, bad)


def test_ports_scheme_and_login_follow_the_profile_not_the_url():
    key = b"\x00" * 20
    for url in ("ws://h/o", "wss://h/o"):
        for profile, port, secure, login in (
            (0, 80, False, None), (1, 80, False, ("CP", key)), (2, 443, True, ("CP", key)), (3, 443, True, None),
        ):  # fmt: skip
            target = ConnectionTarget(Settings(
                url=url, identity="CP", security_profile=profile, basic_key=key, client_cert=b"c", client_key=b"k"), lab=True)
            equal((target.port, target.secure, target.login, target.header), (port, secure, login, "h"))
            equal(target.path, "/o/CP")
    equal(ConnectionTarget(Settings(url="ws://h:443"), True).header, "h:443")
    equal(ConnectionTarget(Settings(url="ws://[::1]:99")).header, "[::1]:99")


def test_unusable_settings_are_refused_before_any_packet():
    for changes in (
        {"url": None}, {"url": ""}, {"identity": ""}, {"security_profile": 1}, {"security_profile": 2}, {"security_profile": 3},
        {"security_profile": 1, "basic_key": b"x" * 16, "identity": "a:b"},  # OCPP-5
        {"security_profile": 3, "client_cert": b"x"},
    ):  # fmt: skip
        raises(ConfigurationError, ConnectionTarget, Settings(**changes), True)
    ConnectionTarget(Settings(identity="a:b"), True)


def test_without_encryption_only_to_the_unit_itself_or_in_the_laboratory_sec12():
    key = {"basic_key": b"k" * 16, "client_cert": b"c", "client_key": b"k"}
    for host in (
        "csms.example", "10.0.0.1", "192.168.1.2", "0.0.0.0", "127.0.0.1.example", "localhost.example", "127.1", "2130706433",
        "0177.0.0.1", "[::]", "[::2]", "[fe80::1]", "[::ffff:127.0.0.1]", "126.255.255.255", "128.0.0.1",
    ):  # fmt: skip
        for profile in (0, 1):
            for scheme in ("ws", "wss"):
                settings = Settings(url="%s://%s/o" % (scheme, host), identity="CP", security_profile=profile, **key)
                raises(PlainTextError, ConnectionTarget, settings)
                ConnectionTarget(settings, True)
        for profile in (2, 3):
            ConnectionTarget(Settings(url="ws://%s/o" % host, identity="CP", security_profile=profile, **key))
    for host in ("127.0.0.1", "127.255.0.9", "localhost", "LOCALHOST", "[::1]", "[0:0::1]"):
        ConnectionTarget(Settings(url="ws://%s:80/o" % host, identity="CP"))


async def test_refused_plain_link_sends_nothing_reports_why_and_recovers_sec12():
    world = World(lab=False)
    await until(lambda: len(world.faults) == 3, 1 << 28, 100)
    equal((world.faults, world.opened), (["plain"] * 3, []))
    equal(world.link.fault, "plain: security profile 0 is not encrypted: only a laboratory unit may use it")
    world.settings.security_profile = 2
    world.settings.basic_key = b"k" * 16
    world.settings.ca = None
    await world.connected()
    equal((world.link.fault, world.opened[0][1:]), (None, ("csms.example", 443, True)))
    world.end()


async def _failed(error=None, answer=b"", late=None, **changes):
    """The cause that dial() gives for a connect that raises `error`, for a server with this answer, or for a request that raises
    `late`; and whether the stream was closed."""
    closed = []

    def fails(_data):
        raise late

    async def open_stream(host, port, context, deadline_ms):
        if error is not None:
            raise error
        near, far = pair()
        close = near.s.close

        def noted():
            closed.append(True)
            close()

        near.s.close = noted
        if late is not None:
            near.s.write = fails
        far.s.write(answer)
        if not answer:
            far.s.close()
        return near, near

    try:
        await dial(Settings(basic_key=b"k" * 16, **changes), True, open_stream)
    except LinkFailedError as failure:
        return failure.cause, closed
    raise AssertionError("a link")


async def test_each_way_to_fail_has_its_cause_and_leaves_nothing_open_wp1():
    equal((await _failed(OSError(113)))[0], "reset")
    equal((await _failed(MemoryError()))[0], "memory")
    equal((await _failed(ConnectError("dns", "x")))[0], "dns")
    equal((await _failed(TlsError("own-cert", "x"), security_profile=2))[0], "protocol")
    equal((await _failed(TlsError("own-cert", "x"), security_profile=3, client_cert=b"c", client_key=b"k"))[0], "own-cert")
    for answer, cause in ((b"HTTP/1.1 401 No\r\n\r\n", "auth"), (b"HTTP/1.1 404 No\r\n\r\n", "unknown"),
                          (b"HTTP/1.1 503 No\r\n\r\n", "http"), (b"x\r\n\r\n", "protocol")):  # fmt: skip
        equal(await _failed(answer=answer), (cause, [True]), answer)


async def test_a_link_that_ends_with_the_request_is_closed_and_with_tls_has_the_cause_of_tls_wp1():
    equal(await _failed(late=OSError(104)), ("reset", [True]))
    refused = OSError(-0x7780, "a fatal alert message was received from our peer")  # by a server of TLS 1.3
    equal(await _failed(late=refused), ("reset", [True]))
    cause, closed = await _failed(late=refused, security_profile=3, client_cert=b"c", client_key=b"k")
    true(cause != "reset" and closed == [True], cause)


def test_the_third_profile_alone_shows_a_certificate_wp1():
    keys = {"basic_key": b"k" * 16, "ca": b"r", "client_cert": b"c", "client_key": b"k"}
    for profile, certificate in ((2, None), (3, b"c")):
        settings = Settings(security_profile=profile, **keys)
        equal(ConnectionTarget(settings, True).context(settings)._client_cert, certificate)


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
