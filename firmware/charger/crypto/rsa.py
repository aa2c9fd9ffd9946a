"""RSA signature verification, 2048 to 4096 bits: PKCS #1 v1.5 and PSS (RFC 8017 8.2.2, 8.1.2). No private keys.

Generators: see runtime/cooperative.py. A malformed signature is False. All values are public, so nothing here is constant time.
"""

import hashlib

from micropython import const

from charger.crypto.refusals import MALFORMED, UNSUPPORTED, WEAK
from charger.errors import CryptoError

MIN_BITS = const(2048)  # WP-9
MAX_BITS = const(4096)
_MAX_EXPONENT_BITS = const(64)

# DER of DigestInfo up to the digest itself (RFC 8017 9.2, note 1)
_DIGEST_INFO = {
    "SHA256": b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
    "SHA384": b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
    "SHA512": b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}


def check_key(n: int, e: int) -> None:
    """CryptoError unless the modulus has 2048 to 4096 bits and is odd, and the exponent is odd, >= 3 and <= 64 bits."""
    if not n >> (MIN_BITS - 1):
        raise CryptoError(WEAK, "RSA key below 2048 bits")
    if n >> MAX_BITS:
        raise CryptoError(UNSUPPORTED, "RSA key above 4096 bits")
    if e < 3:
        raise CryptoError(WEAK, "RSA exponent")
    if not n & 1 or not e & 1:
        raise CryptoError(MALFORMED, "even RSA modulus or exponent")
    if e >> _MAX_EXPONENT_BITS:
        raise CryptoError(UNSUPPORTED, "RSA exponent above 64 bits")


def verify_pkcs1(n: int, e: int, digest: bytes, signature: bytes, hash_name: str = "SHA256") -> Steps:
    """Generator: True when the key (n, e) made the signature over the digest; the whole encoded message is compared.

    The recovered block is not parsed, so no lenient parser can be exploited.
    """
    check_key(n, e)
    if hash_name not in _DIGEST_INFO:
        raise CryptoError(UNSUPPORTED, "hash")
    info = _DIGEST_INFO[hash_name] + digest
    if info[1] != len(info) - 2:
        return False
    size = (_bit_length(n) + 7) // 8
    message = yield from _recover(n, e, signature, size)
    return message == b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def verify_pss(n: int, e: int, digest: bytes, signature: bytes, salt_bytes: int | None = None) -> Steps:
    """Generator: whether signature over a SHA-256 digest is of the key (n, e); MGF1 with SHA-256.

    salt_bytes None takes a salt of any length (WP-33: 32 is usual).
    """
    check_key(n, e)
    if len(digest) != 32:
        return False
    bits = _bit_length(n)
    message = yield from _recover(n, e, signature, (bits + 7) // 8)
    return message is not None and _pss_matches(message, bits - 1, digest, salt_bytes)


def _pss_matches(message: bytes, bits: int, digest: bytes, salt_bytes: int | None) -> bool:
    """EMSA-PSS-VERIFY (RFC 8017 9.1.2) for an encoded message of `bits` bits."""
    size = (bits + 7) // 8
    if size < len(message):  # bits is a multiple of 8: the octet before belongs to nothing
        if message[0]:
            return False
        message = message[1:]
    if message[-1] != 0xBC:
        return False
    h = message[-33:-1]
    mask = _mgf1(h, size - 33)
    block = bytearray([message[i] ^ mask[i] for i in range(size - 33)])
    used = 0xFF >> (8 * size - bits)  # the used bits of the first octet
    if message[0] > used:
        return False
    block[0] &= used
    start = 0
    while start < len(block) and not block[start]:
        start += 1
    if start == len(block) or block[start] != 1:
        return False
    salt = bytes(block[start + 1 :])
    if salt_bytes is not None and len(salt) != salt_bytes:
        return False
    return hashlib.sha256(bytes(8) + digest + salt).digest() == h


def _mgf1(seed: bytes, size: int) -> bytes:
    """MGF1 with SHA-256 (RFC 8017 B.2.1)."""
    blocks = [hashlib.sha256(seed + counter.to_bytes(4, "big")).digest() for counter in range((size + 31) // 32)]
    return b"".join(blocks)[:size]


def _recover(n: int, e: int, signature: bytes, size: int) -> Steps:
    """Generator: signature^e mod n as `size` octets, None when the signature is not a number below n of that size."""
    if len(signature) != size:
        return None
    base = int.from_bytes(signature, "big")
    if base >= n:
        return None
    power = base
    for at in range(_bit_length(e) - 2, -1, -1):
        power = power * power
        yield
        power %= n
        yield
        if e >> at & 1:
            power = power * base
            yield
            power %= n
            yield
    return power.to_bytes(size, "big")


def _bit_length(value: int) -> int:
    """Bits of a number > 0 (MicroPython's int has no bit_length)."""
    size = 0
    while value >> (size + 32):
        size += 32
    while value >> size:
        size += 1
    return size
