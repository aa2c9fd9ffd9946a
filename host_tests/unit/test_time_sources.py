"""Which time the unit believes: floor, ceiling, large steps on trial, and its own SNTP client (F-S6, SEC-27)."""

import asyncio
import socket

from check import equal, true
from peer import pair
from udp_server import UDPServer

from charger import clock, version
from charger.net import sntp, time_sources
from charger.update.download_source import DownloadSource
from sim import (
    pins,  # noqa: F401 - behind it charger.app: nested imports take C stack
    timebase,
)

WORDS = (64, 32)

NOW = version.BUILD_UTC_S + 20000000
YEAR = 31557600
NTP = 2208988800


class Rtc:
    """A machine.RTC that remembers what it was set to."""

    def __init__(self, at=(2000, 1, 1, 5, 0, 0, 0, 0)):
        self.at = at

    def datetime(self, value=None):
        if value is not None:
            self.at = value
        return self.at


def fresh(utc=NOW):
    """Forget what was said, with a clock that shows utc, None for unknown."""
    time_sources.link_verified()
    time_sources._offered.clear()
    time_sources._refused = None
    clock.forget_utc()
    if utc is not None:
        clock.set_utc(utc, "test")


def near(utc):
    """The clock shows utc within 2 s."""
    shown = clock.utc_s()
    true(shown is not None and abs(shown - utc) <= 2, "%s shown, %s expected" % (shown, utc))


def test_f_s6_a_time_beyond_the_units_life_or_before_its_build_is_refused():
    fresh()
    for text in ("2099-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2025-12-31T23:59:59Z", "1970-01-01T00:00:00Z"):
        seconds = clock.parse_iso(text)[0]
        true(not time_sources.offer("ocpp", seconds))
        true(not time_sources.on_trial(), "there is nothing to be taken back")
        true(not clock.set_utc(seconds, "owner"))
        near(NOW)


def test_f_s6_a_real_time_clock_of_2099_is_not_taken_at_the_start():
    fresh(None)
    clock.attach_rtc(Rtc((2099, 1, 1, 3, 0, 0, 0, 0)))
    equal(clock.utc_s(), None)
    clock._rtc = None


def test_f_s6_a_large_step_is_taken_back_when_certificates_are_out_of_date_by_it():
    fresh()
    true(time_sources.offer("ocpp", NOW + 9 * YEAR))
    near(NOW + 9 * YEAR)
    true(time_sources.on_trial())
    time_sources.link_failed("refused")
    near(NOW + 9 * YEAR)
    time_sources.link_failed("expired")
    near(NOW)
    true(not time_sources.on_trial())


def test_f_s6_what_was_taken_back_needs_a_second_source():
    fresh()
    time_sources.offer("ocpp", NOW + 9 * YEAR)
    time_sources.link_failed("expired")
    true(not time_sources.offer("ocpp", NOW + 9 * YEAR))
    near(NOW)
    true(time_sources.offer("sntp", NOW + 9 * YEAR, trusted=False))
    near(NOW + 9 * YEAR)
    true(not time_sources.on_trial())


def test_f_s6_a_large_step_stands_after_the_next_verified_tls_link():
    fresh()
    time_sources.offer("ocpp", NOW + YEAR)
    time_sources.link_verified()
    time_sources.link_failed("expired")
    near(NOW + YEAR)


def test_f_s6_a_first_time_that_proves_wrong_is_forgotten_in_the_real_time_clock_too():
    fresh(None)
    rtc = Rtc()
    clock.attach_rtc(rtc)
    true(time_sources.offer("sntp", NOW + 9 * YEAR, trusted=False))
    true(rtc.at[0] > 2030)
    time_sources.link_failed("expired")
    equal(clock.utc_s(), None)
    equal(rtc.at[0], 2000)
    clock._rtc = None


def test_f_s6_a_second_source_that_agrees_with_the_time_before_ends_the_trial():
    fresh()
    time_sources.offer("ocpp", NOW + 9 * YEAR)
    true(time_sources.offer("sntp", NOW, trusted=False))
    near(NOW)
    true(not time_sources.offer("ocpp", NOW + 9 * YEAR))
    near(NOW)


def test_f_s6_one_sntp_server_moves_a_known_clock_by_a_small_step_only():
    fresh()
    true(not time_sources.offer("one", NOW + YEAR, trusted=False))
    near(NOW)
    true(time_sources.offer("one", NOW + 300, trusted=False))
    near(NOW + 300)


def test_f_s6_two_sources_that_agree_move_the_clock_and_one_that_speaks_twice_does_not():
    fresh()
    for _ in range(2):
        true(not time_sources.offer("one", NOW + YEAR, trusted=False))
    true(time_sources.offer("two", NOW + YEAR + 5, trusted=False))
    near(NOW + YEAR + 5)
    true(not time_sources.on_trial())


def test_f_s6_two_sources_that_agree_end_the_trial_of_another_time_and_what_was_refused_before():
    fresh()
    time_sources.offer("ocpp", NOW + 9 * YEAR)
    time_sources.witness("one", NOW + YEAR)
    true(time_sources.offer("two", NOW + YEAR, trusted=False))
    true(not time_sources.on_trial())
    time_sources.link_failed("expired")
    near(NOW + YEAR)
    fresh()
    time_sources.offer("ocpp", NOW + 9 * YEAR)
    time_sources.link_failed("expired")
    for name in ("one", "two"):
        time_sources.offer(name, NOW + 9 * YEAR, trusted=False)
    near(NOW + 9 * YEAR)
    fresh_trial = time_sources.offer("ocpp", NOW)
    true(fresh_trial and time_sources.offer("ocpp", NOW + 9 * YEAR), "it is refused no more")


def test_f_s6_a_second_large_step_on_trial_is_not_confirmed_by_its_own_source_and_falls_back_to_the_time_before_the_first():
    fresh()
    time_sources.offer("ocpp", NOW + 9 * YEAR)
    true(time_sources.offer("update", NOW + 5 * YEAR))
    true(time_sources.offer("update", NOW + 5 * YEAR))
    true(time_sources.on_trial(), "its own source says it twice")
    time_sources.link_failed("expired")
    near(NOW)


def test_the_statements_of_six_sources_are_remembered():
    fresh()
    for number in range(20):
        time_sources.witness("source %d" % number, NOW)
    equal(len(time_sources._offered), 6)


def test_f_s6_the_date_of_an_https_server_is_evidence_and_sets_nothing():
    fresh()
    bad = ("Xxx, 40 Abc 2026 99:99:99 GMT", "x" * 29, "Sun, 32 Nov 2027 08:49:37 GMT", "Sun, 07 ovD 2027 08:49:37 GMT")
    for text in (None, "", "Sun, 06 Nov 1994 08:49:37 GMT") + bad:  # noqa: RUF005 - MicroPython
        time_sources.heard_date("update", text)
    equal(len(time_sources._offered), 0)
    later = clock.utc_of(2027, 11, 7, 8, 49, 37)
    time_sources.heard_date("update", "Sun, 07 Nov 2027 08:49:37 GMT")
    near(NOW)
    true(time_sources.offer("sntp", later, trusted=False))
    near(later)


def answer(request, utc, stratum=2, leap=0, mode=4, stamp=None, size=48):
    """An SNTP answer to a request."""
    packet = bytearray(48)
    packet[0] = leap << 6 | 4 << 3 | mode
    packet[1] = stratum
    packet[24:32] = request[40:48] if stamp is None else stamp
    packet[40:44] = ((utc + NTP) % (1 << 32)).to_bytes(4, "big")
    packet[44] = 0x80
    return bytes(packet[:size])


def test_f_s6_an_sntp_answer_counts_only_with_the_stamp_and_a_synchronised_server():
    request = bytes(40) + b"12345678"
    stamp = request[40:]
    equal(sntp.decode(answer(request, NOW), stamp), (NOW, 500))
    for bad in (answer(request, NOW, stratum=0), answer(request, NOW, stratum=16), answer(request, NOW, leap=3),
                answer(request, NOW, mode=3), answer(request, NOW, mode=5), answer(request, NOW, stamp=b"12345679"),
                answer(request, NOW, size=47), b"", answer(request, -NTP)[:44] + bytes(4)):  # fmt: skip
        equal(sntp.decode(bad, stamp), None)
    equal(sntp.decode(answer(request, clock.utc_of(2037, 1, 1)), stamp)[0], clock.utc_of(2037, 1, 1))


async def test_f_s6_a_board_without_a_clock_gets_its_time_from_servers_that_agree():
    fresh(None)

    def replies(request):
        return answer(request, NOW - YEAR // 2, stamp=b"forged!!"), answer(request, NOW)

    servers = [UDPServer(replies) for _ in range(2)]
    try:
        true(await sntp.TimeClient(lambda: [one.name for one in servers]).query_all())
        near(NOW)
        true(not time_sources.on_trial(), "the second server agrees")
    finally:
        for one in servers:
            one.close()


async def test_f_s6_silent_and_lying_servers_leave_the_clock_unknown():
    fresh(None)
    liars = [UDPServer(lambda _: ()), UDPServer(lambda request: (answer(request, clock.utc_of(2099, 1, 1)),))]
    try:
        true(not await sntp.TimeClient(lambda: [one.name for one in liars]).query_all())
        equal(clock.utc_s(), None)
        equal([len(one.queries) for one in liars], [1, 1])
    finally:
        for one in liars:
            one.close()


async def test_f_s6_an_answer_from_another_port_of_the_server_counts_for_nothing():
    fresh(None)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def replies(request):
        other.sendto(answer(request, NOW), server.sources[-1])
        return ()

    server = UDPServer(replies)
    try:
        true(not await sntp.TimeClient(lambda: [server.name]).query_all())
        equal((len(server.queries), clock.utc_s()), (1, None))
    finally:
        server.close()
        other.close()


async def test_f_s6_a_server_that_cannot_be_asked_is_no_second_source():
    """The answer of the one before it is not taken for its own."""
    fresh()
    server = UDPServer(lambda request: (answer(request, NOW + YEAR),))
    try:
        true(not await sntp.TimeClient(lambda: [server.name, "256.0.0.1", "a..b"]).query_all())
        near(NOW)
        equal((len(server.queries), len(time_sources._offered)), (1, 1))
    finally:
        server.close()


async def test_time_servers_are_asked_again_after_seconds_that_double_to_an_hour_and_daily_once_one_was_followed():
    timebase.manual()
    followed, asked = [False] * 12 + [True, False, False], []
    client = sntp.TimeClient(list)

    async def query_all():
        asked.append(clock.uptime_ms() // 1000)
        return followed.pop(0)

    client.query_all = query_all
    task = asyncio.create_task(client.run())
    while followed:
        timebase.advance(1000)
        await asyncio.sleep_ms(0)
    task.cancel()
    timebase.set_scale(1)
    waits = [asked[at + 1] - asked[at] for at in range(len(asked) - 1)]
    nominal = [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600, 86400, 15]
    true(all(one // 2 <= wait <= one * 3 // 2 + 2 for wait, one in zip(waits, nominal)), waits)


async def test_f_s6_the_date_of_an_update_host_by_tls_is_evidence_and_by_plain_http_it_is_none():
    for scheme, heard in (("https", ["h"]), ("http", [])):
        fresh()
        near_end, far_end = pair()

        async def open_stream(*_, end=near_end):
            return end, end

        source = DownloadSource({"hosts": ("h",), "roots": None}, True, open_stream)
        opening = asyncio.create_task(source.open(scheme + "://h/a"))
        await far_end.readinto(bytearray(1))
        far_end.s.write(b"HTTP/1.1 200 OK\r\nDate: Sun, 07 Nov 2027 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n")
        (await opening).close()
        equal(list(time_sources._offered), heard, scheme)


class Thing:
    """Stands for each object of an application that its link's callbacks call: any method, no effect."""

    def __init__(self, profile=2):
        self.memory = self.wifi = self.settings = self.store = self.charge_point = self.security_log = self
        self.security_profile = profile

    def _nothing(self, *_):
        return False

    link_opened = prove = opened = has_next = failed = add = _nothing


def test_f_s6_a_link_by_tls_confirms_the_time_and_one_without_does_not():
    from charger.app import Application

    for profile, waits in ((1, True), (2, False)):
        fresh()
        time_sources.offer("ocpp", NOW + YEAR)
        Application.link_opened(Thing(profile), None)
        equal(time_sources.on_trial(), waits, profile)


def test_f_s6_a_link_that_fails_by_expired_certificates_takes_the_time_back():
    from charger.app import Application

    fresh()
    time_sources.offer("ocpp", NOW + 9 * YEAR)
    Application.link_failed(Thing(), "expired", "out of date")
    near(NOW)
