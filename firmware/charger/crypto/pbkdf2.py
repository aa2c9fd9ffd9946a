"""PBKDF2-HMAC-SHA256 (RFC 8018) in slices that let the loop run; it makes each guess of a PIN slow.

MicroPython's hashlib cannot copy the state of a hash, so each iteration hashes both padded keys again: four blocks
instead of two. An ESP32 takes about 0.25 ms for an iteration.
"""

from hashlib import sha256

from micropython import const

_BLOCK = const(64)
_SLICE = const(48)  # iterations: about 12 ms on an ESP32


def derive(password: bytes, salt: bytes, iterations: int) -> Steps:
    """Generator for cooperative.run(): each `yield` ends a slice; returns the 32 bytes of the first block."""
    if len(password) > _BLOCK:
        password = sha256(password).digest()
    inner = _padded(password, 0x36)
    outer = _padded(password, 0x5C)
    step = sha256(inner + salt + b"\0\0\0\1").digest()
    step = sha256(outer + step).digest()
    result = int.from_bytes(step, "big")
    left = iterations - 1
    while left > 0:
        for _ in range(min(left, _SLICE)):
            step = sha256(outer + sha256(inner + step).digest()).digest()
            result ^= int.from_bytes(step, "big")
        left -= _SLICE
        yield
    return result.to_bytes(32, "big")


def _padded(key: bytes, octet: int) -> bytes:
    block = bytearray(bytes([octet]) * _BLOCK)
    for at in range(len(key)):
        block[at] ^= key[at]
    return bytes(block)
