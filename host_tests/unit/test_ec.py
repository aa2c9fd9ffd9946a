"""P-256: the published vectors of RFC 6979, the table of the fixed point, fresh keys, and the length of a slice."""

import hashlib
import os

from check import equal, raises, true
from loop_turns import LoopTurns

from charger.crypto import ec, keys
from charger.crypto.refusals import MALFORMED
from charger.errors import CryptoError
from charger.runtime.cooperative import run, run_now

WORDS = (64, 32)

# RFC 6979 A.2.5: a published example, nobody's key
X = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
UX = 0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
UY = 0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299
SIGNATURES = (
    (
        b"sample",
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    (
        b"test",
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
)


def sha256(message):
    return hashlib.sha256(message).digest()


def test_rfc_6979_vectors():
    public = run_now(ec.public_key(X))
    equal(public, b"\x04" + UX.to_bytes(32, "big") + UY.to_bytes(32, "big"))
    for message, r, s in SIGNATURES:
        signature = run_now(ec.sign(X, sha256(message)))
        equal(ec._read_signature(signature), (r, s))
        equal(run_now(ec.verify(public, sha256(message), signature)), True)
        equal(run_now(ec.verify(public, sha256(message + b"."), signature)), False)


def test_the_table_holds_the_multiples_it_claims():
    # by doubling and adding alone, which the vectors above do not reach through the table
    base = ec.decode_point(run_now(ec.public_key(1)))
    powers = [(base[0], base[1], 1)]
    for _ in range(192):
        powers.append(ec._double(powers[-1]))
    for row in range(8):
        wanted = ec._row(row)
        total = powers[192]
        for bit in range(3):
            x, y, z = powers[64 * bit]
            total = ec._add(total, (x, y if row >> bit & 1 else ec.P - y, z))
        zz = total[2] * total[2] % ec.P
        equal(wanted[0] * zz % ec.P, total[0], "x of row %d" % row)
        equal(wanted[1] * zz * total[2] % ec.P, total[1], "y of row %d" % row)


def test_special_cases_of_the_addition():
    p = run_now(ec._multiply_base(5))
    point = (p[0], p[1], 1)
    negative = (p[0], ec.P - p[1], 1)
    infinity = ec._add(point, negative)
    equal(infinity[2], 0)
    equal(ec._double(infinity)[2], 0)
    equal(ec._add(infinity, point), point)
    twice = ec._add(point, point)
    equal(twice, ec._double(point))
    # the same point in other coordinates is still the same point
    again = ec._add(ec._add(twice, point), (p[0], ec.P - p[1], 1))
    equal(ec._add(twice, (again[0], ec.P - again[1], again[2]))[2], 0)


def test_keys_are_drawn_until_one_is_in_range():
    draws = [bytes(32), ec.N.to_bytes(32, "big"), b"\xff" * 32, b"\x00" * 31 + b"\x02"]
    real = ec.os

    class Fake:
        def urandom(self, size):
            equal(size, 32)
            return draws.pop(0) if draws else real.urandom(size)

    ec.os = Fake()
    try:
        d, public = run_now(ec.generate_key())
    finally:
        ec.os = real
    equal(d, 2)
    equal(public, run_now(ec.public_key(2)))


def test_blinding_does_not_show_in_the_result():
    first = run_now(ec.sign(X, sha256(b"a")))
    for _ in range(4):
        equal(run_now(ec.sign(X, sha256(b"a"))), first)


def test_fresh_keys_sign_and_verify():
    d, public = run_now(ec.generate_key())
    digest = os.urandom(32)
    signature = run_now(ec.sign(d, digest))
    true(run_now(ec.verify(public, digest, signature)))
    other = run_now(ec.public_key(X))
    equal(run_now(ec.verify(other, digest, signature)), False)
    equal(keys.decode_private_key(keys.encode_private_key(d, public)), (d, public))


def test_malformed_private_keys_are_rejected():
    d, public = 2, run_now(ec.public_key(2))
    good = keys.encode_private_key(d, public)
    for n in range(len(good)):
        equal(raises(CryptoError, keys.decode_private_key, good[:n]).kind, MALFORMED, "cut at %d" % n)
    for wrong in (0, ec.N, (1 << 256) - 1):
        equal(raises(CryptoError, keys.decode_private_key, keys.encode_private_key(wrong, public)).kind, MALFORMED)
    equal(raises(CryptoError, keys.decode_private_key, good + b"\x00").kind, MALFORMED)
    moved = keys.encode_private_key(d, public[:-1] + bytes((public[-1] ^ 1,)))
    equal(raises(CryptoError, keys.decode_private_key, moved).kind, MALFORMED)


def test_only_a_sha256_digest_is_signed():
    for size in (0, 20, 31, 33, 64):
        equal(raises(CryptoError, run_now, ec.sign(X, bytes(size))).kind, MALFORMED)


async def test_other_tasks_run_between_the_slices():
    turns = LoopTurns()
    public = await run(ec.public_key(X))
    signature = await run(ec.sign(X, sha256(b"a")))
    before = turns.count
    true(before > 100, "%d turns" % before)
    equal(await run(ec.verify(public, sha256(b"a"), signature)), True)
    true(turns.count - before > 60, "%d turns" % (turns.count - before))
    turns.stop()


async def test_an_error_comes_out_of_the_sliced_run():
    try:
        await run(ec.verify(bytes(65), sha256(b"a"), b""))
    except CryptoError as error:
        equal(error.kind, MALFORMED)
    else:
        raise AssertionError("no error")
