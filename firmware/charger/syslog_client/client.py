"""The owner's syslog client (SEC-12, SEC-23): brings the security log to a receiver by TLS, entry by entry.

It connects when entries wait, sends them, and closes. Each entry goes out at least once, in order; `seq` tells repetitions
and gaps. Where the next connection after a batch cannot be made, that batch goes out once more: a receiver that had vanished
would not have told it. Without a time no certificate holds, so nothing is sent before the unit has one.
"""

import gc
import os

from micropython import const

from charger import clock, log
from charger.errors import ConnectError
from charger.runtime import memory

_SINK = "syslog"  # of the security log
_LOOK_MS = const(1000)
_GATHER_MS = const(5000)  # entries of one incident go together
_REFUSED_MS = const(10000)
_PAUSE_S = const(10)
_PAUSE_STARVED_S = const(60)
_PAUSE_LAST_S = const(3600)
# of the security log
UNTRUSTED = "SyslogAuthenticationFailed"
# causes of net/tls.py that are security events
_SECURITY = ("untrusted", "expired", "name", "certificate", "proof", "version", "suite", "own-cert")


class SyslogClient:
    """`await run()` is its task. The vault has syslog/server and syslog/roots.

    host() is the unit's name in the network; allowed() says whether a connection may be made now, see Application.
    """

    def __init__(self, vault: Vault, security_log: SecurityLog, host: Callable, allowed: Callable,
                 open_stream: Callable | None = None):
        self.fault = None  # why the last attempt failed, one word; None after one that did not
        self._vault = vault
        self._log = security_log
        self._host = host
        self._allowed = allowed
        self._open_stream = open_stream
        security_log.add_sink(_SINK)
        self._first = security_log.mark(_SINK) + 1  # number of the next entry to send
        self._last = self._first  # of the first entry of the last batch
        self._pause_ms = 0
        self._pause_s = 0
        self._open = False
        self._told = None  # the failure that is in the security log
        security_log.listeners.append(self._logged)

    def report(self) -> dict:
        """Return the client's part of the status."""
        return {"fault": self.fault, "waiting": self._log.next_seq - max(self._first, self._log.first_seq)}

    def free_memory(self) -> None:
        """Free memory for the OCPP link or the local API: disconnect within a second, and connect again minutes later."""
        if self._open:
            self._open = False
            self._pause_s = max(self._pause_s, _PAUSE_STARVED_S)

    def retry_now(self) -> None:
        """Try again at once, because the network is back."""
        self._pause_ms = self._pause_s = 0

    def _logged(self, entry: Any) -> None:
        if entry.seq == self._first:  # nothing has waited before
            self._pause_ms = max(self._pause_ms, _GATHER_MS)

    async def run(self) -> None:
        """Send what waits, in an endless loop."""
        await self._log.check()
        while True:
            await clock.sleep_ms(_LOOK_MS)
            if self._pause_ms > 0:
                self._pause_ms -= _LOOK_MS
                continue
            if self._first >= self._log.next_seq:
                continue
            if clock.utc_s() is None or not self._allowed():
                self._pause_ms = _REFUSED_MS
                continue
            await self._attempt()

    async def _attempt(self) -> None:
        """Make one connection for what waits; after a failure set the pause: 10 s doubling to an hour, and chance."""
        try:
            await self._send_waiting()
            self.fault = self._told = None
            self._pause_s = 0
            return
        except (ConnectError, MemoryError, OSError) as error:
            cause = error.cause if isinstance(error, ConnectError) else "flash" if isinstance(error, OSError) else "memory"
            log.warn("syslog", "nothing sent, " + log.reason(error))
        finally:
            self._open = False
            memory.unload(memory.SENDING)
            memory.unload(memory.CONNECTING)
            gc.collect()  # sockets and TLS contexts are freed by their finalisers
        self.fault = cause
        self._pause_s = min(max(self._pause_s * 2, _PAUSE_S), _PAUSE_LAST_S)
        self._pause_ms = self._pause_s * 1000
        self._pause_ms += int.from_bytes(os.urandom(3), "big") % self._pause_ms
        if cause in _SECURITY and self._told != cause:
            self._told = cause
            self._log.add(UNTRUSTED, cause)

    async def _send_waiting(self) -> None:
        """Connect, and send until nothing waits. ConnectError, MemoryError, OSError."""
        from charger.syslog_client.sender import Sender  # memory.unload() unloads it after the batch

        self._open = True
        sender = Sender(self._vault, self._log, self._host(), self._keep, self._open_stream)
        try:
            try:
                await sender.open()
            except ConnectError:
                self._first = min(self._first, self._last)
                raise
            while self._first < self._log.next_seq:
                following = await sender.send(self._first)
                self._last, self._first = self._first, following
                self._log.acknowledge(_SINK, following - 1)  # when that fails, they go out again after the next start
        finally:
            sender.close()

    def _keep(self) -> None:
        """Raise ConnectError when free_memory() was called."""
        if not self._open:
            raise ConnectError("memory", "memory is needed elsewhere")
