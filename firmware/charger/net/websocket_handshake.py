"""The WebSocket handshake (RFC 6455 section 4): the HTTP upgrade request and the check of the answer.

The answer's size and time are bounded; of a refusal only the status is read.
"""

import asyncio
import os
from binascii import b2a_base64
from hashlib import sha1

from micropython import const

from charger.errors import WebSocketHandshakeError
from charger.net import time_sources

_MAX_HEAD = const(4096)
_MOST_LINES = const(100)  # of an answer
_READ = const(256)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def _base64(data: bytes) -> bytes:
    return b2a_base64(data).rstrip()


def request(host: str, path: str, protocol: str, login: tuple | None, key: bytes) -> bytes:
    """Encode the upgrade request. `login` is (user name, password bytes), sent without a challenge (OCPP-5)."""
    # A line break would let a configuration value inject headers.
    for c in (host + path + protocol).encode():
        if not 0x20 < c < 0x7F:
            raise WebSocketHandshakeError(0, "the address holds a character that no URL may hold")
    lines = [
        b"GET " + path.encode() + b" HTTP/1.1",
        b"Host: " + host.encode(),
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: " + key,
        b"Sec-WebSocket-Protocol: " + protocol.encode(),
    ]
    if login is not None:
        lines.append(b"Authorization: Basic " + _base64(login[0].encode() + b":" + login[1]))
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


async def upgrade(reader: Any, write: Callable, host: str, path: str, protocol: str, login: tuple | None,
                  deadline_ms: int) -> bytes:
    """Do the upgrade; return the bytes that the server already sent behind its answer.

    `write` is an async function that writes a buffer. WebSocketHandshakeError when the server refuses, answers something else,
    or is not done by the deadline; OSError from the transport.
    """
    try:
        return await asyncio.wait_for_ms(_exchange(reader, write, host, path, protocol, login), deadline_ms)
    except asyncio.TimeoutError:
        raise WebSocketHandshakeError(-1, "no answer to the upgrade within %d ms" % deadline_ms)


async def _exchange(reader: Any, write: Callable, host: Any, path: Any, protocol: Any, login: Any) -> bytes:
    key = _base64(os.urandom(16))
    await write(request(host, path, protocol, login, key))
    head = bytearray()
    chunk = memoryview(bytearray(_READ))
    end = -1
    while end < 0:
        if len(head) > _MAX_HEAD:
            raise WebSocketHandshakeError(0, "answer longer than %d bytes" % _MAX_HEAD)
        count = await reader.readinto(chunk)
        if count == 0:
            raise WebSocketHandshakeError(-1, "closed without an answer")
        if count:
            known = max(0, len(head) - 3)
            head.extend(chunk[:count])
            end = head.find(b"\r\n\r\n", known)
    fields = check(bytes(memoryview(head)[:end]), key, protocol)
    time_sources.heard_date("ocpp", fields.get(b"date"))
    return bytes(memoryview(head)[end + 4 :])


def check(head: bytes, key: bytes, protocol: str) -> dict:
    """Check the head of the server's answer (RFC 6455 section 4.1, OCPP-2); return its fields. WebSocketHandshakeError."""
    lines = head.split(b"\r\n")
    status = lines[0].split(b" ", 2)
    if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or len(status[1]) != 3 or not status[1].isdigit():
        raise WebSocketHandshakeError(0, "not an HTTP answer")
    if status[1] != b"101":
        raise WebSocketHandshakeError(int(status[1]), "HTTP status " + str(status[1], "ascii"))
    if status[0] != b"HTTP/1.1":
        raise WebSocketHandshakeError(0, "upgrade over HTTP/1.0")
    fields = _fields(lines)
    if fields.get(b"upgrade", b"").lower() != b"websocket":
        raise WebSocketHandshakeError(0, "not upgraded to a WebSocket")
    if b"upgrade" not in [token.strip() for token in fields.get(b"connection", b"").lower().split(b",")]:
        raise WebSocketHandshakeError(0, "not upgraded")
    if fields.get(b"sec-websocket-accept") != _base64(sha1(key + _GUID).digest()):
        raise WebSocketHandshakeError(0, "wrong Sec-WebSocket-Accept")
    if b"sec-websocket-extensions" in fields:
        raise WebSocketHandshakeError(0, "an extension that we did not offer")
    if fields.get(b"sec-websocket-protocol") != protocol.encode():
        raise WebSocketHandshakeError(0, "the server does not speak " + protocol)
    return fields


def _fields(lines: list) -> dict:
    """Parse header fields by lower-case name. The ones used here may occur only once, except `connection`."""
    fields = {}
    if len(lines) > _MOST_LINES:
        raise WebSocketHandshakeError(0, "too many header fields")
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise WebSocketHandshakeError(0, "malformed header")
        name = name.lower()
        value = value.strip()
        if name == b"connection" and name in fields:
            value = fields[name] + b"," + value
        elif name in fields and name.startswith(b"sec-websocket-"):
            raise WebSocketHandshakeError(0, "a header twice")
        fields[name] = value
    return fields
