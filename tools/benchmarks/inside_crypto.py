# Runs inside MicroPython: time, longest slice, garbage and working set of each public-key operation.
#
# Times are the best of several rounds: whatever else the machine does can only lengthen them.
import gc
import hashlib

import utime

from charger.crypto import csr, ec, rsa
from charger.runtime.cooperative import run_now

ROUNDS = 25
DIGEST = hashlib.sha256(b"bench").digest()


def measure(name, make):
    """Print the figures of the computation that make() starts."""
    times, slices = [], []
    for _ in range(ROUNDS):
        gc.collect()
        start = utime.ticks_us()
        run_now(make())
        times.append(utime.ticks_diff(utime.ticks_us(), start))
        slices.append(longest_slice(make()))
    print("bench.%s_us" % name, min(times))
    print("bench.%s_slice_us" % name, min(slices))
    garbage, live = memory(make)
    print("bench.%s_garbage" % name, garbage)
    print("bench.%s_live" % name, live)


def longest_slice(steps):
    """The longest time between two yields, in us."""
    longest = 0
    while True:
        start = utime.ticks_us()
        try:
            next(steps)
        except StopIteration:
            return max(longest, utime.ticks_diff(utime.ticks_us(), start))
        longest = max(longest, utime.ticks_diff(utime.ticks_us(), start))


def memory(make):
    """(bytes allocated in all, most bytes in use at the end of a slice beyond what was in use before)"""
    gc.collect()
    gc.disable()
    base = gc.mem_alloc()
    steps = make()
    garbage = live = 0
    done = False
    while not done:
        before = gc.mem_alloc()
        try:
            next(steps)
        except StopIteration:
            done = True
        garbage += gc.mem_alloc() - before
        gc.collect()
        live = max(live, gc.mem_alloc() - base)
    gc.enable()
    return garbage, live


def main():
    """All operations; the RSA numbers need not be a real key, the work is the same."""
    d, public = run_now(ec.generate_key())
    signature = run_now(ec.sign(d, DIGEST))
    measure("keygen", ec.generate_key)
    measure("sign", lambda: ec.sign(d, DIGEST))
    measure("verify", lambda: ec.verify(public, DIGEST, signature))
    measure("csr", lambda: csr.create(d, public, "CP-0001", "Operator"))
    for bits in (2048, 3072, 4096):
        n = (1 << bits) - 12345
        number = b"\x7f" * (bits // 8)
        measure("rsa%d" % bits, lambda n=n, number=number: rsa.verify_pkcs1(n, 65537, DIGEST, number))


main()
