"""RSA verification: valid signatures by OpenSSL, and forged encodings signed with the raw private operation."""

import functools
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from crypto.device import ok, refused

HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
# DigestInfo by the book (RFC 8017 9.2): SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING }
SHA256_ID = bytes.fromhex("0609608648016503040201")


@functools.cache
def private_key(bits: int, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """A key, made once a test run. OpenSSL makes even sizes only: an odd one takes its primes from two keys."""
    if bits % 2:
        p = private_key(bits + 1).private_numbers().p
        q = private_key(bits - 1).private_numbers().p
        d = pow(exponent, -1, (p - 1) * (q - 1))
        crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
        key = rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(exponent, p * q)).private_key()
    else:
        key = rsa.generate_private_key(exponent, bits)
    assert key.key_size == bits
    return key


def numbers(key: rsa.RSAPrivateKey) -> tuple:
    public = key.public_key().public_numbers()
    return public.n, public.e, key.private_numbers().d


def pkcs1_case(name, key, digest, signature, wanted, hash_name="SHA256"):
    n, e, _ = numbers(key)
    return name, ["rsa_pkcs1", f"{n:x}", e, digest.hex(), signature.hex(), hash_name], ok(wanted)


def pss_case(name, key, digest, signature, wanted, salt_bytes=None):
    n, e, _ = numbers(key)
    return name, ["rsa_pss", f"{n:x}", e, digest.hex(), signature.hex(), salt_bytes], ok(wanted)


def raw_sign(key: rsa.RSAPrivateKey, message: bytes) -> bytes:
    """The private operation on an encoded message of any form."""
    n, _, d = numbers(key)
    return pow(int.from_bytes(message, "big"), d, n).to_bytes((n.bit_length() + 7) // 8, "big")


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("bits", (2048, 2049, 2056, 3072, 4096))
def test_both_paddings_at_every_size(device, rng, bits):
    key = private_key(bits)
    size = (bits + 7) // 8
    cases = []
    for name, algorithm in HASHES.items():
        message = rng.randbytes(99)
        digest = hashlib.new(name, message).digest()
        signature = key.sign(message, padding.PKCS1v15(), algorithm)
        cases.append(pkcs1_case(name, key, digest, signature, True, name))
        cases.append(pkcs1_case(name + " digest", key, flip(digest, 5), signature, False, name))
        cases.append(pkcs1_case(name + " flip", key, digest, flip(signature, rng.randrange(8 * size)), False, name))
    message = rng.randbytes(99)
    digest = hashlib.sha256(message).digest()
    for salt in (0, 1, 20, 32, 64, size - 34 - (bits % 8 == 1)):
        signature = key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
        cases.append(pss_case(f"salt {salt}", key, digest, signature, True))
        cases.append(pss_case(f"salt {salt} demanded", key, digest, signature, True, salt))
        cases.append(pss_case(f"salt {salt} where {salt + 1} is due", key, digest, signature, False, salt + 1))
        cases.append(pss_case("digest", key, flip(digest, 255), signature, False))
        cases.append(pss_case("flip", key, digest, flip(signature, rng.randrange(8 * size)), False))
        cases.append(pkcs1_case("PSS as PKCS #1", key, digest, signature, False))
    device.compare(cases)


def test_lenient_readings_of_the_pkcs1_block_are_all_refused(device):
    key = private_key(2048)
    digest = hashlib.sha256(b"message").digest()
    info = b"\x30\x31\x30\x0d" + SHA256_ID + b"\x05\x00\x04\x20" + digest
    without_null = b"\x30\x2f\x30\x0b" + SHA256_ID + b"\x04\x20" + digest

    def block(tail: bytes, head: bytes = b"\x00\x01", fill: bytes = b"\xff") -> bytes:
        return head + fill * (256 - len(head) - 1 - len(tail)) + b"\x00" + tail

    good = block(info)
    forms = {
        "no NULL": block(without_null),
        "no DigestInfo": block(digest),
        "long form length": block(b"\x30\x81\x31" + info[2:]),
        "indefinite length": block(b"\x30\x80" + info[2:] + b"\x00\x00"),
        "NULL with content": block(b"\x30\x33\x30\x0f" + SHA256_ID + b"\x05\x02\xab\xcd\x04\x20" + digest),
        "SHA-384's identifier": block(info[:14] + b"\x02" + info[15:]),
        "SHA-1's identifier": block(bytes.fromhex("3021300906052b0e03021a05000414") + digest[:20]),
        "another digest": block(info[:-1] + bytes((info[-1] ^ 1,))),
        "digest of 31 bytes": block(b"\x30\x30" + info[2:17] + b"\x04\x1f" + digest[:31]),
        "trailing byte": block(info + b"\x00"),
        "garbage after a short pad": b"\x00\x01" + b"\xff" * 8 + b"\x00" + info + bytes(256 - 11 - len(info)),
        "no padding": b"\x00\x01\x00" + info + bytes(256 - 3 - len(info)),
        "block type 0": block(info, b"\x00\x00", b"\x00"),
        "block type 2": block(info, b"\x00\x02"),
        "block type 0xff": block(info, b"\x00\xff"),
        "zeros as padding": block(info, fill=b"\x00"),
        "one pad octet fe": good[:100] + b"\xfe" + good[101:],
        "one pad octet 00": good[:100] + b"\x00" + good[101:],
        "no separator": good[: 256 - len(info) - 1] + b"\xff" + info,
        "shifted by one": good[1:] + b"\x00",
        "all zero": bytes(256),
        "one": bytes(255) + b"\x01",
    }
    cases = [pkcs1_case("as it should be", key, digest, raw_sign(key, good), True)]
    cases += [pkcs1_case(name, key, digest, raw_sign(key, form), False) for name, form in forms.items()]
    short = block(info[:-1])  # a block that fits a digest of 31 octets and claims 32
    cases.append(pkcs1_case("short digest", key, digest[:31], raw_sign(key, short), False))
    assert all(len(form) == 256 for form in forms.values())
    device.compare(cases)


def test_cube_root_forgery_with_exponent_three(device):
    # Bleichenbacher 2006: with e = 3 a number whose cube starts like a signature block needs no private key.
    key = private_key(2048, 3)
    digest = hashlib.sha256(b"message").digest()
    info = b"\x30\x31\x30\x0d" + SHA256_ID + b"\x05\x00\x04\x20" + digest
    start = b"\x00\x01" + b"\xff" * 8 + b"\x00" + info
    target = int.from_bytes(start + b"\xff" * (256 - len(start)), "big")
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= target else (low, middle - 1)
    assert (low**3).to_bytes(256, "big").startswith(start)
    honest = key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    device.compare(
        [
            pkcs1_case("forged", key, digest, low.to_bytes(256, "big"), False),
            pkcs1_case("honest", key, digest, honest, True),
        ]
    )


def mgf1(seed: bytes, size: int, name: str = "sha256") -> bytes:
    blocks = b""
    counter = 0
    while len(blocks) < size:
        blocks += hashlib.new(name, seed + counter.to_bytes(4, "big")).digest()
        counter += 1
    return blocks[:size]


def pss_block(bits: int, digest: bytes, salt: bytes = b"s" * 32, **odd) -> bytes:
    """EMSA-PSS-ENCODE (RFC 8017 9.1.1) with room for mistakes."""
    size = (bits + 6) // 8
    h = hashlib.sha256(odd.get("prefix", bytes(8)) + digest + salt).digest()
    h = odd.get("h", h)
    db = odd.get("pad", bytes(size - len(salt) - 34)) + odd.get("one", b"\x01") + salt
    masked = bytearray(a ^ b for a, b in zip(db, mgf1(h, len(db), odd.get("mgf", "sha256")), strict=True))
    if odd.get("clear", True):
        masked[0] &= 0xFF >> (8 * size - (bits - 1))
    masked[0] |= odd.get("high", 0)
    return bytes(masked) + h + odd.get("trailer", b"\xbc")


def test_faults_in_the_pss_block(device):
    key = private_key(2048)
    digest = hashlib.sha256(b"message").digest()
    pad = 256 - 32 - 34
    forms = {
        "trailer bd": {"trailer": b"\xbd"},
        "trailer cc": {"trailer": b"\xcc"},
        "one is two": {"one": b"\x02"},
        "one is zero": {"one": b"\x00"},
        "pad not zero": {"pad": bytes(pad - 1) + b"\x80"},
        "pad starts with one bit": {"pad": b"\x01" + bytes(pad - 1)},
        "no zeros before hash": {"prefix": b""},
        "other prefix": {"prefix": bytes(7) + b"\x01"},
        "mask by SHA-1": {"mgf": "sha1"},
        "mask by SHA-512": {"mgf": "sha512"},
        "hash of nothing": {"h": bytes(32)},
    }
    good = pss_block(2048, digest)
    cases = [pss_case("as it should be", key, digest, raw_sign(key, good), True)]
    for name, odd in forms.items():
        signature = raw_sign(key, pss_block(2048, digest, **odd))
        cases.append(pss_case(name, key, digest, signature, False))
        cases.append(pss_case(name, key, digest, signature, False, 32))
    for odd in (digest[:31], digest + b"\x00", b""):
        cases.append(pss_case("digest length", key, odd, raw_sign(key, pss_block(2048, odd)), False))
    # all padding zero and no salt: nothing marks the end of the padding
    empty = pss_block(2048, digest, b"", one=b"\x00")
    cases.append(pss_case("no end of padding", key, digest, raw_sign(key, empty), False))
    device.compare(cases)


def test_high_bits_of_the_pss_block_must_be_zero(device):
    # A modulus with a leading 11 leaves room for a block whose unused top bit is set.
    key = next(key for key in iter(lambda: rsa.generate_private_key(65537, 2048), None) if numbers(key)[0] >> 2046 == 3)
    digest = hashlib.sha256(b"message").digest()
    n, _, _ = numbers(key)
    cases = []
    for salt_octet in range(256):
        block = pss_block(2048, digest, bytes((salt_octet,)) * 32, high=0x80)
        if int.from_bytes(block, "big") < n:
            cases.append(pss_case("high bit", key, digest, raw_sign(key, block), False))
            cases.append(pss_case("low", key, digest, raw_sign(key, bytes((block[0] & 0x7F,)) + block[1:]), True))
        if len(cases) == 6:
            break
    # 2049 bits: the block is one octet shorter than the modulus, whose top octet can only be 0 or 1
    key = private_key(2049)
    # (with an octet below 0x10 behind a top octet of 1 it is below the modulus, which has two leading ones)
    block = next(b for b in (pss_block(2049, digest, bytes((i,)) * 32) for i in range(256)) if b[0] < 0x10)
    assert len(block) == 256
    cases.append(pss_case("2049 bits", key, digest, raw_sign(key, b"\x00" + block), True))
    cases.append(pss_case("octet before the block", key, digest, raw_sign(key, b"\x01" + block), False))
    assert len(cases) >= 8
    device.compare(cases)


def test_signature_values_out_of_range(device):
    key = private_key(2048)
    n, _, _ = numbers(key)
    digest = hashlib.sha256(b"message").digest()
    signature = key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    value = int.from_bytes(signature, "big")
    wrong = {
        "empty": b"",
        "short": signature[:-1],
        "long": signature + b"\x00",
        "leading zero": b"\x00" + signature,
        "zero": bytes(256),
        "n": n.to_bytes(256, "big"),
        "n - 1": (n - 1).to_bytes(256, "big"),
        "negated": (n - value).to_bytes(256, "big"),
        "all ones": b"\xff" * 256,
    }
    message = 0
    while value + n >= 1 << 2048:
        message += 1
        value = int.from_bytes(key.sign(b"%d" % message, padding.PKCS1v15(), hashes.SHA256()), "big")
    beyond = hashlib.sha256(b"%d" % message if message else b"message").digest()
    cases = [
        pkcs1_case("s", key, beyond, value.to_bytes(256, "big"), True),
        pkcs1_case("s + n", key, beyond, (value + n).to_bytes(256, "big"), False),
    ]
    cases += [pkcs1_case(name, key, digest, form, False) for name, form in wrong.items()]
    cases += [pss_case(name, key, digest, form, False) for name, form in wrong.items()]
    device.compare(cases)


def test_keys_outside_the_rules_are_refused(device):
    n, e, _ = numbers(private_key(2048))
    weak, weak_e, _ = numbers(private_key(1024))
    large = (1 << 4097) + 1
    keys = {
        "1024 bits": (weak, weak_e, "weak"),
        "2047 bits": (n >> 1 | 1, e, "weak"),
        "4098 bits": (large, e, "unsupported"),
        "even modulus": (n - 1, e, "malformed"),
        "even exponent": (n, 65536, "malformed"),
        "exponent 1": (n, 1, "weak"),
        "exponent 0": (n, 0, "weak"),
        "negative exponent": (n, -3, "weak"),
        "exponent of 65 bits": (n, (1 << 64) + 1, "unsupported"),
        "modulus 0": (0, e, "weak"),
    }
    cases = []
    for name, (modulus, exponent, kind) in keys.items():
        for function, last in (("rsa_pkcs1", "SHA256"), ("rsa_pss", None)):
            case = [function, f"{modulus:x}", exponent, bytes(32).hex(), bytes(256).hex(), last]
            cases.append((name, case, refused(kind)))
    device.compare(cases)


def test_sha2_against_hashlib(device, rng):
    cases = []
    for name in HASHES:
        for size in (0, 1, 55, 56, 63, 64, 111, 112, 119, 120, 127, 128, 129, 239, 240, 256, 1000):
            data = rng.randbytes(size)
            cases.append((f"{name} of {size}", ["digest", name, data.hex()], ok(hashlib.new(name, data).hexdigest())))
    cases.append(("SHA1", ["digest", "SHA1", ""], refused("unsupported")))
    device.compare(cases)
