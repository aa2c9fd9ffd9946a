# A server on a free UDP port of this machine, for clients of DNS and SNTP.
import asyncio
import os
import socket

from charger.net.dns import readable


def bind_free_port(free_socket):
    """Bind a socket to a free port of 127.0.0.1; return the port."""
    while True:
        port = 20000 + int.from_bytes(os.urandom(2), "big") % 40000
        try:
            free_socket.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
            return port
        except OSError:
            continue


class UDPServer:
    """`answer(query)` returns the datagrams to send back, or None. `queries` and `sources` hold what arrived from whom."""

    def __init__(self, answer):
        self.queries = []
        self.sources = []
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.port = bind_free_port(self._socket)
        self._task = asyncio.create_task(self._run())

    @property
    def name(self):
        """Address and port, as settings write them."""
        return "127.0.0.1:%d" % self.port

    async def _run(self):
        while True:
            await readable(self._socket)
            query, source = self._socket.recvfrom(512)
            self.queries.append(query)
            self.sources.append(bytes(source))
            for datagram in self._answer(query) or ():
                self._socket.sendto(datagram, source)

    def close(self):
        """Stop answering."""
        self._task.cancel()
        self._socket.close()
