"""A syslog client, its receiver with a strict parser of RFC 5425, and a security log, in memory and manual time."""

import asyncio

import flashrig
from client_rig import ClientRig
from peer import pair, until

from charger import clock
from charger.audit.security_log import SecurityLog
from charger.net import tls
from charger.runtime import hold_ups
from charger.syslog_client.client import UNTRUSTED, SyslogClient

UTC_S = 1830297600


class Vault:
    def __init__(self, server):
        self.kept = {"syslog/server": server, "syslog/roots": b"roots"}

    def get(self, name):
        return self.kept.get(name)


class Receiver:
    """One connection at its other end: `messages` are what came whole; it ends after `most` of them, and says `greeting`."""

    def __init__(self, end, most=None, greeting=b""):
        self.end = end
        self.messages = []
        self.most = most
        if greeting:
            end.s.write(greeting)

    async def read(self):
        """MSG-LEN SP SYSLOG-MSG, MSG-LEN without a leading zero (RFC 5425, 4.3)."""
        data, byte = b"", bytearray(1)
        while True:
            if not await self.end.readinto(byte):
                return
            data += bytes(byte)
            if byte != b" ":
                assert byte.isdigit() and data != b"0" and len(data) < 5, data
                continue
            message, left = b"", int(data)
            while left:
                part = bytearray(left)
                count = await self.end.readinto(part)
                if not count:
                    return
                message += part[:count]
                left -= count
            self.messages.append(message)
            data = b""
            if len(self.messages) == self.most:
                self.end.s.close()
                return


class Rig(ClientRig):
    """`fault` is what the opening of a stream raises; `most` is after how many messages a receiver ends a connection."""

    def __init__(self, server=b"h:1234", log=None, time=True):
        super().__init__()
        if time:
            clock.set_utc(UTC_S, "test")
        self.log = log or SecurityLog(flashrig.files())
        self.vault = Vault(server)
        self.fault = None
        self.most = None
        self.greeting = b""
        self.room = None
        self.receivers = []
        self.may = True
        self.client = SyslogClient(self.vault, self.log, lambda: "pilot light", lambda: self.may, self._open)

    async def _open(self, host, port, context, deadline_ms, patience_ms):
        assert patience_ms == hold_ups.FOREVER_MS and context.waits
        self.opened.append((host, port, context, clock.ticks_ms()))
        if self.fault:
            raise self.fault
        near, far = pair()
        if self.room is not None:
            near.out.room = self.room
        receiver = Receiver(far, self.most, self.greeting)
        self.receivers.append(receiver)
        self.tasks.append(asyncio.create_task(receiver.read()))
        self.near = near
        return near, near

    def numbers(self):
        """The entries' numbers in all messages, as they came."""
        return [int(str(message, "utf-8").split('seq="')[1].split('"')[0]) for one in self.receivers for message in one.messages]

    async def sent(self, timeout_ms=60000, step_ms=50):
        """Wait until nothing is left to be sent."""
        await until(lambda: self.client.report() == {"fault": None, "waiting": 0}, timeout_ms, step_ms)
        return self

    def untrusted(self):
        return [entry.info for entry in self.log.entries() if entry.event == UNTRUSTED]


def fault(cause):
    return tls.TlsError(cause, "of the test")
