"""The local API's listening socket and login sessions; the server is imported with the first client (SEC-26).

Everything is bounded: connections at once, time for each step, sessions, the heap that must be free to let one in.
"""

import asyncio
import os
import socket

from micropython import const

from charger import clock, log
from charger.local_api.admission import Admission, host_of
from charger.runtime import memory

_TOKEN = const(16)  # bytes
_WAITING = const(4)  # connections that the network stack may hold back


class LoginSession:
    """Who is logged in: `role`, the cookie's `token`, and the `csrf` token that goes with it. See local_api/routes.py."""

    def __init__(self, role: str):
        self.role = role
        self.token = os.urandom(_TOKEN).hex()
        self.csrf = os.urandom(_TOKEN).hex()
        self.begun_ms = self.seen_ms = clock.uptime_ms()


class LocalApiListener:
    """`address` is "HOST:PORT"; `port` is the number while it listens.

    `sessions` holds who is logged in; `admission` decides which client may connect while a contactor is closed.
    """

    def __init__(self, app, address: str):
        self._app = app
        self._address = address
        self.admission = Admission()
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
            self.port = int(port)
            log.info("web", "listening at port %d" % self.port)
            while True:
                await _readable(listener)  # type: ignore[misc] - a generator is awaitable here
                try:
                    client, address = listener.accept()
                except OSError:  # it has gone again
                    continue
                host = host_of(address)
                if self.admission.has_place(host) and self.admission.allows(host) and self._room():
                    self.admission.enter(host)
                    asyncio.create_task(self._serve(client, host))  # noqa: RUF006 - MicroPython's scheduler holds its tasks
                else:
                    client.close()
        finally:
            self.port = None
            listener.close()

    def _room(self) -> bool:
        if memory.fits_tls(memory.NEXT_CLIENT if self.admission.inside else memory.FIRST_CLIENT):
            return True
        log.warn("web", "connection refused: only %d bytes free" % memory.heap_free())
        self._app.memory.free()  # the next attempt finds room
        return False

    async def _serve(self, client, host: str):
        """One connection, from its handshake to its end; whatever happens, its memory is free afterwards."""
        try:
            client.setblocking(False)
            from charger.local_api import server  # with commands/: 12,000 frozen bytes, 5 KiB of heap, once there is a client

            await server.serve(self._app, self, client, host)
        except (EOFError, asyncio.TimeoutError):
            pass  # gone, or asleep
        except (OSError, ValueError, MemoryError) as error:
            log.info("web", "connection ended: " + log.reason(error))
        finally:
            client.close()
            self.admission.leave(host)


def _readable(s):
    """Awaitable: somebody knocks."""
    yield asyncio.core._io_queue.queue_read(s)  # type: ignore[attr] - MicroPython's own

