"""ECDSA on P-256 with SHA-256: key pairs made on the unit, RFC 6979 signatures, verification.

Points are in Jacobian coordinates (x / z^2, y / z^3), z = 0 at infinity; formulas from the EFD (dbl-2001-b, madd, add).

Side channels, as far as Python integers allow: the multiplication with a secret scalar does the same 63 doublings and
64 additions for every scalar, with no branch on a secret bit (signed comb, all digits odd); it starts from randomly
scaled coordinates; inversions are powers with a public exponent, of blinded values. Two differences are left: MicroPython's
integers take a little less time when they are short, and table look-ups use a secret index, which shows only on a
processor with a data cache in front of RAM. Verification handles public values and takes no such measures.

All long functions are generators: see runtime/cooperative.py. Costs: tools/bench_crypto.py.
"""

import os

from charger.crypto import der
from charger.crypto.hmac import hmac_sha256
from charger.crypto.refusals import MALFORMED
from charger.errors import CryptoError

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

# Eight points x, y: 2^192 G + b2 2^128 G + b1 2^64 G + b0 G, where the bits of the row number say + (1) or - (0).
_COMB = (
    "dca746348411afb57a941b3100c7462ec7dd307902d883402c147bd3023e0a99"
    "a378f49c3c6073e0efa230d38e2875b6d170fe410060632c47b0d520235f3fb0"
    "47b8c15b5931239087f51bcfa6c7513324fc081ad4e6e5c5f7447e16e0b9010a"
    "eab69cfcb27bced91de9c2ead61aa5c0c8cb9d1bc2faa8275d8a5a16d7b4b792"
    "39f2e126e7a90157aff955e975a529794fcfde2a0fcb47e38db221505b370b39"
    "2fe3918b81bac5c2034cfc1d65141b266fdab9fb481de5acc13c7a63865122ba"
    "b98668c64a1d889b37b090171835523743726c12f9021bc1dbd40b537699e898"
    "04ef5fa9a113f297c8daa7515da9f6564ec8476537c48f4ec894a7323a913c3d"
    "8399d76df70660cb574af433f51b14f0accbd9e5a6c902a97342e89b4c02faa6"
    "a08f6b5156ecb1cc58ef27c62016d4c87a47e013c687587274c93f9be68ba2ba"
    "61302d5d508fdc2e7f8ed508a43b83b70ba6d2f4e0103c59d14f8ead7db8cab2"
    "6c584e7f2cc4a0290410b88323e6de4270750b1d46b0f759ebd1782fb01280c1"
    "8781fbdafc931410b414f9cee81ff10c45e388a81fd9d03de47c247d3ce742eb"
    "3eb35234fa6ada4cbfe61ee20c945128cada9ad59713e7caa87b2111082ca20d"
    "b48e26b484f7a21c0a4a46fb6aaf363a66b0de3225c4744b9615b5110d1d78e5"
    "fac015404d4d3dab64131bcdfed6f668c004e4048b7b0f9806ebb0f621a01b2d"
)


def decode_point(public: bytes) -> tuple:
    """(x, y) of an uncompressed public key (65 bytes, SEC 1 2.3.4), proved to be a point of the curve other than
    infinity; CryptoError(MALFORMED) otherwise. The cofactor is 1, so such a point has the right order."""
    if len(public) != 65 or public[0] != 4:
        raise CryptoError(MALFORMED, "not an uncompressed P-256 point")
    x = int.from_bytes(public[1:33], "big")
    y = int.from_bytes(public[33:], "big")
    if x >= P or y >= P or (y * y - (x * x - 3) * x - B) % P:
        raise CryptoError(MALFORMED, "point not on P-256")
    return x, y


def generate_key() -> Steps:
    """Make a key pair: a generator whose result is (private scalar, public key of 65 bytes) (WP-15)."""
    while True:
        d = int.from_bytes(os.urandom(32), "big")
        if 0 < d < N:  # rejection keeps the distribution even; once in 2^32 draws
            break
    public = yield from public_key(d)
    return d, public


def public_key(d: int) -> Steps:
    """Generator: the uncompressed public key, 65 bytes, of a private scalar 0 < d < N."""
    x, y = yield from _multiply_base(d)
    public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    decode_point(public)  # a fault in the arithmetic must not leave the unit
    return public


def sign(d: int, digest: bytes) -> Steps:
    """Generator: the DER signature (SEQUENCE of r, s) over a SHA-256 digest of 32 bytes, nonce by RFC 6979."""
    if len(digest) != 32:
        raise CryptoError(MALFORMED, "digest of %d bytes" % len(digest))
    e = int.from_bytes(digest, "big") % N
    for k in _nonces(d, e):
        x, _ = yield from _multiply_base(k)
        r = x % N
        blind = _random_factor(N)
        inverse = yield from _inverse(k * blind % N, N)
        s = inverse * (blind * e + blind * d % N * r) % N
        if r and s:
            return der.tlv(der.SEQUENCE, der.integer(r), der.integer(s))


def verify(public: bytes, digest: bytes, signature: bytes) -> Steps:
    """Generator: whether a DER signature over a digest (32 to 64 bytes, the leftmost 32 count) is of this public key.

    A malformed signature is False, a malformed public key raises CryptoError.
    """
    point = decode_point(public)
    if not 32 <= len(digest) <= 64:
        return False
    try:
        r, s = _read_signature(signature)
    except CryptoError:
        return False
    if not (0 < r < N and 0 < s < N):
        return False
    w = yield from _inverse(s, N)
    e = int.from_bytes(digest[:32], "big")
    x, _, z = yield from _multiply_two(e * w % N, r * w % N, point)
    if not z:
        return False
    zz = z * z % P
    # x / z^2 mod N == r, compared without a division: the affine x is r or, when that is below P, r + N
    return r * zz % P == x or (r + N < P and (r + N) * zz % P == x)


def _read_signature(signature: bytes) -> tuple:
    if len(signature) > 72:
        raise CryptoError(MALFORMED, "signature too long")
    outer = der.DerReader(signature)
    body = outer.enter()
    outer.finish()
    r = body.unsigned(32)
    s = body.unsigned(32)
    body.finish()
    return r, s


def _nonces(d: int, e: int) -> Iterator:
    """The candidates of RFC 6979 3.2, with e the digest reduced modulo N (bits2octets)."""
    seed = d.to_bytes(32, "big") + e.to_bytes(32, "big")
    value = b"\x01" * 32
    key = hmac_sha256(bytes(32), value, b"\x00", seed)
    value = hmac_sha256(key, value)
    key = hmac_sha256(key, value, b"\x01", seed)
    value = hmac_sha256(key, value)
    while True:
        value = hmac_sha256(key, value)
        k = int.from_bytes(value, "big")
        if 0 < k < N:
            yield k
        key = hmac_sha256(key, value, b"\x00")
        value = hmac_sha256(key, value)


def _random_factor(modulus: int) -> int:
    """A random number that is not 0 modulo `modulus`, for blinding (an even distribution is not needed)."""
    return int.from_bytes(os.urandom(32), "big") % (modulus - 1) + 1


def _inverse(value: int, prime: int) -> Steps:
    """Generator: 1 / value modulo a prime of 256 bits: value^(prime - 2), by four bits of the public exponent at a time."""
    powers = [1]
    for _ in range(15):
        powers.append(powers[-1] * value % prime)
    yield
    power = 1
    for at, digit in enumerate((prime - 2).to_bytes(32, "big")):
        power = pow(power, 16, prime) * powers[digit >> 4] % prime
        power = pow(power, 16, prime) * powers[digit & 15] % prime
        if at & 3 == 3:
            yield
    return power


def _double(point: tuple) -> tuple:
    """2 * point: 8 multiplications. Infinity stays infinity."""
    x, y, z = point
    delta = z * z % P
    gamma = y * y % P
    beta = x * gamma % P
    alpha = 3 * (x - delta) * (x + delta) % P
    x3 = (alpha * alpha - 8 * beta) % P
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % P, 2 * y * z % P


def _add(first: tuple, second: tuple) -> tuple:
    """first + second, where second is not infinity: 11 multiplications when its z is 1, else 16.

    No scalar 0 < k < N meets the special cases in _multiply_base (host_tests/crypto shows it), so nothing branches on
    a secret here.
    """
    x1, y1, z1 = first
    x2, y2, z2 = second
    if not z1:
        return second
    zz = z1 * z1 % P
    h = x2 * zz % P
    r = y2 * zz % P * z1 % P
    if z2 != 1:
        zz = z2 * z2 % P
        x1 = x1 * zz % P
        y1 = y1 * zz % P * z2 % P
        z1 = z1 * z2 % P
    h -= x1
    r -= y1
    if not h:
        return (1, 1, 0) if r else _double(second)
    hh = h * h % P
    hhh = h * hh % P
    v = x1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - y1 * hhh) % P, z1 * h % P


def _row(number: int) -> tuple:
    """(x, y) of a row of the table, from its 128 digits each time: as numbers the table would take 3 KB of the heap."""
    at = number * 128
    return int(_COMB[at : at + 64], 16), int(_COMB[at + 64 : at + 128], 16)


class _Comb:
    """A scalar 0 <= k <= N in 64 columns of four digits +1 or -1, so that k G = sum of 2^j * column(j).

    An even k is replaced by N - k, which is odd, and the sign of every column is inverted.
    """

    def __init__(self, k: int):
        even = 1 - (k & 1)
        # k = sum of (2 c_i - 1) 2^i over 256 bits, so c = (k + 2^256 - 1) / 2
        self.bits = (((k, N - k)[even] + (1 << 256) - 1) >> 1).to_bytes(32, "big")
        self.even = even

    def column(self, j: int) -> tuple:
        """The j-th point, z = 1."""
        at = 7 - (j >> 3)
        shift = j & 7
        bits = self.bits
        top = bits[at] >> shift & 1
        low = (bits[at + 8] >> shift & 1) << 2 | (bits[at + 16] >> shift & 1) << 1 | bits[at + 24] >> shift & 1
        x, y = _row(low ^ (top - 1 & 7))
        return x, (P - y, y)[top ^ self.even], 1


def _multiply_base(k: int) -> Steps:
    """Generator: affine (x, y) of k G for a secret 0 < k < N."""
    comb = _Comb(k)
    x, y, _ = comb.column(63)
    z = _random_factor(P)
    zz = z * z % P
    point = (x * zz % P, y * zz % P * z % P, z)
    for j in range(62, -1, -1):
        point = _add(_double(point), comb.column(j))
        yield
    x, y, z = point
    inverse = yield from _inverse(z, P)
    zz = inverse * inverse % P
    return x * zz % P, y * zz % P * inverse % P


def _naf(k: int) -> bytearray:
    """The width-4 non-adjacent form of k, lowest digit first, each digit (odd, -7..7, or 0) modulo 16."""
    digits = bytearray(257)
    at = 0
    while k:
        if k & 1:
            digit = k & 15
            digits[at] = digit
            k -= digit if digit < 8 else digit - 16
        k >>= 1
        at += 1
    return digits


def _multiply_two(u1: int, u2: int, point: tuple) -> Steps:
    """Generator: u1 G + u2 point in Jacobian coordinates, in variable time, for public 0 <= u1, u2 < N."""
    x, y = point
    multiples = [(x, y, 1)]  # the odd ones, 1 to 7; more would be 3 % faster and take another KB
    twice = _double(multiples[0])
    for _ in range(3):
        multiples.append(_add(multiples[-1], twice))
    yield
    digits = _naf(u2)
    comb = _Comb(u1)
    total = (1, 1, 0)
    for j in range(256, -1, -1):
        total = _double(total)
        digit = digits[j]
        if digit:
            x, y, z = multiples[(digit if digit < 8 else 16 - digit) >> 1]
            total = _add(total, (x, y if digit < 8 else P - y, z))
        if j < 64:
            total = _add(total, comb.column(j))
        if not j & 3:
            yield
    return total
