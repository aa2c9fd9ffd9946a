"""Random delays over many starts of the unit, by the interpreter's own random numbers (UK-31)."""

import json
import subprocess

import pytest

from mpy.interpreter import ROOT, binary, environment

STARTS, EACH = 40, 25
DRAW = f"import json; from charger.grid.random_delay import draw; print(json.dumps([draw(600) for _ in range({EACH})]))"
CLASSES = 30
MOST_SQUARE = 82  # of 29 degrees of freedom: exceeded by chance once in a million


def delays_of_a_start(word):
    """The delays that a unit draws after its start."""
    run = subprocess.run([str(binary(word)), "-c", DRAW], cwd=ROOT, env=environment(), capture_output=True, text=True,
                         timeout=60, check=True)  # fmt: skip
    return json.loads(run.stdout)


@pytest.mark.parametrize("word", [64, 32])
def test_a_thousand_delays_over_forty_starts_are_uniform_whole_seconds(word):
    starts = [delays_of_a_start(word) for _ in range(STARTS)]
    delays = [delay_s for start in starts for delay_s in start]
    assert len(delays) == 1000 and all(type(delay_s) is int and 0 <= delay_s <= 600 for delay_s in delays)
    counts = [0] * CLASSES
    widths = [0] * CLASSES
    for second in range(601):
        widths[second * CLASSES // 601] += 1
    for delay_s in delays:
        counts[delay_s * CLASSES // 601] += 1
    square = sum((count - 1000 * width / 601) ** 2 / (1000 * width / 601) for count, width in zip(counts, widths, strict=True))
    assert square < MOST_SQUARE, counts
    assert len({tuple(start) for start in starts}) == STARTS, "two starts draw the same"
