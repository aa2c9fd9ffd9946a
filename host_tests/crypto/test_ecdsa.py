"""ECDSA on P-256: vectors in the manner of Wycheproof, each judged by OpenSSL as well."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from crypto import curve
from crypto.curve import G, N, P
from crypto.device import ok, refused


def der_integer(value: int) -> bytes:
    raw = value.to_bytes(max(1, value.bit_length() // 8 + 1), "big", signed=True)
    return bytes((2, len(raw))) + raw


def signature(r: int, s: int) -> bytes:
    body = der_integer(r) + der_integer(s)
    return bytes((0x30, len(body))) + body


def openssl_accepts(public: bytes, digest: bytes, sig: bytes) -> bool:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    algorithm = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}[len(digest)]
    try:
        key.verify(sig, digest, ec.ECDSA(utils.Prehashed(algorithm)))
    except (InvalidSignature, ValueError):
        return False
    return True


def base_multiple(k: int) -> tuple:
    """k G by OpenSSL, much faster than by curve.py."""
    numbers = ec.derive_private_key(k % N, ec.SECP256R1()).public_key().public_numbers()
    return numbers.x, numbers.y


def vector(name: str, public: bytes, digest: bytes, sig: bytes, valid: bool) -> tuple:
    """A case for the device, once OpenSSL agrees with what the case is meant to be."""
    assert openssl_accepts(public, digest, sig) is valid, name
    return name, ["ecdsa_verify", public.hex(), digest.hex(), sig.hex()], ok(valid)


def fresh(rng) -> tuple:
    """(private key object, public bytes, digest, signature, r, s)"""
    key = ec.generate_private_key(ec.SECP256R1())
    public = curve.encode((key.public_key().public_numbers().x, key.public_key().public_numbers().y))
    digest = hashlib.sha256(rng.randbytes(rng.randrange(200))).digest()
    sig = key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    return key, public, digest, sig, *utils.decode_dss_signature(sig)


def test_signatures_of_random_keys_and_their_single_bit_flips(device, rng):
    cases = []
    for _ in range(8):
        _, public, digest, sig, _, _ = fresh(rng)
        cases.append(vector("valid", public, digest, sig, True))
        for _ in range(6):
            flipped = bytearray(sig)
            flipped[rng.randrange(len(sig))] ^= 1 << rng.randrange(8)
            cases.append(vector("flipped signature", public, digest, bytes(flipped), False))
        other = bytearray(digest)
        other[rng.randrange(32)] ^= 1 << rng.randrange(8)
        cases.append(vector("flipped digest", public, bytes(other), sig, False))
    device.compare(cases)


def test_values_of_r_and_s_out_of_range(device, rng):
    _, public, digest, sig, r, s = fresh(rng)
    cases = [
        vector("as it is", public, digest, sig, True),
        vector("s negated is valid too", public, digest, signature(r, N - s), True),
        vector("r and s swapped", public, digest, signature(s, r), False),
    ]
    edges = (0, 1, 2, -1, N - 1, N, N + 1, P - 1, P, P + 1, 2**255, 2**256 - 1, 2**256, 2**264 + 1)
    for a in edges:
        cases.append(vector(f"r = {a}", public, digest, signature(a, s), False))
        cases.append(vector(f"s = {a}", public, digest, signature(r, a), False))
        cases += [vector(f"r = {a}, s = {b}", public, digest, signature(a, b), False) for b in edges]
    for name, a, b in (("r + N", r + N, s), ("s + N", r, s + N), ("-r", -r, s), ("-s", r, -s), ("N - r", N - r, s)):
        cases.append(vector(name, public, digest, signature(a, b), False))
    device.compare(cases)


def test_encodings_other_than_der(device, rng):
    _, public, digest, sig, r, s = fresh(rng)
    a, b = der_integer(r), der_integer(s)
    body = a + b

    def sequence(inside: bytes) -> bytes:
        return bytes((0x30, len(inside))) + inside

    forms = {
        "empty": b"",
        "empty sequence": b"\x30\x00",
        "one integer": sequence(a),
        "three integers": sequence(body + b"\x02\x01\x01"),
        "long form of a short length": b"\x30\x81" + bytes((len(body),)) + body,
        "long form in two octets": b"\x30\x82\x00" + bytes((len(body),)) + body,
        "long form in four octets": b"\x30\x84\x00\x00\x00" + bytes((len(body),)) + body,
        "length of 2^64": b"\x30\x89\x01" + bytes(8) + body,
        "length octets missing": b"\x30\x82",
        "indefinite length": b"\x30\x80" + body + b"\x00\x00",
        "trailing byte": sig + b"\x00",
        "trailing byte inside": sequence(body + b"\x00"),
        "length too great": bytes((0x30, len(body) + 1)) + body,
        "length too small": bytes((0x30, len(body) - 1)) + body,
        "length 0xff": b"\x30\xff" + body,
        "set": b"\x31" + sig[1:],
        "primitive sequence": b"\x10" + sig[1:],
        "octet string": sequence(b"\x04" + a[1:] + b),
        "leading zero in r": sequence(b"\x02" + bytes((len(a) - 1,)) + b"\x00" + a[2:] + b),
        "leading zero in s": sequence(a + b"\x02" + bytes((len(b) - 1,)) + b"\x00" + b[2:]),
        "empty r": sequence(b"\x02\x00" + b),
        "null r": sequence(b"\x05\x00" + b),
        "raw": r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        "raw in front": r.to_bytes(32, "big") + sig,
    }
    cases = [vector(name, public, digest, form, False) for name, form in forms.items()]
    cases += [vector(f"cut to {n}", public, digest, sig[:n], False) for n in range(len(sig))]
    device.compare(cases)


def test_crafted_scalars_meet_every_special_case_of_the_point_arithmetic(device):
    # With u1 = e / s and u2 = r / s chosen first, any combination can be made a valid signature of a known key.
    cases = []
    scalars = (0, 1, 2, 3, 16, 31, 2**64, 2**192, 2**255, N // 2, N // 2 + 1, N - 2, N - 1)
    for d in (1, 2, 3, 31, 2**64, 2**192, N // 2, N - 2, N - 1):
        q = base_multiple(d)
        for u1 in scalars:
            for u2 in scalars[1:]:
                if not (u1 + u2 * d) % N:
                    continue
                point = base_multiple(u1 + u2 * d)
                r = point[0] % N
                s = r * pow(u2, -1, N) % N
                digest = (u1 * s % N).to_bytes(32, "big")
                cases.append((f"d={d} u1={u1} u2={u2}", curve.encode(q), digest, signature(r, s)))
    # every one against OpenSSL; on the device every third, since each takes 5 ms
    judged = [vector(*case, True) for case in cases]
    device.compare(judged[::3])


def comb_columns(k: int) -> list:
    """The scalars of the columns that firmware's fixed-base comb adds for k, lowest first: sum of 2^j column_j = k."""
    odd = k if k & 1 else N - k
    bits = (odd + 2**256 - 1) >> 1
    columns = [sum((1 if bits >> (j + 64 * t) & 1 else -1) << (64 * t) for t in range(4)) for j in range(64)]
    return columns if k & 1 else [-column for column in columns]


def naf_digits(k: int) -> list:
    """The width-4 non-adjacent form, lowest first."""
    digits = []
    while k:
        digit = (k & 15) - (16 if k & 8 else 0) if k & 1 else 0
        digits.append(digit)
        k = (k - digit) >> 1
    return digits + [0] * (257 - len(digits))


def interleaved_sums(u1: int, u2: int) -> list:
    """For each addition of the double multiplication (a, b, a', b'): the sum a G + b Q so far and the term to add."""
    columns, digits = comb_columns(u1), naf_digits(u2)
    a = b = 0
    steps = []
    for j in range(256, -1, -1):
        a, b = 2 * a, 2 * b
        if digits[j]:
            steps.append((a, b, 0, digits[j]))
            b += digits[j]
        if j < 64:
            steps.append((a, b, columns[j], 0))
            a += columns[j]
    assert (a - u1) % N == 0
    assert b == u2
    return steps


def test_keys_for_which_a_step_doubles_or_cancels(device, rng):
    # For any u1, u2 and any step of firmware's loop there is a key whose multiple makes the two summands equal, or
    # opposite, just there: the addition formula's two special cases, in the middle of a valid signature.
    cases = []
    for _ in range(3):
        u1, u2 = rng.randrange(1, N), rng.randrange(1, N)
        for a, b, added_a, added_b in rng.sample(interleaved_sums(u1, u2)[1:], 30):
            for sign in (1, -1):
                # a + b d = sign (added_a + added_b d)
                slope = (b - sign * added_b) % N
                d = (sign * added_a - a) * pow(slope, -1, N) % N if slope else 0
                if not d or not (u1 + u2 * d) % N:
                    continue
                r = base_multiple(u1 + u2 * d)[0] % N
                s = r * pow(u2, -1, N) % N
                digest = (u1 * s % N).to_bytes(32, "big")
                public = curve.encode(base_multiple(d))
                cases.append(vector(f"u1={u1} u2={u2} d={d}", public, digest, signature(r, s), True))
    assert len(cases) > 90
    device.compare(cases)


def test_no_secret_scalar_meets_a_special_case_of_the_addition():
    # Before the last column the doubled sums are well below N in size, and even, so none is +-column, which is odd. At
    # the last one the doubled sum is k - column: equal to -column for no k, to column for k = 2 column only.
    for first in range(16):
        column = sum((1 if first >> t & 1 else -1) << (64 * t) for t in range(4))
        for k in (2 * column % N, -2 * column % N):
            total = 0
            columns = comb_columns(k)
            for j in range(63, -1, -1):
                assert j == 63 or (2 * total - columns[j]) % N
                assert j == 63 or (2 * total + columns[j]) % N
                total = 2 * total + columns[j]
                assert j <= 1 or abs(2 * total) + 2**193 < N
            assert (total - k) % N == 0


def test_sum_at_infinity_is_no_signature(device):
    # u1 + u2 d = 0: whatever r is, there is no x to compare it with.
    cases = []
    for d, u2 in ((1, 5), (N - 1, 5), (7, N - 3), (2**192, 1)):
        for r in (1, 5, G[0] % N):
            s = r * pow(u2, -1, N) % N
            digest = (-u2 * d * s % N).to_bytes(32, "big")
            q = curve.encode(curve.multiply(d, G))
            cases.append(vector(f"infinity, d={d} u2={u2} r={r}", q, digest, signature(r, s), False))
    device.compare(cases)


def test_x_coordinate_between_n_and_p(device):
    # r = x - N: the one case where the comparison has to add N back.
    cases = []
    x = N
    while len(cases) < 3:
        x += 1
        point = curve.lift(x)
        if point is None:
            continue
        r, s, e = x - N, 0x1234567, 0x89ABCDEF
        # Q = (s R - e G) / r
        target = curve.add(curve.multiply(s, point), curve.multiply(N - e, G))
        q = curve.multiply(pow(r, -1, N), target)
        digest = e.to_bytes(32, "big")
        cases.append(vector(f"x = N + {r}", curve.encode(q), digest, signature(r, s), True))
        cases.append(vector(f"x = N + {r}, r = x", curve.encode(q), digest, signature(x, s), False))
        # the same r as a plain x is another point
        cases.append(vector("other r", curve.encode(q), digest, signature(r + 1, s), False))
    device.compare(cases)


def test_digest_values_and_longer_hashes(device, rng):
    key, public, *_ = fresh(rng)
    cases = []
    for digest in (bytes(32), b"\xff" * 32, N.to_bytes(32, "big"), (N - 1).to_bytes(32, "big"), bytes(31) + b"\x01"):
        sig = key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        cases.append(vector(f"digest {digest.hex()}", public, digest, sig, True))
    for algorithm in (hashes.SHA384(), hashes.SHA512()):
        digest = rng.randbytes(algorithm.digest_size)
        sig = key.sign(digest, ec.ECDSA(utils.Prehashed(algorithm)))
        cases.append(vector(algorithm.name, public, digest, sig, True))
        changed = digest[:31] + bytes((digest[31] ^ 1,)) + digest[32:]
        cases.append(vector(algorithm.name + " changed", public, changed, sig, False))
    sig = key.sign(bytes(20), ec.ECDSA(utils.Prehashed(hashes.SHA1())))
    cases.append(("SHA-1 digest", ["ecdsa_verify", public.hex(), bytes(20).hex(), sig.hex()], ok(False)))
    device.compare(cases)


def test_invalid_public_keys_are_rejected(device, rng):
    _, public, digest, sig, _, _ = fresh(rng)
    x, y = curve.decode(public)
    root = curve.lift(5)  # a point whose x + P still has 256 bits: x must not be accepted unreduced

    def point(a: int, b: int) -> bytes:
        return b"\x04" + a.to_bytes(32, "big") + b.to_bytes(32, "big")

    keys = {
        "y + 1": point(x, y ^ 1),
        "swapped": point(y, x),
        "zero": point(0, 0),
        "zero x": point(0, 1),
        "x = P": point(P, y),
        "x + P": point(root[0] + P, root[1]),
        "y = P": point(x, P),
        "all ones": point(2**256 - 1, 2**256 - 1),
        "infinity": b"\x00",
        "empty": b"",
        "compressed": bytes((2 + (y & 1),)) + public[1:33],
        "hybrid": bytes((6 + (y & 1),)) + public[1:],
        "short": public[:-1],
        "long": public + b"\x00",
        "on the twist": point(next(a for a in range(1, 99) if curve.lift(a) is None), 7),
        "on secp256k1": point(
            0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
            0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
        ),
    }
    device.compare(
        [(name, ["ecdsa_verify", key.hex(), digest.hex(), sig.hex()], refused("malformed")) for name, key in keys.items()]
    )


def test_signing_is_rfc_6979_like_openssl(device, rng):
    cases = []
    scalars = [rng.randrange(1, N) for _ in range(12)] + [1, 2, 3, 4, 2**64, 2**192, N // 2, N - 3, N - 2, N - 1]
    for d in scalars:
        digest = rng.randbytes(32) if d % 3 else b"\xff" * 32
        key = ec.derive_private_key(d, ec.SECP256R1())
        algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)
        wanted = key.sign(digest, algorithm).hex()
        cases.append((f"d={d:x}", ["ecdsa_sign", f"{d:x}", digest.hex()], ok(wanted)))
    device.compare(cases)


def test_public_key_of_special_and_random_scalars(device, rng):
    scalars = [*range(1, 40), *range(N - 20, N)]
    scalars += [2**n for n in range(0, 256, 5)] + [2**n - 1 for n in range(1, 256, 7)]
    scalars += [rng.randrange(1, N) for _ in range(40)]
    device.compare([(f"{d:x}", ["public_key", f"{d:x}"], ok(curve.encode(base_multiple(d)).hex())) for d in scalars])


def test_generated_keys_work_elsewhere_and_differ(device):
    results = [result["ok"] for result in device.evaluate([["generate_key"]] * 8)]
    assert len({d for d, _, _ in results}) == 8
    for d, public, encoded in results:
        key = serialization.load_der_private_key(bytes.fromhex(encoded), None)
        assert key.private_numbers().private_value == int(d, 16)
        numbers = key.public_key().public_numbers()
        assert curve.encode((numbers.x, numbers.y)).hex() == public
