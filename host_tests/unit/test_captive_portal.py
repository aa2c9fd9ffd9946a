"""The captive portal: DNS that knows one address, HTTP that knows one page; hostile input changes nothing."""

import asyncio
import random
import socket

from check import equal, raises_async, true
from udp_server import bind_free_port

from charger.errors import DnsError
from charger.net import captive_portal
from charger.net.dns import Resolver

OWN = bytes((192, 168, 4, 1))
A, AAAA, HTTPS = 1, 28, 65
HOME, LINK = "http://192.168.4.1/", "https://192.168.4.1/"


def query(name, kind=A, flags=b"\x01\x00", more=b""):
    labels = b"".join([bytes([len(label)]) + label for label in name.split(b".")])
    return b"\x12\x34" + flags + b"\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00" + bytes((0, kind, 0, 1)) + more


def test_every_name_has_the_own_address():
    asked = query(b"connectivitycheck.gstatic.com")
    answer = captive_portal.response(asked, OWN)
    equal(answer[:12], b"\x12\x34\x85\x00\x00\x01\x00\x01\x00\x00\x00\x00")
    equal(answer[12 : len(asked)], asked[12:])
    equal(answer[len(asked) :], b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + OWN)
    equal(captive_portal.response(query(b"a", flags=b"\x00\x00"), OWN)[2], 0x84)  # recursion was not desired


def test_other_types_have_no_record_and_further_records_are_not_repeated():
    for kind in (AAAA, HTTPS):
        asked = query(b"captive.apple.com", kind)
        equal(captive_portal.response(asked, OWN), asked[:2] + b"\x85\x00\x00\x01" + bytes(6) + asked[12:])
    asked = query(b"a.example", more=b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00")  # EDNS
    equal(len(captive_portal.response(asked, OWN)), len(asked) - 11 + 16)


def test_what_is_no_query_is_not_answered():
    good = query(b"captive.apple.com")
    bad = [b"", good[:12], good[:-1], good[:20], query(b"a", flags=b"\x81\x00"), query(b"a", flags=b"\x29\x00"),
           good[:4] + b"\x00\x02" + good[6:], good[:12] + b"\xc0\x0c\x00\x01\x00\x01", good[:12] + b"\xff" * 40]
    for datagram in bad:
        equal(captive_portal.response(datagram, OWN), None, datagram)
    random.seed(7)
    for _ in range(2000):
        datagram = bytearray(good)
        for _ in range(random.randrange(1, 5)):
            datagram[random.randrange(len(datagram))] = random.getrandbits(8)
        answer = captive_portal.response(bytes(datagram[: random.randrange(len(datagram) + 1)]), OWN)
        true(answer is None or len(answer) <= len(good) + 16)


def test_the_units_own_resolver_understands_the_answers():
    async def job():
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port = bind_free_port(udp)
        udp.close()
        tasks = captive_portal.start("127.0.0.1", (port, port, 443))
        await asyncio.sleep_ms(0)
        resolver = Resolver(lambda: "127.0.0.1", port)
        found = []
        for name in ("captive.apple.com", "www.msftconnecttest.com", "x"):
            found.append(await resolver.resolve(name))
        for task in tasks:
            task.cancel()
        await asyncio.sleep_ms(10)
        await raises_async(DnsError, resolver.resolve("closed.example", 300))
        return found

    equal(asyncio.run(job()), ["127.0.0.1"] * 3)


def test_a_port_that_is_taken_is_no_error():
    async def job():
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port = bind_free_port(taken)
        tasks = captive_portal.start("127.0.0.1", (port, port, 443))
        await asyncio.sleep_ms(10)
        true(tasks[0].done())
        true(not tasks[1].done())
        tasks[1].cancel()
        taken.close()

    asyncio.run(job())


def test_http_leads_to_the_page_and_takes_nothing():
    for path in (b"/generate_204", b"/hotspot-detect.html", b"/ncsi.txt", b"/?name=x&password=y", b"*", b"http://a.example/"):
        answer = captive_portal.answer(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n", HOME, LINK)
        true(answer.startswith(b"HTTP/1.1 302 Found\r\nLocation: http://192.168.4.1/\r\nContent-Length: 0\r\n"), path)
    page = captive_portal.answer(b"GET / HTTP/1.1\r\n\r\n", HOME, LINK)
    head, _, body = page.partition(b"\r\n\r\n")
    true(b'<a href="https://192.168.4.1/">' in body and b"Content-Length: %d\r\n" % len(body) in head)
    true(b"<form" not in body and b"<input" not in body and b"<script" not in body and b"#" not in body)
    equal(captive_portal.answer(b"HEAD / HTTP/1.1\r\n\r\n", HOME, LINK), head + b"\r\n\r\n")
    for bad in (b"POST / HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET /\r\n\r\n"):
        true(captive_portal.answer(bad, HOME, LINK).startswith(b"HTTP/1.1 405 "))


def test_ports_are_named_where_they_are_not_the_usual_ones():
    equal([captive_portal.authority("192.168.4.1", port, 443) for port in (443, 8443)], ["192.168.4.1", "192.168.4.1:8443"])
