"""Name look-up over UDP against name servers that answer, stay silent, lie and babble."""

import asyncio
import random
import socket

from check import equal, raises_async, true
from loop_turns import LoopTurns
from peer import until
from udp_server import UDPServer, bind_free_port

from charger import clock
from charger.errors import DnsError
from charger.net import dns, tls
from charger.net.dns import Resolver

A, CNAME, AAAA, TXT = 1, 5, 28, 16


class Server(UDPServer):
    """A name server and the resolver that asks it."""

    def __init__(self, answer):
        super().__init__(answer)
        self.resolver = Resolver(lambda: "127.0.0.1", self.port)


async def asking(answer, host, deadline_ms=3000):
    """The resolver's result with a server: (address or DnsError, server)."""
    server = Server(answer)
    try:
        return await server.resolver.resolve(host, deadline_ms), server
    except DnsError as error:
        return error, server
    finally:
        server.close()


def name(text):
    """A name on the wire, uncompressed."""
    out = b""
    for label in text.split("."):
        out += bytes((len(label),)) + label.encode()
    return out + b"\x00"


def record(owner, kind, data, ttl=60):
    return owner + bytes((0, kind, 0, 1)) + ttl.to_bytes(4, "big") + len(data).to_bytes(2, "big") + data


def reply(query, *records, code=0, flags=0x81, query_id=None, question=None):
    """An answer to a query."""
    head = (query_id or query[:2]) + bytes((flags, 0x80 | code)) + b"\x00\x01" + len(records).to_bytes(2, "big") + b"\x00" * 4
    return head + (question or query[12:]) + b"".join(records)


POINTER = b"\xc0\x0c"  # to the question's name
ADDRESS = bytes((192, 0, 2, 7))


async def test_the_query_and_a_plain_answer():
    answer, server = await asking(lambda query: [reply(query, record(POINTER, A, ADDRESS))], "CSMS.Example.org.")
    equal(answer, "192.0.2.7")
    query = server.queries[0]
    equal(query[2:], b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name("csms.example.org") + b"\x00\x01\x00\x01")


async def test_an_alias_of_more_than_24_labels_is_no_answer():
    """Names of 127 labels held the loop for 48 ms an answer."""
    for count, found in ((24, "192.0.2.7"), (25, "no answer from the name server")):
        alias = name(".".join(["a"] * count))
        records = record(POINTER, CNAME, alias), record(alias, A, ADDRESS)
        answer, _ = await asking(lambda query, records=records: [reply(query, *records)], "csms.example", 300)
        equal(str(answer), found)


async def test_a_chain_of_aliases_is_followed():
    def answer(query):
        return [reply(
            query,
            record(POINTER, AAAA, b"\x20\x01" + b"\x00" * 14),
            record(POINTER, CNAME, name("edge.example.net")),
            record(name("other.example.net"), A, b"\x01\x02\x03\x04"),
            record(name("EDGE.example.net"), CNAME, b"\x03lb1\xc0\x11"),  # lb1.example.org, into the question's name
            record(name("lb1.example.org"), TXT, b"\x03abc"),
            record(name("lb1.example.org"), A, ADDRESS),
        )]  # fmt: skip

    equal((await asking(answer, "csms.example.org"))[0], "192.0.2.7")


async def test_an_answer_of_many_records_is_read_no_further_than_its_bound():
    """Each record has a name to be decoded: what is behind the first twelve does not count."""
    def answer(query):
        return [reply(query, *[record(name("other.example"), TXT, b"")] * 12, record(POINTER, A, ADDRESS))]

    equal(str((await asking(answer, "csms.example"))[0]), "the name has no IPv4 address")


async def test_upper_case_in_the_echoed_question_is_the_same_question():
    def answer(query):
        return [reply(query, record(POINTER, A, ADDRESS), question=name("CsMs.ExAmPlE") + query[-4:])]

    equal((await asking(answer, "csms.example"))[0], "192.0.2.7")


async def test_answers_that_are_not_to_our_question_are_as_if_they_never_came():
    def answer(query):
        wrong = record(POINTER, A, b"\x06\x06\x06\x06")
        return [
            b"", b"\x00", query[:2], query, query[:11],
            reply(query, wrong, query_id=bytes((query[0] ^ 1, query[1]))),
            reply(query, wrong, flags=0x01),
            reply(query, wrong, question=name("evil.example") + query[-4:]),
            reply(query, wrong, question=query[12:-4] + b"\x00\x1c\x00\x01"),
            reply(query, wrong)[:-1],
            reply(query, record(b"\xc0\x0c"[:1] + b"\xff", A, b"\x06\x06\x06\x06")),
            reply(query, record(POINTER, A, ADDRESS)),
        ]  # fmt: skip

    equal((await asking(answer, "csms.example"))[0], "192.0.2.7")


async def test_no_such_name_is_reported_at_once():
    answer, server = await asking(lambda query: [reply(query, code=3)], "nobody.example")
    equal((str(answer), len(server.queries)), ("no such name", 1))


async def test_no_address_and_refusals_are_asked_three_times():
    for code, text in ((0, "no IPv4"), (2, "error 2"), (5, "error 5")):
        answer, server = await asking(lambda query, code=code: [reply(query, code=code)], "csms.example")
        true(isinstance(answer, DnsError) and text in str(answer), answer)
        equal(len(server.queries), 3)


async def test_the_second_question_counts_when_the_first_is_lost():
    seen = []

    def answer(query):
        seen.append(query)
        return [reply(query, record(POINTER, A, ADDRESS))] if len(seen) == 2 else None

    equal((await asking(answer, "csms.example", 600))[0], "192.0.2.7")


async def test_silence_ends_at_the_deadline_with_three_fresh_questions_and_the_loop_runs_on():
    turns = LoopTurns(5)
    start = clock.ticks_ms()
    answer, server = await asking(lambda query: None, "csms.example", 300)
    took = clock.elapsed_ms(start)
    turns.stop()
    equal(str(answer), "no answer from the name server")
    true(290 <= took < 1500, took)
    true(turns.count > 20, turns.count)
    equal((len(server.queries), len({q[:2] for q in server.queries}), len(set(server.sources))), (3, 3, 3))


async def test_a_closed_port_is_reported():
    server = Server(lambda query: None)
    server.close()
    true("name server" in str(await raises_async(DnsError, server.resolver.resolve("csms.example", 300))))


async def test_a_loop_of_pointers_and_an_endless_name_are_no_answer():
    def answer(query):
        return [
            reply(query, record(b"\xc0" + bytes((12 + len(query) - 12,)), A, ADDRESS)),  # points to itself
            reply(query, record(b"\x3f" * 400, A, ADDRESS)),
            reply(query, record(b"\x80\x0c", A, ADDRESS)),
        ]

    answer, _ = await asking(answer, "csms.example", 150)
    equal(str(answer), "no answer from the name server")


async def test_random_datagrams_never_give_a_false_address():
    seed = random.getrandbits(30)
    random.seed(seed)

    def answer(query):
        good = reply(query, record(POINTER, CNAME, name("a.b")), record(name("a.b"), A, ADDRESS))
        for _ in range(60):
            bad = bytearray(good[: random.randint(12, len(good))])
            for _ in range(random.randint(1, 6)):
                bad[random.randint(2, len(bad) - 1)] = random.getrandbits(8)
            yield bytes(bad)

    for _ in range(20):
        answer_, _ = await asking(answer, "csms.example", 60)
        true(isinstance(answer_, (str, DnsError)), "seed %d" % seed)


async def test_answers_are_kept_for_as_long_as_they_may_live():
    def answer(query):
        return [reply(query, record(POINTER, CNAME, name("b.c"), ttl=100), record(name("b.c"), A, ADDRESS, ttl=5000))]

    server = Server(answer)
    for _ in range(5):
        equal(await server.resolver.resolve("csms.example"), "192.0.2.7")
    equal(len(server.queries), 1)
    server.resolver.forget("CSMS.example")
    await server.resolver.resolve("csms.example")
    equal(len(server.queries), 2)
    clock._up_s += 98
    await server.resolver.resolve("csms.example")
    equal(len(server.queries), 2, "98 of 100 s old")
    clock._up_s += 3
    await server.resolver.resolve("csms.example")
    equal(len(server.queries), 3, "101 s old")
    for n in range(50):
        await server.resolver.resolve("n%d.example" % n)
    equal(len(server.resolver._cache), 8)
    server.close()


async def test_addresses_and_localhost_need_no_query():
    resolver = Resolver(lambda: None)
    for host in ("127.0.0.1", "10.0.0.255", "::1", "fe80::1"):
        equal(await resolver.resolve(host), host)
    equal(await resolver.resolve("localhost"), "127.0.0.1")
    equal(await resolver.resolve("LocalHost."), "127.0.0.1")
    equal(str(await raises_async(DnsError, resolver.resolve("csms.example"))), "no name server")


async def test_malformed_host_names_are_refused():
    resolver = Resolver(lambda: "127.0.0.1", 1)
    for host in ("", ".", "a..b", "a b.example", "x" * 64 + ".example", "ä.example", "a/b", "a\r\nb", ".a", "a." * 130 + "b",
                 "a." * 24 + "b"):
        equal(str(await raises_async(DnsError, resolver.resolve(host, 60))), "not a host name", host)
    true(not dns.is_address("1.2.3.256") and not dns.is_address("1.2.3"))


async def test_a_number_that_begins_with_0_is_no_address():
    """The stack reads 012.0.0.1 as 10.0.0.1, in the owner's network: it is a name that no server knows."""
    for host in ("012.0.0.1", "10.00.0.1", "10.0.0.01", "000.0.0.0"):
        true(not dns.is_address(host), host)
        equal(str(await raises_async(DnsError, Resolver(lambda: None).resolve(host))), "no name server", host)
    true(dns.is_address("0.0.0.0") and dns.is_address("10.20.0.100"))


class Rebound:
    """A name server of the host's owner: where the name leads to changes with each question."""

    def __init__(self, *addresses):
        self.addresses = list(addresses)

    async def resolve(self, host, deadline_ms=0):
        return self.addresses.pop(0)

    def forget(self, host):
        pass


async def test_a_name_that_leads_into_the_private_network_at_the_connection_is_not_contacted():
    """The address of a public host is looked at when it is connected: an upload may have waited for open contactors."""
    kept = dns._resolver
    context = tls.ClientContext(None)
    try:
        for public, address in ((True, "192.168.1.1"), (True, "127.0.0.1"), (False, "127.0.0.1")):
            dns._resolver = Rebound(address)
            context.public = public
            error = await raises_async(tls.ConnectError, tls.open_stream("public.example", 1, context, 2000))
            equal((error.cause, "private" in str(error)), ("refused", public), address)
    finally:
        dns._resolver = kept


async def test_failed_look_up_has_the_cause_dns():
    kept = dns._resolver
    dns._resolver = Resolver(lambda: None)
    try:
        error = await raises_async(tls.ConnectError, tls.open_stream("csms.example", 80, None, 500))
    finally:
        dns._resolver = kept
    equal(error.cause, "dns")


async def test_the_connect_ends_at_its_deadline():
    """A port whose queue is full takes no more connections, and says nothing."""
    listener = socket.socket()
    waiting = []
    port = bind_free_port(listener)
    listener.listen(0)
    error = None
    try:
        for _ in range(8):
            try:
                waiting.append((await tls.open_stream("127.0.0.1", port, None, 200))[0])
            except tls.ConnectError as failed:
                error = failed
                break
    finally:
        for stream in waiting:
            stream.s.close()
        listener.close()
    equal(error.cause, "timeout")


async def test_refused_is_reported_and_nothing_is_left_in_the_poller():
    bound = socket.socket()  # no listener, and nobody else gets the port meanwhile
    port = bind_free_port(bound)
    equal((await raises_async(tls.ConnectError, tls.open_stream("127.0.0.1", port, None, 5000))).cause, "refused")
    bound.close()
    await until(lambda: not asyncio.core._io_queue.map)
