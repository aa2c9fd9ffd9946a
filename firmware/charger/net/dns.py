"""DNS client that does not block the loop, unlike getaddrinfo(): UDP queries (RFC 1035) with a deadline.

An answer is accepted only from the queried server, with the query's random id and question; any other is ignored.
"""

import asyncio
import os
import socket
from errno import EAGAIN

from micropython import const

from charger import clock
from charger.errors import DnsError

_TRIES = const(3)
_CACHED = const(8)  # size of the cache
_TTL_LEAST_S = const(5)
_TTL_MOST_S = const(3600)
_TYPE_A = const(1)
_TYPE_CNAME = const(5)
_CLASS_IN = const(1)
_HEADER = const(12)
_DATAGRAM = const(512)
_RECORDS = const(12)  # of an answer that are looked at
_LABELS = const(24)  # of a name, where RFC 1035 allows 127: twelve records of 24 labels take 15 ms on an ESP32


def is_address(host: str) -> bool:
    """True for a dotted IPv4 address and for any text with a colon, which can only be IPv6.

    A number that begins with 0 is none: the stack reads 012 as 10, is_private() as 12.
    """
    if ":" in host:
        return True
    parts = host.split(".")
    return len(parts) == 4 and all(p.isdigit() and str(int(p)) == p and int(p) < 256 for p in parts)


def is_private(address: str) -> bool:
    """True for an address that is not reached over the Internet: home networks, the unit itself, multicast."""
    if ":" in address:
        return address[:1] not in ("2", "3")  # only 2000::/3 is assigned to the Internet
    first, second = [int(part) for part in address.split(".")[:2]]
    return (
        first in (0, 10, 127)
        or first >= 224
        or (first == 172 and 16 <= second < 32)
        or (first, second) in ((192, 168), (169, 254))
        or (first == 100 and 64 <= second < 128)
    )


def _query(host: str, query_id: bytes) -> bytes:
    """Encode a query for the A records of host. DnsError when host is not a valid DNS name."""
    out = bytearray(query_id + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    labels = host.encode().split(b".")
    for label in labels:
        if not 0 < len(label) < 64 or len(labels) > _LABELS:
            raise DnsError("not a host name")
        for c in label:
            if not (c in b"-_" or 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122):
                raise DnsError("not a host name")
        out.append(len(label))
        out.extend(label)
    if len(out) > _HEADER + 254:
        raise DnsError("not a host name")
    out.extend(b"\x00\x00\x01\x00\x01")
    return bytes(out)


def _name(msg: bytes, at: int) -> tuple:
    """Decode a name: (lower-case text, offset behind it). ValueError for loops and for names beyond the message's end."""
    labels = []
    end = None
    jumps = 0
    while True:
        size = msg[at]
        if size >= 0xC0:
            end = at + 2 if end is None else end
            jumps += 1
            if jumps > 16:
                raise ValueError("compression loop")
            at = (size & 0x3F) << 8 | msg[at + 1]
        elif size > 63:
            raise ValueError("label type")
        elif size == 0:
            return b".".join(labels).lower(), at + 1 if end is None else end
        else:
            label = msg[at + 1 : at + 1 + size]
            if len(label) != size or len(labels) >= _LABELS:
                raise ValueError("truncated")
            labels.append(label)
            at += 1 + size


def _u16(msg: bytes, at: int) -> int:
    return msg[at] << 8 | msg[at + 1]


def _parse(msg: bytes, query: bytes) -> tuple | None:
    """Decode a response: (address, seconds to live), or None when it does not answer the query.

    DnsError when the server reports an error, or when the name has no IPv4 address.
    """
    try:
        if msg[:2] != query[:2] or not msg[2] & 0x80 or _u16(msg, 4) != 1:
            return None
        wanted, at = _name(msg, _HEADER)
        asked, size = _name(query, _HEADER)
        if wanted != asked or msg[at : at + 4] != query[size : size + 4]:
            return None
        if msg[3] & 0x0F:
            raise DnsError("no such name" if msg[3] & 0x0F == 3 else "server says error %d" % (msg[3] & 0x0F))
        return _first_address(msg, at + 4, wanted, min(_u16(msg, 6), _RECORDS))
    except (IndexError, ValueError):
        return None


def _first_address(msg: bytes, at: int, wanted: bytes, count: int) -> tuple:
    """Follow the CNAMEs from `wanted` to the first A record; the time to live is the lowest of all records used."""
    life = _TTL_MOST_S
    for _ in range(count):
        owner, at = _name(msg, at)
        kind, group = _u16(msg, at), _u16(msg, at + 2)
        ttl = _u16(msg, at + 4) << 16 | _u16(msg, at + 6)
        size = _u16(msg, at + 8)
        at += 10
        if owner == wanted and group == _CLASS_IN:
            life = min(life, ttl)
            if kind == _TYPE_A and size == 4:
                return "%d.%d.%d.%d" % (msg[at], msg[at + 1], msg[at + 2], msg[at + 3]), max(life, _TTL_LEAST_S)
            if kind == _TYPE_CNAME:
                wanted = _name(msg, at)[0]
        at += size
    raise DnsError("the name has no IPv4 address")


def readable(s: Any) -> Iterator:
    """Wait until the socket is readable."""
    yield asyncio.core._io_queue.queue_read(s)  # type: ignore[attr] - MicroPython's own


async def first_answer(s: Any, size: int, parse: Callable, query: bytes) -> tuple:
    """The result of parse(datagram, query) for the first datagram that it accepts; all others are ignored."""
    while True:
        await readable(s)  # type: ignore[misc] - a generator is awaitable here
        try:
            datagram = s.recv(size)
        except OSError as error:
            if error.errno == EAGAIN:
                continue
            raise
        answer = parse(datagram, query)
        if answer is not None:
            return answer


class Resolver:
    """Sends queries to one server and caches a few answers for their time to live.

    `server()` returns the server's address or None; tests set another `port` than 53.
    """

    def __init__(self, server: Any, port: int = 53):
        self._server = server
        self._port = port
        self._cache = {}  # host: (address, uptime in seconds at which the entry expires)

    async def resolve(self, host: str, deadline_ms: int = 9000) -> str:
        """Return the IPv4 address of host as text; an address is returned unchanged. DnsError after deadline_ms at the latest."""
        if is_address(host):
            return host
        if host.endswith("."):
            host = host[:-1]
        host = host.lower()
        if host == "localhost":
            return "127.0.0.1"
        known = self._cache.get(host)
        if known is not None and clock.uptime_s() < known[1]:
            return known[0]
        server = self._server()
        if server is None:
            raise DnsError("no name server")
        address, life_s = await self._query_server(host, server, deadline_ms)
        if len(self._cache) >= _CACHED:
            self._drop_oldest()
        self._cache[host] = (address, clock.uptime_s() + life_s)
        return address

    def forget(self, host: str) -> None:
        """Drop the cached address: no host answered there."""
        self._cache.pop(host.lower(), None)

    def _drop_oldest(self) -> None:
        oldest = min(self._cache, key=lambda host: self._cache[host][1])
        del self._cache[oldest]

    async def _query_server(self, host: str, server: str, deadline_ms: int) -> tuple:
        """Send up to three queries, each with a third of the time, a new id and a new source port."""
        fault = None
        for _ in range(_TRIES):
            query = _query(host, os.urandom(2))
            try:
                return await asyncio.wait_for_ms(self._exchange(query, server), max(1, deadline_ms // _TRIES))
            except asyncio.TimeoutError:
                fault = DnsError("no answer from the name server")
            except OSError as error:
                # An immediate error, for example "network unreachable": another try would fail as fast.
                raise DnsError("no query to the name server, error %s" % error.errno)
            except DnsError as error:
                fault = error
                if str(error) == "no such name":
                    break
        raise fault  # type: ignore[misc] - set by the last try

    async def _exchange(self, query: bytes, server: str) -> tuple:
        """Send one query and wait for its answer."""
        # With an address instead of a name, getaddrinfo() only converts it.
        info = socket.getaddrinfo(server, self._port, 0, socket.SOCK_DGRAM)[0]
        s = socket.socket(info[0], socket.SOCK_DGRAM)
        try:
            s.setblocking(False)
            s.connect(info[-1])  # the kernel now drops datagrams from other hosts
            s.send(query)
            return await first_answer(s, _DATAGRAM, _parse, query)
        finally:
            s.close()


_resolver = None


def default() -> Resolver:
    """Return the resolver that uses the name server of the Wi-Fi network."""
    global _resolver
    if _resolver is None:
        from charger.net import wifi  # imported here to keep the chain of nested first imports, which takes C stack, short

        _resolver = Resolver(wifi.name_server)
    return _resolver
