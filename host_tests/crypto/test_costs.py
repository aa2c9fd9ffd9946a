"""The number of multiplications: bounded, since a board pays some 0.1 ms for each, and the same for every secret."""

import json
import subprocess
import sys

from crypto.curve import N
from mpy.interpreter import ROOT


def counted(expression: str) -> object:
    """An expression over bench_crypto, in a process of its own: it puts the firmware's modules on CPython."""
    code = f"import json, bench_crypto; print(json.dumps({expression}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "tools", capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_operations_stay_as_cheap_as_they_are():
    # "verify" has the inversion of s since it is done in slices: some 390 products that pow() did uncounted before
    most = {"keygen": 1650, "sign": 2050, "verify": 4090, "csr": 2050, "rsa2048": 17, "rsa3072": 17, "rsa4096": 17}
    found = counted("bench_crypto.count()")
    assert set(found) == set(most)
    assert {name: products for name, (products, _) in found.items() if products > most[name]} == {}
    # nothing is counted that is not done: a comb of 64 columns and an inversion are the least that a key can take
    assert found["keygen"][0] > 1500


def test_work_does_not_depend_on_the_secret(rng):
    scalars = [1, 2, 3, 2**64, 2**128 + 1, 2**255, N // 2, N - 2, N - 1, *(rng.randrange(1, N) for _ in range(8))]
    found = counted(f"[bench_crypto.count_public_key(d) for d in {scalars}]")
    assert len({tuple(pair) for pair in found}) == 1, list(zip(scalars, found, strict=True))
