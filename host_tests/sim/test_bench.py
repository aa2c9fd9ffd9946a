"""The bench: its command line, its table in the docs, and the one figure that must not change: no allocation in a tick."""

import subprocess
import sys

import bench
import pytest
from benchmarks import inside

from backend.simulator import ROOT


def test_the_whole_tick_allocates_nothing(word):
    """All guards, limits, drivers and the clock, as the application puts them together, under heap_lock."""
    figures = inside.run("inside_tick.py", word)
    assert figures["ticks"] >= 5000
    assert 0 < figures["median_us"] <= figures["worst_us"]


def test_failing_measurement_is_reported():
    """A script that fails gives its traceback, not figures."""
    with pytest.raises(inside.BenchError, match="no-such-script"):
        inside.run("no-such-script.py", 64)


def test_wear_stays_far_below_the_flash_limit():
    """Ten years of a session a day take less than a tenth of the worst block's erase cycles."""
    figures = inside.run("inside_wear.py", 64)
    assert figures["worst_block_erases"] * 3650 // figures["sessions"] < 10_000


@pytest.mark.parametrize("words", [["nonsense"], ["--bogus"], ["tick", "--write"]], ids=" ".join)
def test_wrong_arguments(words):
    """Exit code 2 and a sentence."""
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "bench.py"), *words], capture_output=True, text=True,
                          check=False, timeout=30)
    assert done.returncode == 2 and done.stderr.strip() and "Traceback" not in done.stderr


def test_table_is_replaced_and_nothing_else(monkeypatch, tmp_path):
    """--write touches what lies between the marks of the document that the project has."""
    copy = tmp_path / "PERFORMANCE.md"
    before = bench.DOCUMENT.read_text(encoding="utf-8")
    copy.write_text(before, encoding="utf-8")
    monkeypatch.setattr(bench, "DOCUMENT", copy)
    bench.write([("Figure of speech", "42 us")])
    after = copy.read_text(encoding="utf-8")
    assert after.split(bench.BEGIN)[0] == before.split(bench.BEGIN)[0]
    assert after.split(bench.END)[1] == before.split(bench.END)[1]
    assert "| Figure of speech | 42 us |" in after
