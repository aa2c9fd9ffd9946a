# A connection to one back end over a network in memory, in manual time.
import asyncio

from check import equal
from peer import CLOSE, PING, Peer, frame, pair, until

from charger import clock
from charger.ocpp.transport.connection import Connection


class Settings:
    """The values of ocpp/transport/connection_settings.py as plain attributes."""

    url = "ws://csms.example/ocpp"
    identity = "CP 1"
    security_profile = 0
    plain = False
    basic_key = None
    ping_interval_s = 0
    backoff_min_s = 10
    backoff_random_s = None
    ca = None
    client_cert = None
    client_key = None

    def __init__(self, **changes):
        for name in changes:
            setattr(self, name, changes[name])


class World:
    """A network in memory with one back end; `refuse` fails the attempts, `serve(peer)` runs for the others."""

    def __init__(self, serve=None, refuse=None, lab=True, **changes):
        self.settings = Settings(**changes)
        self.refuse = refuse
        self.serve = serve or self.keep
        self.opened = []  # (uptime in ms, host, port, whether TLS) of each attempt
        self.under_way = 0
        self.peers = []
        self.events = []
        self.faults = []
        self.link = Connection(
            self.settings, self.handle, self.events.append, self.events.append,
            lambda cause, text: self.faults.append(cause), None, self.open_stream, lab,
        )  # fmt: skip
        self.tasks = [asyncio.create_task(self.link.run())]

    async def open_stream(self, host, port, context, deadline_ms):
        self.opened.append((clock.uptime_ms(), host, port, context is not None))
        self.under_way += 1
        equal(self.under_way, 1, "connections at a time")
        try:
            await asyncio.sleep_ms(1)
            if self.refuse is not None:
                raise self.refuse
        except BaseException:
            self.under_way -= 1
            raise
        near, far = pair()
        close = near.s.close

        def closed():
            if not near.s.closed:
                self.under_way -= 1
            close()

        near.s.close = closed
        peer = Peer(far)
        self.peers.append(peer)
        self.tasks.append(asyncio.create_task(self.serving(peer)))
        return near, near

    async def serving(self, peer):
        try:
            await peer.head()
            await self.serve(peer)
        except (EOFError, OSError):
            pass

    async def keep(self, peer):
        """A back end that accepts and answers pings and a close."""
        peer.answer()
        await self.attend(peer)

    async def attend(self, peer):
        while True:
            opcode, payload, _ = await peer.frame()
            if opcode == PING:
                peer.send(frame(10, payload))
            elif opcode == CLOSE:
                peer.send(frame(CLOSE, payload[:2]))
                peer.end.out.end()
                return
            else:
                self.events.append(str(payload, "utf-8"))

    async def handle(self, action, payload):
        return {"did": action}

    async def connected(self, count=1):
        """Wait for the n-th connection; its peer."""
        await until(lambda: self.link.opened >= count and self.link.connected, 3600000, 10)
        return self.peers[-1]

    def pauses(self):
        """Seconds between the attempts."""
        times = [entry[0] for entry in self.opened]
        return [(times[n + 1] - times[n]) / 1000 for n in range(len(times) - 1)]

    def end(self):
        for task in self.tasks:
            task.cancel()
