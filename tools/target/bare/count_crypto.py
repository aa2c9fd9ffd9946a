"""Key derivation and signatures, in slices: all of each, and its longest slice."""

import gc
import hashlib

import counting

from charger.crypto import ec, pbkdf2, rsa
from charger.runtime.cooperative import run_now

DIGEST = hashlib.sha256(b"count").digest()


def slices(name, make):
    """A computation in slices: all of it, and the longest slice. It collects when the heap is full, as on a board."""
    run_now(make())
    gc.collect()
    counting.begin()
    run_now(make())
    print("count", name, counting.end())
    gc.collect()
    steps, longest = make(), 0
    while True:
        counting.begin()
        try:
            next(steps)
        except StopIteration:
            longest = max(longest, counting.end())
            break
        longest = max(longest, counting.end())
    print("count", name + ".slice", longest)


def main():
    """All of them; the RSA numbers need not be a real key, the work is the same."""
    slices("pbkdf2.1000", lambda: pbkdf2.derive(b"123456", b"salt" * 4, 1000))
    d, public = run_now(ec.generate_key())
    signature = run_now(ec.sign(d, DIGEST))
    slices("ecdsa.verify", lambda: ec.verify(public, DIGEST, signature))
    slices("ecdsa.sign", lambda: ec.sign(d, DIGEST))
    slices("ec.generate_key", ec.generate_key)
    for bits in (2048, 3072):
        n = (1 << bits) - 12345
        number = b"\x7f" * (bits // 8)
        slices("rsa%d.verify" % bits, lambda n=n, number=number: rsa.verify_pkcs1(n, 65537, DIGEST, number))


main()
