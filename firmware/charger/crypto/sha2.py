"""SHA-256 from the platform; SHA-384 and SHA-512 (FIPS 180-4 6.4, 6.5) in Python, since MicroPython has neither.

The back end may identify a certificate by any of the three (WP-22, WP-23), and CAs sign with them. Meant for kilobytes:
a block of 128 bytes takes about 0.5 ms on a PC and 40 ms on an ESP32.
"""

import hashlib

from micropython import const

from charger.crypto.refusals import UNSUPPORTED
from charger.errors import CryptoError

SIZES = {"SHA256": 32, "SHA384": 48, "SHA512": 64}  # octets of the result

_MASK = 0xFFFFFFFFFFFFFFFF
_BLOCK = const(128)
_ROUNDS_A_SLICE = const(10)

# The first 64 bits of the fractional parts of cube roots (_K) and square roots (the initial values) of primes.
_K = (
    "428a2f98d728ae227137449123ef65cdb5c0fbcfec4d3b2fe9b5dba58189dbbc3956c25bf348b53859f111f1b605d019"
    "923f82a4af194f9bab1c5ed5da6d8118d807aa98a303024212835b0145706fbe243185be4ee4b28c550c7dc3d5ffb4e2"
    "72be5d74f27b896f80deb1fe3b1696b19bdc06a725c71235c19bf174cf692694e49b69c19ef14ad2efbe4786384f25e3"
    "0fc19dc68b8cd5b5240ca1cc77ac9c652de92c6f592b02754a7484aa6ea6e4835cb0a9dcbd41fbd476f988da831153b5"
    "983e5152ee66dfaba831c66d2db43210b00327c898fb213fbf597fc7beef0ee4c6e00bf33da88fc2d5a79147930aa725"
    "06ca6351e003826f142929670a0e6e7027b70a8546d22ffc2e1b21385c26c9264d2c6dfc5ac42aed53380d139d95b3df"
    "650a73548baf63de766a0abb3c77b2a881c2c92e47edaee692722c851482353ba2bfe8a14cf10364a81a664bbc423001"
    "c24b8b70d0f89791c76c51a30654be30d192e819d6ef5218d69906245565a910f40e35855771202a106aa07032bbd1b8"
    "19a4c116b8d2d0c81e376c085141ab532748774cdf8eeb9934b0bcb5e19b48a8391c0cb3c5c95a634ed8aa4ae3418acb"
    "5b9cca4f7763e373682e6ff3d6b2b8a3748f82ee5defb2fc78a5636f43172f6084c87814a1f0ab728cc702081a6439ec"
    "90befffa23631e28a4506cebde82bde9bef9a3f7b2c67915c67178f2e372532bca273eceea26619cd186b8c721c0c207"
    "eada7dd6cde0eb1ef57d4f7fee6ed17806f067aa72176fba0a637dc5a2c898a6113f9804bef90dae1b710b35131c471b"
    "28db77f523047d8432caab7b40c724933c9ebe0a15c9bebc431d67c49c100d4c4cc5d4becb3e42b6597f299cfc657e2a"
    "5fcb6fab3ad6faec6c44198c4a475817"
)
_INITIAL_384 = (
    "cbbb9d5dc1059ed8629a292a367cd5079159015a3070dd17152fecd8f70e593967332667ffc00b318eb44a8768581511"
    "db0c2e0d64f98fa747b5481dbefa4fa4"
)
_INITIAL_512 = (
    "6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1510e527fade682d19b05688c2b3e6c1f"
    "1f83d9abfb41bd6b5be0cd19137e2179"
)


def digest(name: str, data: bytes) -> Steps:
    """Generator: the digest of data with one of SIZES; CryptoError(UNSUPPORTED) for another name."""
    if name == "SHA256":
        return hashlib.sha256(data).digest()
    if name not in SIZES:
        raise CryptoError(UNSUPPORTED, "hash")
    state = _words(_INITIAL_384 if name == "SHA384" else _INITIAL_512)
    whole = len(data) // _BLOCK * _BLOCK
    for at in range(0, whole, _BLOCK):
        state = yield from _compress(state, data[at : at + _BLOCK])
    rest = data[whole:] + b"\x80"
    rest += bytes(-(len(rest) + 16) % _BLOCK) + (8 * len(data)).to_bytes(16, "big")
    for at in range(0, len(rest), _BLOCK):
        state = yield from _compress(state, rest[at : at + _BLOCK])
    return b"".join([word.to_bytes(8, "big") for word in state])[: SIZES[name]]


def _words(digits: str) -> list:
    return [int(digits[at : at + 16], 16) for at in range(0, len(digits), 16)]


def _compress(state: list, block: bytes) -> Steps:
    """Generator: the state after one block."""
    w = [int.from_bytes(block[at : at + 8], "big") for at in range(0, _BLOCK, 8)]
    a, b, c, d, e, f, g, h = state
    for t in range(80):
        slot = t & 15
        if t > 15:
            # x rotated right by n is the low word of (x << 64 | x) >> n
            x = w[t + 1 & 15]
            xx = x << 64 | x
            y = w[t + 14 & 15]
            yy = y << 64 | y
            w[slot] += (xx >> 1 ^ xx >> 8 ^ x >> 7) + (yy >> 19 ^ yy >> 61 ^ y >> 6) + w[t + 9 & 15]
            w[slot] &= _MASK
        ee = e << 64 | e
        k = int(_K[16 * t : 16 * t + 16], 16)
        t1 = h + ((ee >> 14 ^ ee >> 18 ^ ee >> 41) & _MASK) + (e & f ^ (e ^ _MASK) & g) + k + w[slot]
        aa = a << 64 | a
        t2 = ((aa >> 28 ^ aa >> 34 ^ aa >> 39) & _MASK) + (a & b ^ a & c ^ b & c)
        h, g, f, e, d, c, b, a = g, f, e, d + t1 & _MASK, c, b, a, t1 + t2 & _MASK
        if t % _ROUNDS_A_SLICE == 0:
            yield
    after = (a, b, c, d, e, f, g, h)
    return [state[i] + after[i] & _MASK for i in range(8)]
