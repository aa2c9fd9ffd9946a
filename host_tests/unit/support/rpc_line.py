# The connection below an Rpc, with a record of the sent messages.
import json

from peer import until

from charger.ocpp.transport.rpc import Rpc


class Line:
    """The connection below an Rpc: what was sent, and a back end's handler that a test scripts."""

    def __init__(self, handler=None):
        self.sent = []
        self.down = False
        self.invalid = []
        self.rpc = Rpc(self.send, handler or self.handle, self.invalid.append)

    async def send(self, pieces):
        if self.down:
            raise OSError(104)
        self.sent.append(json.loads("".join(pieces)))

    async def handle(self, action, payload):
        return {"action": action, "payload": payload}, None

    async def sends(self, count):
        """Wait until `count` messages have been sent; the last one."""
        await until(lambda: len(self.sent) >= count)
        return self.sent[-1]

    async def feed(self, message):
        await self.rpc.feed(message if isinstance(message, str) else json.dumps(message))

    async def answers(self, message):
        """Feed one message and return the one answer to it."""
        before = len(self.sent)
        await self.feed(message)
        return await self.sends(before + 1)
