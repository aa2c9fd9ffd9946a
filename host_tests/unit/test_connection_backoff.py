"""Pauses between attempts to connect: back-off, its reset and its causes (OCPP-3, F-O16). In manual time."""

import asyncio

from check import equal, true
from connection_rig import World
from peer import CLOSE, PING, frame, until

from charger import clock
from charger.config.keys import KEYS
from charger.errors import ConnectError, TlsError
from charger.net.sntp import TimeClient
from sim import pins, timebase  # noqa: F401 - see below


class Namespace:
    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)


def setup():
    timebase.manual()


def teardown():
    timebase.set_scale(1)


async def test_back_off_doubles_to_15_minutes_where_the_unit_is_refused_ocpp3():
    world = World(refuse=ConnectError("auth", "no"))
    await until(lambda: len(world.opened) > 40, 1 << 28, 5000)
    world.end()
    steps = [min(10 << n, 900) for n in range(40)]
    spread = []
    for step, pause in zip(steps, world.pauses()):
        true(step <= pause <= 2 * step + 1, str((step, pause)))
        spread.append((pause - step) / step)
    true(min(spread) < 0.3 and max(spread) > 0.7, "not random: %r" % spread)
    equal(set(world.faults), {"auth"})


async def test_f_o16_a_back_end_that_returns_is_reached_within_a_minute():
    for cause in ("refused", "dns", "timeout", "reset", "http"):
        world = World(refuse=ConnectError(cause, "no"))
        await clock.sleep_ms(3600000)
        pauses = world.pauses()
        true(10 <= pauses[0] <= 20 < pauses[1] + 1, str(pauses[:3]))
        late = pauses[3:]
        true(max(late) < 56 and min(late) >= 30, str((min(late), max(late))))
        true(max(late) - min(late) > 10, "not spread: %r" % late)
        world.refuse = None
        back = clock.uptime_ms()
        await world.connected()
        true(clock.uptime_ms() - back < 60000)
        world.end()


async def test_f_o16_a_proxy_that_closes_or_says_nothing_while_its_back_end_is_away_is_asked_each_minute():
    async def close(peer):
        peer.end.out.end()

    async def nothing(peer):
        await clock.sleep_ms(300000)

    for serve, most_s in ((close, 56), (nothing, 87)):  # the second one takes 30 s to give up an attempt
        world = World(serve)
        await clock.sleep_ms(3600000)
        pauses = world.pauses()
        true(len(pauses) > 40 and max(pauses) < most_s, str(pauses[-5:]))
        equal(set(world.faults), {"reset"})
        world.end()


async def test_f_o16_a_proxy_that_answers_404_for_a_back_end_that_served_is_asked_each_minute():
    async def serve(peer):
        if len(world.peers) > 1:
            peer.send(b"HTTP/1.1 404 default backend\r\n\r\n")
            await peer.exactly(1)
        else:
            await world.keep(peer)

    world = World(serve)
    (await world.connected()).end.out.end()
    await clock.sleep_ms(3600000)
    true(len(world.opened) > 60 and max(world.pauses()) < 61, "%d, %r" % (len(world.opened), world.pauses()[-5:]))
    equal(set(world.faults), {"unknown"})
    world.end()


async def test_f_o16_a_thousand_chargers_come_back_spread_after_a_restart_and_after_an_outage_of_an_hour():
    world = World(refuse=ConnectError("refused", "no"))
    for outage_s, within_s, most_a_second in ((5, 21, 200), (3600, 56, 80)):
        seconds = {}
        for _ in range(1000):
            world.link._backoff_s = 0
            world.link._outage = True  # as after the loss of a link
            at_ms = 0
            while at_ms < 1000 * outage_s:
                at_ms += world.link._pause_ms()
            second = at_ms // 1000 - outage_s
            seconds[second] = seconds.get(second, 0) + 1
        true(max(seconds) <= within_s, "the last comes after %d s" % max(seconds))
        true(max(seconds.values()) <= most_a_second, "%d in one second" % max(seconds.values()))
    world.end()


async def test_first_attempts_of_200_units_spread_when_the_power_is_back_even_where_their_network_returns_at_one_instant():
    most_s = int(KEYS["PowerOnRandomRange"][3])
    seconds = [0] * (most_s + 1)
    for _ in range(5):
        begun = clock.uptime_ms()
        worlds = [World(refuse=ConnectError("refused", "no")) for _ in range(40)]
        for world in worlds:
            world.link.spread(most_s)
        await clock.sleep_ms(1000)
        for world in worlds:
            world.link.retry_now()
        await until(lambda worlds=worlds: all(world.opened for world in worlds), 1000 * most_s + 1000, 100)
        for world in worlds:
            seconds[(world.opened[0][0] - begun) // 1000] += 1
            world.end()
    true(max(seconds) < 50 and min(seconds[:most_s]) > 3, "in each second: %r" % seconds)


async def test_time_servers_and_broker_are_asked_as_late_as_the_back_end_when_the_power_is_back():
    from charger.app import Application  # behind the simulated pins: nested imports take C stack

    link = World(refuse=ConnectError("refused", "no")).link
    link.spread(10)
    begun = clock.ticks_ms()
    talked = []

    async def talk():
        talked.append(clock.elapsed_ms(begun))

    app = Namespace(link=link, mqtt_client=Namespace(run=talk), config=Namespace(get_list=lambda name: []))
    await Application._talk_to_broker(app)
    equal(talked, [link.first_ms])
    begun = clock.ticks_ms()
    asking = asyncio.create_task(Application._ask_for_time(app))
    real, TimeClient.run = TimeClient.run, lambda client: talk()
    await asking
    TimeClient.run = real
    equal(talked[1], link.first_ms)


async def test_f_o16_a_proxy_that_closes_silent_links_after_30_s_keeps_this_one():
    async def serve(peer):
        peer.answer()
        last = [clock.ticks_ms()]
        closer = asyncio.create_task(proxy(peer, last))
        while True:
            opcode, payload, _ = await peer.frame()
            last[0] = clock.ticks_ms()
            if opcode == PING:
                peer.send(frame(10, payload))
            elif opcode == CLOSE:
                closer.cancel()
                return

    async def proxy(peer, last):
        while clock.elapsed_ms(last[0]) < 30000:
            await clock.sleep_ms(500)
        peer.end.out.end()

    world = World(serve, ping_interval_s=int(KEYS["WebSocketPingInterval"][3]))
    await world.connected()
    await clock.sleep_ms(3600000)
    equal(world.link.opened, 1)
    world.end()


async def test_f_o16_a_link_that_served_for_a_short_time_resets_the_back_off():
    async def serve(peer):
        peer.answer()
        closer = asyncio.create_task(later(peer))
        try:
            await world.attend(peer)
        finally:
            closer.cancel()

    async def later(peer):
        await clock.sleep_ms(60000)
        peer.end.out.end()

    world = World(serve, ping_interval_s=25)
    began = clock.uptime_ms()
    await until(lambda: world.link.opened > 40, 7200000, 1000)
    took = clock.uptime_ms() - began
    true(took < 40 * (60 + 21) * 1000, "the link is up for %d %% of the time" % (40 * 60000 * 100 // took))
    world.end()


async def test_back_off_by_the_settings():
    world = World(refuse=ConnectError("refused", "no"), backoff_min_s=3, backoff_random_s=0)
    await until(lambda: len(world.opened) > 5, 1 << 28, 100)
    world.end()
    for step, pause in zip((3, 6, 12, 24, 48), world.pauses()):
        true(step <= pause < step + 0.1, str((step, pause)))


async def test_a_random_range_of_its_own():
    world = World(refuse=ConnectError("auth", "no"), backoff_min_s=1, backoff_random_s=2)
    await until(lambda: len(world.opened) > 9, 1 << 28, 100)
    world.end()
    for n, pause in enumerate(world.pauses()):
        true(1 << n <= pause < (1 << n) + 2.1, str((n, pause)))


async def test_failed_attempt_is_reported_with_its_cause():
    for error, cause in (
        (ConnectError("dns", "x"), "dns"), (TlsError("untrusted", "x"), "untrusted"), (TlsError("no-time", "x"), "no-time"),
        (TlsError("version", "x"), "version"),
        (OSError(104), "reset"), (MemoryError(), "memory"),
    ):  # fmt: skip
        world = World(refuse=error)
        await until(lambda world=world: world.faults)
        equal(world.faults[0], cause)
        world.end()


async def test_refused_upgrades_keep_the_credentials_and_go_on_ocpp3():
    for status, cause in ((401, "auth"), (403, "auth"), (404, "unknown"), (500, "http"), (302, "http")):

        async def serve(peer, status=status):
            peer.send(b"HTTP/1.1 %d No\r\n\r\n" % status)
            await peer.exactly(1)

        world = World(serve, security_profile=1, basic_key=b"k" * 16, backoff_min_s=1)
        await until(lambda world=world: len(world.faults) == 3, 100000)
        equal(world.faults, [cause] * 3)
        equal(world.link.opened, 0)
        equal(len({peer.field(b"Authorization") for peer in world.peers}), 1)
        world.end()


async def test_a_server_without_ocpp16_is_left_ocpp2():
    async def serve(peer):
        peer.answer(protocol=(None, b"ocpp1.5", b"ocpp2.0.1")[len(world.peers) - 1])
        await peer.exactly(1)

    world = World(serve, backoff_min_s=1)
    await until(lambda: len(world.faults) == 3, 100000)
    equal((world.faults, world.link.opened), (["protocol"] * 3, 0))
    world.end()


async def test_bad_settings_are_a_fault_and_heal_when_corrected():
    world = World(url=None)
    await until(lambda: world.faults)
    equal((world.faults, world.opened), (["config"], []))
    world.settings.url = "ws://csms.example"
    await world.connected()
    world.end()


async def test_kick_ends_the_back_off_and_starts_it_afresh():
    world = World(refuse=ConnectError("refused", "no"), backoff_random_s=0)
    await until(lambda: len(world.opened) == 5, 1 << 28, 100)
    world.refuse = None
    before = clock.uptime_ms()
    world.link.retry_now()
    await world.connected()
    true(clock.uptime_ms() - before < 100)
    world.refuse = ConnectError("refused", "no")
    world.peers[-1].end.out.end()
    await until(lambda: len(world.opened) == 7, 1 << 28, 100)
    true(10 <= world.pauses()[-1] < 11, str(world.pauses()))
    world.end()


async def test_a_kick_during_an_attempt_skips_the_pause_behind_it():
    world = World(refuse=ConnectError("refused", "no"))
    await until(lambda: world.under_way)
    world.link.retry_now()
    await until(lambda: len(world.opened) == 2)
    true(world.pauses()[0] < 1)
    world.end()


async def test_a_stable_connection_resets_the_back_off_and_a_short_one_does_not():
    world = World(backoff_random_s=0)
    for n, wanted in ((1, 10), (2, 20), (3, 40)):
        (await world.connected(n)).end.out.end()
        before = clock.uptime_ms()
        await world.connected(n + 1)
        true(wanted <= (clock.uptime_ms() - before) / 1000 < wanted + 1, "connection %d" % n)
    await clock.sleep_ms(301000)
    world.peers[-1].end.out.end()
    before = clock.uptime_ms()
    await world.connected(5)
    true(10 <= (clock.uptime_ms() - before) / 1000 < 11)
    world.end()
