"""Admission of clients to TLS handshakes, which delay the control tick of a slow board (runtime/hold_ups.py, F-E20).

While a contactor is closed, only clients from an address with a login since start-up are admitted, and charging is
paused for the handshake. Other connections are closed at once; a running handshake is aborted when a contactor closes.
"""

import asyncio

from micropython import const

from charger.errors import StillClosedError
from charger.runtime import hold_ups

_MAX_KNOWN = const(4)
_PLACES = const(3)  # connections at once
_STRANGERS = const(2)  # of these, for addresses without a login
_BETWEEN_MS = const(120000)  # between two pauses of charging for clients


class Admission:
    """Keeps the addresses of clients that have logged in, newest last, those of the owner apart."""

    def __init__(self) -> None:
        self._known = []
        self._owners = []
        self._inside = []  # (address, task) of the open connections, oldest first
        self.viewers = []  # tasks of those that have shown the open state for a while: any other client may have their place

    @property
    def inside(self) -> int:
        """The number of open connections."""
        return len(self._inside)

    def has_place(self, host: str) -> bool:
        """True when another connection from this address may be open. One place is reserved for addresses with a login."""
        if len(self._inside) >= _PLACES:
            return False
        return self._knows(host) or len([other for other, _ in self._inside if not self._knows(other)]) < _STRANGERS

    def make_way(self, host: str) -> bool:
        """If there is no place for this address, end the oldest connection that has to give way; True when there was one.

        For the owner's address that is any of another one; for each other address, one of a stranger who only looks on, or of one
        with several: after a start no address is known, and one that opens connections again and again would leave no place.
        """
        if not self.has_place(host):
            hosts = [other for other, _ in self._inside]
            for other, task in self._inside:
                gives_way = task in self.viewers or (other != host and hosts.count(other) > hosts.count(host) + 1)
                if (host in self._owners and other not in self._owners) or (gives_way and not self._knows(other)):
                    return task.cancel()
        return False

    def enter(self, host: str, task: Any | None = None) -> None:
        """Count a connection from this address, which the task serves."""
        self._inside.append((host, task))

    def leave(self, host: str, task: Any | None = None) -> None:
        """Count the end of a connection."""
        self._inside.remove((host, task))
        while task in self.viewers:
            self.viewers.remove(task)

    def remember(self, host: str, owner: bool = False) -> None:
        """Note a login from this address."""
        known = self._owners if owner else self._known
        if host in known:
            known.remove(host)
        elif len(known) == _MAX_KNOWN:
            known.pop(0)
        known.append(host)

    def _knows(self, host: str) -> bool:
        return host in self._owners or host in self._known

    def allows(self, host: str) -> bool:
        """True when a client from this address may start a handshake now."""
        return not hold_ups.must_wait() or (self._knows(host) and hold_ups.rested(_BETWEEN_MS))

    async def handshake(self, secured: Any, host: str) -> bytes:
        """Drive the handshake to its end; the first byte of the request. OSError when it fails, or when it must not go on."""
        if not self._knows(host):
            return await _drive(secured, True)
        try:
            await hold_ups.begin()
        except StillClosedError as error:
            raise OSError(str(error))
        try:
            return await _drive(secured, False)
        finally:
            hold_ups.end()


async def _drive(secured: Any, yields: bool) -> bytes:
    """Read, which drives the handshake; None means that the client's next flight, or its request, has not come yet.

    MicroPython does not report the end of a server's handshake: the first byte of the request shows it.
    """
    byte = bytearray(1)
    while True:
        if yields and hold_ups.must_wait():
            raise OSError("charging has begun")
        got = secured.readinto(byte)
        if got:
            return bytes(byte)
        if got == 0:
            raise OSError("closed by the client in the handshake")
        await _readable(secured)  # type: ignore[misc] - a generator is awaitable here


def _readable(stream: Any) -> Iterator:
    yield asyncio.core._io_queue.queue_read(stream)  # type: ignore[attr] - MicroPython's own


def host_of(address: Any) -> str:
    """Return the client's address as text. ESP32 passes (host, port), the unix port a packed sockaddr."""
    if isinstance(address, tuple):
        return address[0]
    return ".".join([str(byte) for byte in bytes(address)[4:8]])
