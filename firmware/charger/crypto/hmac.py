"""HMAC-SHA256 (RFC 2104), and a comparison whose duration does not depend on the place where two values differ."""

import hashlib

from micropython import const

_BLOCK = const(64)


def hmac_sha256(key: bytes, *parts: bytes) -> bytes:
    """The code over all parts in a row, 32 bytes."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    inner = hashlib.sha256(_padded(key, 0x36))
    for part in parts:
        inner.update(part)
    outer = hashlib.sha256(_padded(key, 0x5C))
    outer.update(inner.digest())
    return outer.digest()


def _padded(key: bytes, octet: int) -> bytearray:
    block = bytearray(bytes([octet]) * _BLOCK)
    for at in range(len(key)):
        block[at] ^= key[at]
    return block


def same(first: bytes, second: bytes) -> bool:
    """True when both are equal; every byte is looked at, whatever the first ones are."""
    if len(first) != len(second):
        return False
    differs = 0
    for at in range(len(first)):
        differs |= first[at] ^ second[at]
    return differs == 0
