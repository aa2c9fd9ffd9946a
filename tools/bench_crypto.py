"""The cost of the firmware's public-key operations: ms on this machine, and modular multiplications to estimate a board.

`.venv/bin/python tools/bench_crypto.py` prints a table; rows() gives the same to the bench. The multiplications are
counted, not calculated: the firmware's own files run on CPython with an integer that notes each product.
"""

import builtins
import sys
import types

from benchmarks.inside import ROOT, BenchError, run
from cli import failed

NAMES = {
    "keygen": "P-256 key pair",
    "sign": "ECDSA P-256 signature",
    "verify": "ECDSA P-256 verification",
    "csr": "Certificate request",
    "rsa2048": "RSA-2048 verification",
    "rsa3072": "RSA-3072 verification",
    "rsa4096": "RSA-4096 verification",
}
WIDE = 1 << 64  # a product counts when both factors are larger; by 2, 3, 4, 8 or a small digit is no multiplication


class Counted(int):
    """An integer that counts the products and the reductions it takes part in; results are of the same kind."""

    products = 0
    reductions = 0

    def __mul__(self, other):
        if abs(int(self)) > WIDE and abs(int(other)) > WIDE:
            Counted.products += 1
        return Counted(int(self) * int(other))

    __rmul__ = __mul__

    def __mod__(self, other):
        if abs(int(self)) > int(other) << 64:
            Counted.reductions += 1
        return Counted(int(self) % int(other))

    def __rmod__(self, other):
        return Counted(other) % self

    def __pow__(self, exponent, modulus=None):
        # MicroPython's pow with three arguments (py/mpz.c): a square a bit but the last, a product a set bit
        if modulus is not None:
            steps = int(exponent).bit_length() - 1 + int(exponent).bit_count()
            Counted.products += steps
            Counted.reductions += steps
        return Counted(pow(int(self), int(exponent), modulus and int(modulus)))


def _keep_kind(name):
    plain = getattr(int, name)
    return lambda self, *others: Counted(plain(int(self), *(int(o) for o in others)))


for _name in ("add", "radd", "sub", "rsub", "neg", "and", "rand", "or", "ror", "rshift", "lshift"):
    setattr(Counted, f"__{_name}__", _keep_kind(f"__{_name}__"))


def _firmware():
    """The firmware's ec, rsa and csr modules on CPython, computing with Counted."""
    firmware = str(ROOT / "firmware")
    if firmware not in sys.path:
        sys.path.insert(0, firmware)
    if "micropython" not in sys.modules:
        stub = types.ModuleType("micropython")
        stub.const = lambda value: value
        sys.modules["micropython"] = stub
    for name in ("Any", "Iterator", "Steps"):  # CPython evaluates annotations, which have names of tools/annotations
        setattr(builtins, name, object)
    from charger.crypto import csr, ec, rsa

    for module in (ec, rsa):
        module.int = Counted  # int.from_bytes() and int(text, 16) give counted numbers from here on
    for name in ("P", "N", "B"):
        setattr(ec, name, Counted(getattr(ec, name)))
    return csr, ec, rsa


def _finish(steps):
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def count_public_key(d):
    """(products, reductions) of the multiplication of the base point with a secret scalar."""
    _, ec, _ = _firmware()
    Counted.products = Counted.reductions = 0
    _finish(ec.public_key(d))
    return Counted.products, Counted.reductions


def count():
    """{operation: (products, reductions)} of numbers as wide as the modulus, for each of NAMES."""
    csr, ec, rsa = _firmware()
    digest = bytes(range(32))
    d, public = _finish(ec.generate_key())
    signature = _finish(ec.sign(d, digest))
    work = {
        "keygen": ec.generate_key,
        "sign": lambda: ec.sign(d, digest),
        "verify": lambda: ec.verify(public, digest, signature),
        "csr": lambda: csr.create(d, public, "CP-0001", "Operator"),
    }
    for bits in (2048, 3072, 4096):
        n, number = Counted((1 << bits) - 12345), b"\x7f" * (bits // 8)
        work[f"rsa{bits}"] = lambda n=n, number=number: rsa.verify_pkcs1(n, 65537, digest, number)
    found = {}
    for name, make in work.items():
        Counted.products = Counted.reductions = 0
        _finish(make())
        found[name] = Counted.products, Counted.reductions
    return found


def rows():
    """Pairs of name and value, as the bench prints them."""
    counts = count()
    found = []
    figures = {word: run("inside_crypto.py", word) for word in (64, 32)}
    for name, title in NAMES.items():
        ms = " / ".join(f"{figures[word][name + '_us'] / 1000:.1f}" for word in (64, 32))
        slices = " / ".join(f"{figures[word][name + '_slice_us'] / 1000:.1f}" for word in (64, 32))
        garbage, live = figures[32][name + "_garbage"], figures[32][name + "_live"]
        products, reductions = counts[name]
        found.append(
            (
                title,
                f"{ms} ms, longest slice {slices} ms (64 / 32 bit); {products:,} multiplications, {reductions:,} reductions; "
                f"{garbage / 1024:.0f} KiB allocated, {live / 1024:.1f} KiB at a time (32 bit)",
            )
        )
    return found


def main():
    """Entry point; returns the exit code."""
    try:
        for title, value in rows():
            print(f"{title}: {value}")
    except (BenchError, OSError) as error:
        return failed("bench_crypto", error, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
