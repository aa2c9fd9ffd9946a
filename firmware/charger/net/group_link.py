"""Datagrams between the chargers of a group (grid/charger_group.py), by UDP broadcast in the home network.

Each ends with an HMAC-SHA256 under the group's key, so one that was altered, or was made without the key, is discarded here. That
a message is new is proved by its contents. They are not encrypted: currents, serial numbers, no personal data (SECURITY.md).
"""

import socket
from errno import EAGAIN

from micropython import const

from charger import log
from charger.crypto.hmac import hmac_sha256, same

_CODE = const(16)  # bytes of the HMAC that are sent
_LABEL = b"pilotlight group 1"
_LONGEST = const(256)


def seal(key: bytes, body: bytes) -> bytes:
    """The datagram of a message."""
    return body + hmac_sha256(key, _LABEL, body)[:_CODE]


def opened(key: bytes, datagram: bytes) -> bytes | None:
    """The message of a datagram, None without the right code."""
    if not _CODE < len(datagram) <= _LONGEST:
        return None
    body = datagram[: len(datagram) - _CODE]
    return body if same(hmac_sha256(key, _LABEL, body)[:_CODE], datagram[len(body) :]) else None


def broadcast(address: str, mask: str) -> str:
    """The address that reaches all of a network, by an own address in it and its mask."""
    parts = zip(address.split("."), mask.split("."))
    return ".".join([str(int(own) | 255 - int(bits)) for own, bits in parts])


class GroupLink:
    """`fault`: why nothing can be sent, "" while it can."""

    def __init__(self, key: bytes, port: int, station: Any) -> None:
        """`station`: of net/wifi.py."""
        self.fault = "starting"
        self._key = key
        self._port = port
        self._station = station
        self._socket = None

    def send(self, body: bytes) -> None:
        """Send a message to all; a network that is away is no error."""
        if not self._station.isconnected():
            self._fails("no network")
            return
        address, mask = self._station.ifconfig()[:2]
        try:
            if self._socket is None:
                self._open()
            self._socket.sendto(seal(self._key, body), _socket_address(broadcast(address, mask), self._port))
            self.fault = ""
        except OSError as error:
            self._fails(log.reason(error))

    def receive(self) -> bytes | None:
        """The next message that has arrived, b"" for a datagram that is none, None when there is no more."""
        if self._socket is None:
            return None
        try:
            datagram = self._socket.recv(_LONGEST + 1)
        except OSError as error:
            if error.errno != EAGAIN:
                self._fails(log.reason(error))
            return None
        return opened(self._key, datagram) or b""

    def _open(self) -> None:
        self._socket = s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.bind(_socket_address("0.0.0.0", self._port))

    def _fails(self, why: str) -> None:
        self.fault = why
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _socket_address(address: str, port: int):
    return socket.getaddrinfo(address, port, 0, socket.SOCK_DGRAM)[0][-1]
