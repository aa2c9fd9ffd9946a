"""`hashlib` of the bare-metal target: the built-in SHA-256, and the SHA-1 that is built in only together with TLS."""

import struct

from uhashlib import sha256  # noqa: F401

_MASK = 0xFFFFFFFF


def _turned(value, bits):
    return (value << bits | value >> (32 - bits)) & _MASK


class sha1:  # noqa: N801 - the name of the built-in class
    """SHA-1 (FIPS 180-4) of what is given to update()."""

    def __init__(self, data=b""):
        self._data = bytes(data)

    def update(self, data):
        """Add bytes."""
        self._data += data

    def digest(self):
        """The 20 bytes."""
        bits = len(self._data) * 8
        padded = self._data + b"\x80" + bytes((55 - len(self._data)) % 64) + struct.pack(">II", bits >> 32, bits & _MASK)
        state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
        for start in range(0, len(padded), 64):
            _block(state, padded[start : start + 64])
        return struct.pack(">IIIII", *state)


def _block(state, block):
    words = list(struct.unpack(">16I", block))
    for n in range(16, 80):
        words.append(_turned(words[n - 3] ^ words[n - 8] ^ words[n - 14] ^ words[n - 16], 1))
    a, b, c, d, e = state
    for n in range(80):
        if n < 20:
            f, k = b & c | (~b & _MASK) & d, 0x5A827999
        elif n < 40:
            f, k = b ^ c ^ d, 0x6ED9EBA1
        elif n < 60:
            f, k = b & c | b & d | c & d, 0x8F1BBCDC
        else:
            f, k = b ^ c ^ d, 0xCA62C1D6
        a, b, c, d, e = (_turned(a, 5) + f + e + k + words[n]) & _MASK, a, _turned(b, 30), c, d
    for n, value in enumerate((a, b, c, d, e)):
        state[n] = (state[n] + value) & _MASK
