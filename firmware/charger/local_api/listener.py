"""The local API's listening socket and login sessions; the server is imported with the first client (SEC-26).

Connections, the time of each step and sessions are bounded; a connection needs a minimum of free heap.
"""

import asyncio
import os
import socket

from micropython import const

from charger import clock, log
from charger.local_api.admission import Admission, host_of
from charger.runtime import memory

_TOKEN = const(16)  # bytes
_CLOSED_MS = const(1000)
_ENDING_MS = const(20)  # until a connection that was ended has gone
_WAITING = const(4)  # connections that the network stack may hold back


class LoginSession:
    """A login: `role`, `changes` of its PIN before, the cookie's `token` and its `csrf` token. See local_api/routes.py."""

    def __init__(self, role: str, changes: int = 0):
        self.role = role
        self.changes = changes
        self.token = os.urandom(_TOKEN).hex()
        self.csrf = os.urandom(_TOKEN).hex()
        self.begun_ms = self.seen_ms = clock.uptime_ms()


class LocalApiListener:
    """`address` is "HOST:PORT"; `port` is the port number while listening, else None.

    `sessions` are the logins; `admission` decides which client may connect while a contactor is closed.
    `serve(listener, client, host)` is a coroutine function that serves a connection; `memory` frees heap for one.
    """

    def __init__(self, address: str, serve: Callable, updates: UpdateManager | None, memory: Reclaimer) -> None:
        self._address = address
        self._serve_client = serve
        self._updates = updates
        self._memory = memory
        self.admission = Admission()
        self.port = None
        self.sessions = []

    async def run(self) -> None:
        """Accept clients in an endless loop. OSError when the address cannot be bound."""
        while True:
            while self._altered():  # no page of an altered image (SEC-9)
                await clock.sleep_ms(_CLOSED_MS)
            await self._listen()

    async def _listen(self) -> None:
        """Accept clients until the firmware is found altered."""
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
                except OSError:  # the client has closed it already
                    continue
                if self._altered():
                    client.close()
                    return
                host = host_of(address)
                allowed = self.admission.allows(host)
                if allowed and self.admission.make_way(host):
                    await clock.sleep_ms(_ENDING_MS)
                if allowed and self.admission.has_place(host) and self._has_memory():
                    self.admission.enter(host, asyncio.create_task(self._serve(client, host)))
                else:
                    client.close()
        finally:
            self.port = None
            listener.close()

    def _altered(self) -> bool:
        return self._updates is not None and self._updates.altered

    def _has_memory(self) -> bool:
        if memory.fits_tls(memory.NEXT_CLIENT if self.admission.inside else memory.FIRST_CLIENT):
            return True
        log.warn("web", "connection refused: only %d bytes free" % memory.heap_free())
        self._memory.free()  # for the next attempt
        return False

    async def _serve(self, client: Any, host: str) -> None:
        """Serve one connection, from its handshake to its end, then free its memory."""
        try:
            client.setblocking(False)
            await self._serve_client(self, client, host)
        except (EOFError, asyncio.TimeoutError):
            pass  # closed or too slow
        except (OSError, ValueError, MemoryError) as error:
            log.info("web", "connection ended: " + log.reason(error))
        finally:
            client.close()
            self.admission.leave(host, asyncio.current_task())


def _readable(s: Any) -> Iterator:
    """Wait for a pending connection."""
    yield asyncio.core._io_queue.queue_read(s)  # type: ignore[attr] - MicroPython's own

