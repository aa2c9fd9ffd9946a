"""The local API's listening socket, and who is logged in; all else of it is in RAM only while a client is there (SEC-26).

Everything is bounded: connections at once, time for each step, sessions, the heap that must be free to let one in.
"""

import asyncio
import gc
import os
import socket

from micropython import const

from charger import clock, late, log

_MOST = const(3)  # connections at once
_ROOM = const(14000)  # bytes free, or nobody is let in
_TOKEN = const(16)  # bytes
_WAITING = const(4)  # connections that the network stack may hold back
_MODULES = ("charger.web.server", "charger.web.http", "charger.web.routes", "charger.commands", "charger.report")


class Session:
    """Who is logged in: `role`, the cookie's `token`, and the `csrf` token that goes with it. What it means: web/routes.py.

    It outlives the code that is in RAM only now and then, so it is here, and without methods.
    """

    def __init__(self, role: str):
        self.role = role
        self.token = os.urandom(_TOKEN).hex()
        self.csrf = os.urandom(_TOKEN).hex()
        self.begun_s = self.seen_s = clock.uptime_s()


class Door:
    """`address` is "HOST:PORT", port 0 for any; `port` is the real one while it listens.

    `sessions` holds who is logged in.
    """

    def __init__(self, app, address: str):
        self._app = app
        self._address = address
        self._inside = 0
        self.port = None
        self.sessions = []

    async def run(self):
        """Let clients in for ever. OSError when the address cannot be listened at."""
        host, _, port = self._address.rpartition(":")
        info = socket.getaddrinfo(host, int(port), 0, socket.SOCK_STREAM)[0]
        listener = socket.socket(info[0], info[1], info[2])
        try:
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(info[-1])
            listener.listen(_WAITING)
            self.port = _port_of(listener, int(port))
            log.info("web", "listening at port %d" % self.port)
            while True:
                await _readable(listener)  # type: ignore[misc] - a generator is awaitable here
                try:
                    client = listener.accept()[0]
                except OSError:  # it has gone again
                    continue
                if self._inside < _MOST and self._room():
                    self._inside += 1
                    asyncio.create_task(self._serve(client))  # noqa: RUF006 - MicroPython's scheduler holds its tasks
                else:
                    client.close()
        finally:
            self.port = None
            listener.close()

    def _room(self) -> bool:
        if gc.mem_free() < 2 * _ROOM:
            gc.collect()
        return gc.mem_free() >= _ROOM

    async def _serve(self, client):
        """One connection, from its handshake to its end; whatever happens, its memory is free afterwards."""
        try:
            client.setblocking(False)
            from charger.web import server

            await server.serve(self._app, self, client)
        except (EOFError, asyncio.TimeoutError):
            pass  # gone, or asleep
        except (OSError, ValueError, MemoryError) as error:
            log.info("web", "connection ended: " + log.reason(error))
        finally:
            server = None
            client.close()
            self._inside -= 1
            if not self._inside:
                late.drop(*_MODULES)


def _readable(s):
    """Awaitable: somebody knocks."""
    yield asyncio.core._io_queue.queue_read(s)  # type: ignore[attr] - MicroPython's own


def _port_of(listener, wanted: int) -> int:
    """The port that is listened at, where any was wanted: sockaddr_in and sockaddr_in6 have it at bytes 2 and 3."""
    if wanted or not hasattr(listener, "getsockname"):
        return wanted
    name = listener.getsockname()
    return name[1] if isinstance(name, tuple) else name[2] << 8 | name[3]
