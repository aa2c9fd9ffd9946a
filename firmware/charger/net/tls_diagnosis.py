"""Diagnosis of a handshake that the server aborted: sends its own ClientHello and reads only the first answer.

mbedtls reports that a fatal alert came, but not which. No secret is sent, and the unauthenticated answer is used only
for the report's text (WP-5, WP-6), for no decision.
"""

import asyncio
import os

from charger.errors import ConnectError
from charger.net import tls

_ANSWER_MS = 5000
_ALERT = 0x15
_HANDSHAKE = 0x16
_PROTOCOL_VERSION = 70
_OURS = bytes.fromhex("13011302c02bc02cc02fc030009c009d")  # tls._SUITES
# CBC and ChaCha20: a server that supports nothing better answers too, and its answer shows its version.
_OTHERS = bytes.fromhex("cca9cca8c023c024c027c028c009c00ac013c014003c003d002f0035000a")
_FIXED = (
    b"\x00\x0a\x00\x08\x00\x06\x00\x17\x00\x18\x00\x19"  # groups: P-256, P-384, P-521
    b"\x00\x0b\x00\x02\x01\x00"  # points uncompressed
    b"\x00\x0d\x00\x14\x00\x12\x04\x03\x05\x03\x06\x03\x08\x04\x04\x01\x05\x01\x06\x01\x02\x03\x02\x01"  # signatures
)
# TLS 1.3 beside older versions, without a key share: the server requests one, which is a sufficient answer. With 1.1
# and 1.0 an old server names its version; without them some just close the connection.
_MODERN = b"\x00\x2b\x00\x09\x08\x03\x04\x03\x03\x03\x02\x03\x01\x00\x33\x00\x02\x00\x00"


def _u16(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def hello(host: str, modern: bool) -> bytes:
    """Encode a ClientHello of TLS 1.2, or of 1.3 and 1.2, with the server's name."""
    extensions = b"\x00\x00" + _u16(_u16(b"\x00" + _u16(host.encode()))) + _FIXED
    suites = _OURS[4:]
    if modern:
        extensions += _MODERN
        suites = _OURS
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + _u16(suites + _OTHERS) + b"\x01\x00" + _u16(extensions)
    return b"\x16\x03\x01" + _u16(b"\x01\x00" + _u16(body))


async def probe(host: str, port: int, modern: bool, deadline_ms: int) -> str:
    """Return a cause for TlsError: "version", "suite", "own-cert" (the ClientHello was accepted) or "protocol".

    modern: whether this build of mbedtls supports TLS 1.3.
    """
    s = None
    try:
        s = (await tls.open_stream(host, port, None, min(deadline_ms, _ANSWER_MS)))[0]
        s.write(hello(host, modern))
        await s.drain()
        return await asyncio.wait_for_ms(_judge(s), min(deadline_ms, _ANSWER_MS))
    except (ConnectError, asyncio.TimeoutError, OSError, EOFError):
        return "protocol"
    finally:
        if s is not None:
            s.s.close()


async def _judge(s: Any) -> str:
    """Read the alert, or the ServerHello as far as version and suite."""
    head = await s.readexactly(7)
    if head[0] == _ALERT:
        return "version" if head[6] == _PROTOCOL_VERSION else "suite"
    if head[0] != _HANDSHAKE:
        return "protocol"
    rest = await s.readexactly(37)  # length, version, random, length of the session's name
    if rest[2:4] != b"\x03\x03":
        return "version"
    suite = (await s.readexactly(rest[36] + 2))[-2:]
    for at in range(0, len(_OURS), 2):
        if _OURS[at : at + 2] == suite:
            return "own-cert"
    return "suite"
