"""Every message of the OCPP link, both ways, for the host to write down (--trace)."""

import utime

from charger.net import websocket
from sim import link, timebase

_begun_ms = timebase.ticks_ms()


def _tell(sent, text):
    link.send({"event": "frame", "sent": sent, "at_ms": utime.ticks_diff(timebase.ticks_ms(), _begun_ms), "text": text})


class TracedWebSocket(websocket.WebSocket):
    """Tells each text as it is sent and as it is received."""

    async def send(self, pieces):
        """The text is told before it is sent."""
        _tell(True, b"".join([bytes(memoryview(piece)) for piece in pieces]).decode())
        await super().send(pieces)

    async def recv(self):
        view = await super().recv()
        _tell(False, str(view, "utf-8"))
        return view


def install():
    """From now on, for every connection."""
    websocket.WebSocket = TracedWebSocket
