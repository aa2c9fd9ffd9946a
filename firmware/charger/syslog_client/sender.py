"""One connection to the syslog receiver: TLS alone, one message an entry (RFC 5425). Loaded for a batch and unloaded after it.

The protocol has no acknowledgement. Entries count as received when the connection has stood for _SETTLE_MS after the last
one with neither an end nor an error. What the receiver says is no part of the protocol: it is read and thrown away.
"""

import asyncio

from micropython import const

from charger import clock, log
from charger.errors import ConnectError
from charger.net import tls, url
from charger.runtime import hold_ups
from charger.syslog_client import message

# in the vault
SERVER = "syslog/server"  # HOST[:PORT]
ROOTS = "syslog/roots"  # PEM
_PORT = const(6514)
_CONNECT_MS = const(30000)
_WRITE_MS = const(20000)
_RETRY_MS = const(20)
_SETTLE_MS = const(3000)
_LOOK_MS = const(500)
_CUT = (-32, -104)  # EPIPE, ECONNRESET: MicroPython's TLS hands the socket's errors on negated
_BATCH = const(64)  # entries between two moves of the mark on flash


class Sender:
    """`keep()` raises the ConnectError with which the connection has to end, because its memory is needed elsewhere."""

    def __init__(self, vault: Vault, security_log: SecurityLog, host: str, keep: Callable, open_stream: Callable | None):
        self._vault = vault
        self._log = security_log
        self._host = host
        self._keep = keep
        self._open_stream = open_stream or tls.open_stream
        self._stream = None

    async def open(self) -> None:
        """Connect. ConnectError, with cause "config" when the receiver's address is no address."""
        try:
            server = url.split("syslogs://" + str(self._vault.get(SERVER) or b"", "utf-8"))
        except (ValueError, OSError) as error:
            raise ConnectError("config", log.reason(error))
        log.info("syslog", "connecting to %s:%d" % (server.host, server.port or _PORT))
        context = tls.ClientContext(self._vault.get(ROOTS))
        context.waits = True
        self._stream, _ = await self._open_stream(
            server.host, server.port or _PORT, context, _CONNECT_MS, hold_ups.FOREVER_MS)

    async def send(self, first: int) -> int:
        """Send entries from number `first` on, and see that they were received; return the number of the next entry to send."""
        scrap = bytearray(32)
        following, count = first, 0
        try:
            for entry in self._log.entries(first):
                await self._write(message.encode(entry, self._host))
                following = entry.seq + 1
                count += 1
                if count == _BATCH:
                    break
            else:
                following = self._log.next_seq  # entries that cannot be read are passed over
            await self._settle(scrap)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in _CUT:
                raise ConnectError("reset", "cut by the receiver")
            raise tls.late_fault(error)
        return following

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self._stream is not None:
            self._stream.s.close()

    async def _write(self, data: bytes) -> None:
        self._keep()
        view = memoryview(data)
        started = clock.ticks_ms()
        while view:
            view = view[self._stream.s.write(view) or 0 :]  # not with drain(): see net/websocket.py
            if view:
                if clock.elapsed_ms(started) > _WRITE_MS:
                    raise ConnectError("timeout", "the receiver reads nothing")
                await clock.sleep_ms(_RETRY_MS)
        await clock.sleep_ms(0)

    async def _settle(self, scrap: bytearray) -> None:
        """Watch the connection for a while; ConnectError or OSError when it ends."""
        started = clock.ticks_ms()
        while clock.elapsed_ms(started) < _SETTLE_MS:
            self._keep()
            try:
                if await asyncio.wait_for_ms(self._stream.readinto(scrap), _LOOK_MS) == 0:
                    raise ConnectError("reset", "closed by the receiver")
            except asyncio.TimeoutError:
                pass
            await clock.sleep_ms(_RETRY_MS)
