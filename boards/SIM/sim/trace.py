"""Every message of the OCPP link, both ways, for the host to write down (--trace)."""

import utime

from charger.net import websocket
from sim import link, timebase

_send = websocket.WebSocket.send
_recv = websocket.WebSocket.recv
_begun_ms = timebase.ticks_ms()


def _tell(sent, text):
    link.send({"event": "frame", "sent": sent, "at_ms": utime.ticks_diff(timebase.ticks_ms(), _begun_ms), "text": text})


async def _traced_send(self, pieces):
    """As WebSocket.send(); the text is noted before it is sent."""
    _tell(True, b"".join([bytes(memoryview(piece)) for piece in pieces]).decode())
    await _send(self, pieces)


async def _traced_recv(self):
    """As WebSocket.recv()."""
    view = await _recv(self)
    _tell(False, str(view, "utf-8"))
    return view


def install():
    """From now on, for every connection."""
    websocket.WebSocket.send = _traced_send
    websocket.WebSocket.recv = _traced_recv
