#!/usr/bin/env python3
"""The firmware's public-key code against a corpus of valid and manipulated signatures, certificates and keys.

The corpus is drawn from a seed with the `cryptography` package (host_tests/crypto/corpus.py); the firmware decides each case in
MicroPython. Prints the numbers of cases by kind, and each wrong decision.

Exit code 0: all decisions are right, 1: the printed ones are wrong, 2: the command line.
"""

import argparse
import random
import secrets
import sys
from collections import Counter
from pathlib import Path

from cli import exit_with, failed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "host_tests"))

from crypto import corpus
from crypto.device import Device

LARGEST = 1000
AT_ONCE = 40  # cases a process: one of them has 250 s


def decide(cases, word):
    """The firmware's verdicts on the cases, on an interpreter with words of 32 or 64 bits."""
    device = Device(word)
    results = []
    for at in range(0, len(cases), AT_ONCE):
        results += device.evaluate([case for _, _, case, _ in cases[at : at + AT_ONCE]])
    return results


def main(words=None):
    """Exit code."""
    parser = argparse.ArgumentParser(
        prog="vectors", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--size", type=int, default=100, metavar="N", help=f"signatures a kind, 1 to {LARGEST} (100)")
    parser.add_argument("--seed", type=int, metavar="N", help="of a corpus to draw again; drawn and printed otherwise")
    parser.add_argument("--word", type=int, choices=(32, 64), default=64, help="bits of the interpreter (64)")
    parser.error = lambda message: sys.exit(failed("vectors", message, 2))
    given = parser.parse_args(words)
    if not 1 <= given.size <= LARGEST:
        return failed("vectors", f"--size is 1 to {LARGEST}", 2)
    seed = secrets.randbits(32) if given.seed is None else given.seed
    print(f"seed {seed}, size {given.size}, {given.word} bit", flush=True)
    cases = list(corpus.corpus(random.Random(seed), given.size))
    wrong = corpus.wrong_of(cases, decide(cases, given.word))
    counts = Counter((kind, may) for kind, _, _, may in cases)
    for kind in dict.fromkeys(kind for kind, _, _, _ in cases):
        print(f"{kind:<12} {counts[kind, True]:5} to accept, {counts[kind, False]:5} to refuse")
    for text in wrong:
        print(text)
    print(f"{len(cases)} cases, {len(wrong)} decided wrongly")
    return 1 if wrong else 0


if __name__ == "__main__":
    exit_with(main)
