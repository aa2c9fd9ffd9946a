"""A corpus of signatures, certificates and keys, valid and manipulated, from a seed; OpenSSL judges what is no longer valid.

A case is (kind, title, question to on_device.py, may it be accepted). A seed gives the same corpus, but for the salts of PSS.
"""

import math

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from crypto.authority import NOW_S, Party
from crypto.curve import N

EXPONENT = 65537
RSA_BITS = (2048, 3072)
HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
PER_RSA_KEY = 25  # signatures: primes are the dear part of a corpus
_SMALL = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2))]


def corpus(rng, size):
    """Yield the cases of `size` signatures or certificates or keys of each kind, each with its manipulations."""
    yield from _ecdsa(rng, size)
    yield from _rsa(rng, size)
    yield from _certificates(rng, size)
    yield from _keys(rng, size)


def _accepts(check, *arguments):
    """True when OpenSSL takes it."""
    try:
        check(*arguments)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def manipulated(rng, data):
    """(title, data) with one bit flipped, one byte removed, one doubled, cut short, and one byte too long."""
    at = rng.randrange(len(data))
    flipped = bytes((data[at] ^ 1 << rng.randrange(8),))
    yield f"bit of byte {at}", data[:at] + flipped + data[at + 1 :]
    yield f"byte {at} removed", data[:at] + data[at + 1 :]
    yield f"byte {at} doubled", data[: at + 1] + data[at:]
    yield f"cut at {at}", data[:at]
    yield "a byte behind it", data + rng.randbytes(1)


def _ec_key(rng):
    return ec.derive_private_key(rng.randrange(1, N), ec.SECP256R1())


def _point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _digest(rng, name="SHA256"):
    return rng.randbytes(HASHES[name].digest_size)


def _ecdsa(rng, size):
    for _ in range(size):
        key, name = _ec_key(rng), rng.choice(list(HASHES))
        digest = _digest(rng, name)
        how = ec.ECDSA(utils.Prehashed(HASHES[name]))
        signature = key.sign(digest, ec.ECDSA(utils.Prehashed(HASHES[name]), deterministic_signing=True))
        r, s = utils.decode_dss_signature(signature)
        forms = [("as it is", digest, signature), ("s negated", digest, utils.encode_dss_signature(r, N - s)),
                 ("s + N", digest, utils.encode_dss_signature(r, s + N)), ("s for r", digest, utils.encode_dss_signature(s, r)),
                 ("another digest", _digest(rng, name), signature)]
        forms += [(title, digest, changed) for title, changed in manipulated(rng, signature)]
        for title, hashed, form in forms:
            case = ["ecdsa_verify", _point(key).hex(), hashed.hex(), form.hex()]
            yield "ECDSA", title, case, _accepts(key.public_key().verify, form, hashed, how)
        stranger = _ec_key(rng)
        yield "ECDSA", "another key", ["ecdsa_verify", _point(stranger).hex(), digest.hex(), signature.hex()], False


def _is_prime(rng, number):
    """Miller and Rabin, 20 rounds."""
    if any(number % small == 0 for small in _SMALL):
        return False
    twos = (number - 1 & -(number - 1)).bit_length() - 1
    for _ in range(20):
        value = pow(rng.randrange(2, number - 1), number - 1 >> twos, number)
        if value in (1, number - 1):
            continue
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


def _prime(rng, bits):
    while True:
        number = rng.getrandbits(bits) | 3 << bits - 2 | 1
        if math.gcd(number - 1, EXPONENT) == 1 and _is_prime(rng, number):
            return number


def _rsa_key(rng, bits):
    p, q = _prime(rng, bits // 2), _prime(rng, bits // 2)
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(EXPONENT, p * q)).private_key()


def _rsa(rng, size):
    key = None
    for number in range(size):
        if number % PER_RSA_KEY == 0:
            key = _rsa_key(rng, RSA_BITS[number // PER_RSA_KEY % len(RSA_BITS)])
        yield from _pkcs1(rng, key)
        yield from _pss(rng, key)


def _pkcs1(rng, key):
    numbers = key.private_numbers()
    n, octets = numbers.public_numbers.n, key.key_size // 8
    name = rng.choice(list(HASHES))
    digest = _digest(rng, name)
    how = padding.PKCS1v15(), utils.Prehashed(HASHES[name])
    signature = key.sign(digest, *how)
    block = pow(int.from_bytes(signature, "big"), EXPONENT, n).to_bytes(octets, "big")
    forms = [("as it is", digest, signature), ("another digest", _digest(rng, name), signature), *(
        (title, digest, changed) for title, changed in manipulated(rng, signature))]
    for title, changed in manipulated(rng, block):  # signed as if the holder of the key encoded badly
        value = int.from_bytes(changed, "big")
        if len(changed) == octets and value < n:
            forms.append(("block: " + title, digest, pow(value, numbers.d, n).to_bytes(octets, "big")))
    for title, hashed, form in forms:
        case = ["rsa_pkcs1", f"{n:x}", EXPONENT, hashed.hex(), form.hex(), name]
        yield "RSA PKCS #1", title, case, _accepts(key.public_key().verify, form, hashed, *how)


def _pss(rng, key):
    n, octets = key.public_key().public_numbers().n, key.key_size // 8
    digest, salt = _digest(rng), rng.choice((0, 20, 32, octets - 34))
    how = padding.PSS(padding.MGF1(hashes.SHA256()), salt), utils.Prehashed(hashes.SHA256())
    signature = key.sign(digest, *how)
    forms = [("as it is", digest, signature), ("another digest", _digest(rng), signature), *(
        (title, digest, changed) for title, changed in manipulated(rng, signature))]
    for title, hashed, form in forms:
        case = ["rsa_pss", f"{n:x}", EXPONENT, hashed.hex(), form.hex(), salt]
        yield "RSA PSS", title, case, _accepts(key.public_key().verify, form, hashed, *how)
    yield "RSA PSS", "another salt length", ["rsa_pss", f"{n:x}", EXPONENT, digest.hex(), signature.hex(), salt + 1], False


def _certificates(rng, size):
    """Chains of root, sub-CA and leaf; each change of sub-CA or leaf breaks a signature."""
    def party(common, issuer=None, **how):
        serial = rng.randrange(1, 1 << rng.randrange(8, 150))
        return Party(common, _ec_key(rng), issuer, serial=serial, deterministic=True, **how)

    def chain(leaf, middle, top):
        return ["check_chain", [leaf.hex(), middle.hex()], [top.der.hex()], NOW_S, "client"]

    for _ in range(size):
        top = party("Root", ca=True)
        middle = party("Sub-CA", top, ca=True, path=rng.choice((None, 0)))
        leaf = party("CP%d" % rng.randrange(10**rng.randrange(1, 12)), middle,
                     hash=rng.choice(list(HASHES.values())), usages=rng.choice((None, [x509.OID_CLIENT_AUTH])))
        yield "X.509", "as it is", chain(leaf.der, middle.der, top), True
        yield "X.509", "another root", chain(leaf.der, middle.der, party("Root", ca=True)), False
        for title, changed in manipulated(rng, leaf.der):
            yield "X.509", "leaf: " + title, chain(changed, middle.der, top), False
        for title, changed in manipulated(rng, middle.der):
            yield "X.509", "sub-CA: " + title, chain(leaf.der, changed, top), False


def public_key_info(key):
    """SubjectPublicKeyInfo in DER."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _keys(rng, size):
    """Public keys, and the unit's own private key."""
    for _ in range(size):
        key = _ec_key(rng)
        info = public_key_info(key.public_key())
        yield "key", "as it is", ["public_key_info", info.hex()], True
        for title, changed in manipulated(rng, info):
            if not _accepts(serialization.load_der_public_key, changed):
                yield "key", title, ["public_key_info", changed.hex()], False
        private = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL,
                                    serialization.NoEncryption())
        yield "key", "private, as it is", ["private_key", private.hex()], True
        for title, changed in list(manipulated(rng, private))[1:]:
            if not _accepts(serialization.load_der_private_key, changed, None):
                yield "key", "private: " + title, ["private_key", changed.hex()], False
        for curve in (ec.SECP384R1(), ec.SECP256K1()):
            other = ec.derive_private_key(rng.randrange(1, 1 << 255), curve)
            yield "key", curve.name, ["public_key_info", public_key_info(other.public_key()).hex()], False
        other = ed25519.Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        yield "key", "Ed25519", ["public_key_info", public_key_info(other.public_key()).hex()], False


def is_accepted(result):
    """True or False for a result of on_device.py; None when the code under test has crashed."""
    if "crash" in result:
        return None
    return "ok" in result and result["ok"] is not False


def wrong_of(cases, results):
    """Texts of the cases that were decided wrongly."""
    found = []
    for (kind, title, case, may), result in zip(cases, results, strict=True):
        accepted = is_accepted(result)
        if accepted is not may:
            verdict = {None: "crash", True: "wrong accept", False: "wrong refuse"}[accepted]
            found.append(f"{kind}, {title}: {verdict}: {result} {case}")
    return found
