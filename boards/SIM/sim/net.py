"""The uplink of the simulated board: cutting it cuts every outgoing connection at once and lets no new one out.

What others opened towards the charger (its web page) stays: only the way out is gone.
"""

import io

import usocket

from sim import launch, libc

down = False
_HIGHEST_FD = 128
_ENETUNREACH = 101
_EAGAIN = 11
_BROADCAST = b"\x7f\xff\xff\xff"  # of the network.WLAN of the simulated board
_GET_FILENO = 10
_CLOSE = 4


def cut():
    """Network down: shut every outgoing socket, so that both ends see the end of it."""
    global down
    down = True
    listening = set()
    others = []
    for fd in range(3, _HIGHEST_FD):
        listener = libc.is_listener(fd)
        if listener:
            listening.add(libc.port_of(fd))
        elif listener is False:
            others.append(fd)
    for fd in others:
        if libc.port_of(fd) not in listening and not _is_server(fd):
            libc.shutdown(fd, 2)


def _is_server(fd):
    """True for the DNS server's socket of the set-up network, which is not on the uplink."""
    ports = launch.setup_ports()
    return ports is not None and libc.port_of(fd) == ports["dns"]


def restore():
    """Network up again."""
    global down
    down = False


def is_numeric(host):
    """True for an IP address, for localhost and for '', which need no name server."""
    if host in ("", "localhost") or ":" in host:
        return True
    for ch in host:
        if ch != "." and not "0" <= ch <= "9":
            return False
    return True


class Unplugged(io.IOBase):
    """A socket made while the network is down: it can listen and answer who came to it, but not go out."""

    def __init__(self, *args):
        self._socket = usocket.socket(*args)
        self._bound = False

    def connect(self, address):
        """There is no way out."""
        raise OSError(_ENETUNREACH)

    def sendto(self, data, address):
        """There is no way out, but for the answer of a server to one address."""
        if not self._bound or bytes(address)[4:8] == _BROADCAST:
            raise OSError(_ENETUNREACH)
        return self._socket.sendto(data, address)

    def recv(self, size):
        """Nothing comes in from the uplink."""
        raise OSError(_EAGAIN)

    def recvfrom(self, size):
        """As of a real socket."""
        return self._socket.recvfrom(size)

    def bind(self, address):
        """As of a real socket."""
        self._socket.bind(address)
        self._bound = True

    def listen(self, backlog=5):
        """As of a real socket."""
        self._socket.listen(backlog)

    def accept(self):
        """As of a real socket."""
        return self._socket.accept()

    def setsockopt(self, level, option, value):
        """As of a real socket."""
        self._socket.setsockopt(level, option, value)

    def setblocking(self, flag):
        """As of a real socket."""
        self._socket.setblocking(flag)

    def settimeout(self, seconds):
        """As of a real socket."""
        self._socket.settimeout(seconds)

    def fileno(self):
        """As of a real socket."""
        return self._socket.fileno()

    def close(self):
        """As of a real socket."""
        self._socket.close()

    def ioctl(self, request, arg):
        """For select.poll()."""
        if request == _GET_FILENO:
            return self._socket.fileno()
        if request == _CLOSE:
            self._socket.close()
        return 0
