"""SNTP client (RFC 4330): asks the servers of the key TimeServers, without holding the loop.

An answer counts only from the address that was asked, within the round trip, and with the random originate stamp of the
request: who does not see the request cannot answer it. SNTP is not authenticated: net/time_sources.py decides what it
may change.
"""

import asyncio
import os
import random
import socket

from micropython import const

from charger import clock, log, version
from charger.errors import DnsError
from charger.net import dns, time_sources

_PORT = const(123)
_PACKET = const(48)
_NTP_S = const(2208988800)  # from 1900 to 1970
_ERA_S = const(4294967296)
_ROUND_TRIP_MS = const(2000)
_LOOK_UP_MS = const(9000)
_MOST = const(4)  # servers
_FIRST_S = const(2)
_RETRY_S = const(15)
_RETRY_MOST_S = const(3600)
_DAY_S = const(86400)
_REQUEST = const(0x23)  # version 4, mode client


def decode(packet: bytes, stamp: bytes) -> tuple | None:
    """(UTC seconds, ms) of an answer's transmit stamp; None unless it answers the request with that originate stamp."""
    if len(packet) < _PACKET or packet[24:32] != stamp:
        return None
    leap, mode, stratum = packet[0] >> 6, packet[0] & 7, packet[1]
    if leap == 3 or mode != 4 or not 1 <= stratum <= 15:
        return None  # not synchronised, not a server's answer, or a refusal
    seconds = int.from_bytes(packet[40:44], "big")
    fraction = int.from_bytes(packet[44:48], "big")
    if not seconds and not fraction:
        return None
    seconds -= _NTP_S
    while seconds < version.BUILD_UTC_S:
        seconds += _ERA_S  # era 1 begins in 2036
    return seconds, fraction * 1000 // _ERA_S


async def query(address: str, port: int = _PORT) -> tuple | None:
    """(UTC seconds, ms) now by one server; None without a valid answer within 2 s. OSError by the network."""
    stamp = os.urandom(8)
    request = bytes((_REQUEST,)) + bytes(39) + stamp
    info = socket.getaddrinfo(address, port, 0, socket.SOCK_DGRAM)[0]
    s = socket.socket(info[0], socket.SOCK_DGRAM)
    try:
        s.setblocking(False)
        s.connect(info[-1])  # the kernel drops datagrams from other hosts
        started = clock.ticks_ms()
        s.send(request)
        try:
            seconds, millis = await asyncio.wait_for_ms(dns.first_answer(s, 2 * _PACKET, decode, stamp), _ROUND_TRIP_MS)
        except asyncio.TimeoutError:
            return None
        millis += clock.elapsed_ms(started) // 2
        return seconds + millis // 1000, millis % 1000
    finally:
        s.close()


def _split(server: str) -> tuple:
    """(host, port) of "host" or "host:port"."""
    host, colon, port = server.partition(":")
    return host, int(port) if colon and port.isdigit() else _PORT


class TimeClient:
    """Asks at the start until a server has answered, then once a day. `servers()` gives the key's list of hosts."""

    def __init__(self, servers: Any):
        self._servers = servers

    async def run(self) -> None:
        """The task."""
        wait_s = _RETRY_S
        await clock.sleep_s(_FIRST_S)
        while True:
            if await self.query_all():
                wait_s = _RETRY_S
                await clock.sleep_s(_DAY_S * 3 // 4 + random.randrange(_DAY_S // 2))
            else:
                await clock.sleep_s(wait_s // 2 + random.randrange(wait_s))
                wait_s = min(2 * wait_s, _RETRY_MOST_S)

    async def query_all(self) -> bool:
        """Ask each server once; True when the clock follows one of them."""
        followed = False
        for server in self._servers()[:_MOST]:
            host, port = _split(server)
            try:
                found = await query(await dns.default().resolve(host, _LOOK_UP_MS), port)
            except (DnsError, OSError) as error:
                log.info("clock", "%s: %s" % (server, log.reason(error)))
                continue
            if found is not None and time_sources.offer(server, found[0], found[1], trusted=False):
                followed = True
        return followed
